"""Ctrl-C, SIGTERM and ``harness stop``: the first asks the run to end in order, a second signal ends it at once.

A terminal that goes away (SIGHUP) changes nothing: a run of a day outlives the laptop it was started from.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOP_FILE = "stop"  # in the run's working data: `harness stop` needs no process id, which may be another's by now
STOPPED = "harness stop"


class StopRequest:
    """Whether somebody asked the run to end.

    Args:
        file: its being there asks, too; None: signals only.

    Attributes:
        signal_name: who asked: a signal's name, or "harness stop"; None while nobody did.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal_name: str | None = None
        self._file = file

    @property
    def requested(self) -> bool:
        if self.signal_name is None and self._file is not None and self._file.exists():
            self.signal_name = STOPPED
        return self.signal_name is not None

    def check(self) -> None:
        """Raises Interrupted once a stop was asked for: for waits during start-up, when there is nothing to judge."""
        if self.requested:
            raise Interrupted(self.signal_name)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_name is not None:
            for each in _SIGNALS:  # a third one must not disturb the clean-up
                signal.signal(each, signal.SIG_IGN)
            raise KeyboardInterrupt
        self.signal_name = signal.Signals(number).name


class Interrupted(Exception):
    """A stop was asked for while the run still started."""


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN: programs that are started here would inherit that, and a target is reloaded by SIGHUP."""


@contextmanager
def stop_on_signals(file: Path | None = None) -> Iterator[StopRequest]:
    """Handles the signals while the block runs (main thread only), then restores what was there before."""
    request = StopRequest(file)
    before = {number: signal.signal(number, request._handle) for number in _SIGNALS}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, _nothing)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
