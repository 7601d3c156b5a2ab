"""Lets stopped processes go on when the one that stopped them ends, also by SIGKILL: a small process waits for that.

What is stopped cannot end either: SIGTERM and a parent's death reach it only once it goes on.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence

import psutil

_SAME_SECONDS = 2.0  # times of creation follow the clock, which may have been set a little since


def guarded(found: Sequence[psutil.Process]) -> subprocess.Popen[bytes]:
    """Starts the process that waits; it ends when its standard input does, and has them all go on before.

    To be called before they are stopped. It stands apart (a session of its own), so that Ctrl-C does not reach it.
    """
    words = []
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):  # a server's children come and go
            words.append(f"{process.pid}:{process.create_time()!r}")
    return subprocess.Popen(
        [sys.executable, "-m", "harness.selftest.going_on", *words], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def go_on(words: Sequence[str]) -> None:
    """SIGCONT to each ("pid:time of its creation"); a process that took the number of one since is left alone."""
    for word in words:
        pid, _, created = word.partition(":")
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(created)) < _SAME_SECONDS:
                process.resume()


if __name__ == "__main__":
    sys.stdin.buffer.read()  # its other end is the one that stopped them, and closes with it
    go_on(sys.argv[1:])
