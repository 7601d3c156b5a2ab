"""What a run that is on says of itself, for ``harness status``: a small file in its working data, always renewed.

It is written for kill -9: whole or not at all, and with its moment, so that a reader can tell a dead or hung harness
from a living one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError
from harness.run.display import Progressed, Ui
from harness.run.json_files import read_json
from harness.run.record import RunDirectory

STATE_FILE = "state.json"
WRITE_EVERY = 1.0  # seconds
_TEXTS = frozenset({"doing", "phase", "prometheus"})
_TIMES = frozenset({"at", "elapsed", "total"})
_LATEST = 1e11  # seconds
_MOST = 1e18  # of a figure


@dataclass(frozen=True)
class LiveState:
    """The run at one moment. Times are unix seconds.

    Attributes:
        at: when the harness last gave a sign of life.
        doing: what it does or waits for, in words, while no load runs.
        phase: warmup, steady or cooldown; empty while no load runs.
        elapsed, total: seconds of load so far and in all.
        prometheus: URL of the live Prometheus; empty before it is there.
        rps, p95, error_ratio, memory: newest figures; None where not known.
        alerts: that fire now, by name.
    """

    at: float
    doing: str = ""
    phase: str = ""
    elapsed: float = 0.0
    total: float = 0.0
    prometheus: str = ""
    users: int | None = None
    users_target: int | None = None
    rps: float | None = None
    p95: float | None = None
    error_ratio: float | None = None
    memory: float | None = None
    alerts: tuple[str, ...] = ()


def read_state(directory: RunDirectory) -> LiveState | None:
    """What the run said last; None when it said nothing (yet), or is over.

    Raises:
        ArchiveError: the file cannot be read.
    """
    file = directory.work / STATE_FILE
    if not file.is_file():
        return None
    data = read_json(file)
    try:
        return _checked(LiveState(**{**data, "alerts": tuple(data["alerts"])}))
    except (TypeError, KeyError) as error:
        raise ArchiveError(f"{file} is not the state of a run that this version knows: {str(error)[:200]}") from error


def _checked(state: LiveState) -> LiveState:
    """The state, whose every value can be shown. Raises TypeError. Pure."""
    for name, value in asdict(state).items():
        if name == "alerts":
            right = all(isinstance(alert, str) for alert in value)
        elif name in _TEXTS:
            right = isinstance(value, str)
        elif value is None:
            right = name not in _TIMES
        else:
            most = _LATEST if name in _TIMES else _MOST
            right = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
        if not right:
            raise TypeError(f"{name!r} is {str(value)[:40]!r}")
    return state


class StateUi:
    """A ``Ui`` that shows everything on another one and keeps the state file.

    A terminal that went away, or a full disk, must not end a run: what cannot be shown or written is left.

    Args:
        clock: unix seconds.
        now: monotonic seconds.
    """

    def __init__(
        self, shown: Ui, file: Path, clock: Callable[[], float], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._shown: Ui | None = shown
        self._file = file
        self._clock = clock
        self._now = now
        self._next = float("-inf")
        self._state = LiveState(at=clock())

    def tell(self, **fields: Any) -> None:
        """Changes the state and writes it now."""
        self._state = replace(self._state, **fields)
        self._write()

    def event(self, text: str, level: str = "info") -> None:
        self._show(lambda ui: ui.event(text, level))
        if level == "info":
            self._state = replace(self._state, doing=text)
        self._write()

    def progress(self, state: Progressed) -> None:
        self._show(lambda ui: ui.progress(state))
        begun = state.phase != self._state.phase
        self._state = replace(
            self._state, doing="", phase=state.phase, elapsed=state.elapsed, total=state.total, users=state.users,
            users_target=state.users_target, rps=state.rps, p95=state.p95, error_ratio=state.error_ratio,
            memory=state.memory, alerts=state.alerts,
        )  # fmt: skip
        if begun or self._now() >= self._next:
            self._write()

    def close(self) -> None:
        self._show(lambda ui: ui.close())
        self._state = replace(self._state, phase="")

    def _show(self, what: Callable[[Ui], None]) -> None:
        if self._shown is None:
            return
        try:
            what(self._shown)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._shown = None

    def _write(self) -> None:
        self._next = self._now() + WRITE_EVERY
        self._state = replace(self._state, at=self._clock())
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        # No fsync, unlike run.json: it is written every second, and a kill -9 loses nothing that was written.
        try:
            temporary.write_text(json.dumps(asdict(self._state)), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return
