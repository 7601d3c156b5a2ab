"""Starts proxies (``harness.selftest.proxy``) and turns them hostile at their moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil

from harness.errors import HarnessError
from harness.prom.server import die_with_parent
from harness.selftest.whole_run import Meddle

MUTE = ("--mute",)
LOSSY = ("--delay", "0.05", "--loss", "0.05")


@contextmanager
def proxy(to: str, how: Sequence[str], listen: str = "127.0.0.1") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Yields the process and its port; it ends with the block, or with the thread that began it.

    Args:
        to: "host:port".

    Raises:
        HarnessError: it does not start.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "harness.selftest.proxy", "--to", to, "--listen", listen, *how],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=die_with_parent(),
    )  # fmt: skip
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line.strip().isdigit():
            raise HarnessError(f"a proxy to {to} did not start: it ended with exit code {child.wait()}")
        yield child, int(line)
    finally:
        child.kill()
        child.wait()


def through(url: str, port: int, host: str = "127.0.0.1") -> str:
    """The URL by way of a proxy at that address; user, password and path stay. Pure."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{host}:{port}").geturl()


def address(url: str) -> str:
    """The "host:port" of a URL that names both. Pure."""
    return urlsplit(url).netloc.rpartition("@")[2]


def turns(children: Sequence[subprocess.Popen[bytes]]) -> Meddle:
    """Turns them hostile."""

    def act(_: psutil.Process) -> Callable[[], None] | None:
        for child in children:
            child.send_signal(signal.SIGUSR1)
        return None

    return act
