"""Undoes what a cell did to this machine (a mount, a network namespace), also when the one who did it is killed.

As ``going_on``: a small process waits for the end of its standard input, whose other end is the lab's.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

_EACH_SECONDS = 20.0


@contextlib.contextmanager
def afterwards(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Runs the commands, in order, when the block is left, or when this process ends in it, however.

    To be entered before what they undo is done. Commands that fail do not keep the next from being run.
    """
    guard = subprocess.Popen(
        [sys.executable, "-m", "harness.selftest.afterwards", json.dumps([list(one) for one in commands])],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def undo(commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(list(command), check=False, timeout=_EACH_SECONDS)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    undo(json.loads(sys.argv[1]))
