"""Ctrl-C and SIGTERM: the first asks the run to end in order, the second ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Whether somebody asked the run to end."""

    def __init__(self) -> None:
        self.signal_name: str | None = None

    @property
    def requested(self) -> bool:
        return self.signal_name is not None

    def check(self) -> None:
        """Raises Interrupted once a stop was asked for: for waits during start-up, when there is nothing to judge."""
        if self.signal_name is not None:
            raise Interrupted(self.signal_name)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_name is not None:
            for each in _SIGNALS:  # a third one must not disturb the clean-up
                signal.signal(each, signal.SIG_IGN)
            raise KeyboardInterrupt
        self.signal_name = signal.Signals(number).name


class Interrupted(Exception):
    """A stop was asked for while the run still started."""


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Handles the signals while the block runs (main thread only), then restores what was there before."""
    request = StopRequest()
    before = {number: signal.signal(number, request._handle) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
