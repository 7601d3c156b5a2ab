"""Free ports on loopback, for servers that cannot choose one themselves."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TypeVar

from harness.errors import HarnessError

LOOPBACK = "127.0.0.1"
ATTEMPTS = 3
T = TypeVar("T")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def on_free_port(start: Callable[[int], T]) -> T:
    """Starts a server on a free port; another process may take the port first, so that is tried again.

    Raises:
        HarnessError: of the last attempt.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return start(free_port())
        except HarnessError as error:
            if "in use" not in str(error):
                raise
    return start(free_port())


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
