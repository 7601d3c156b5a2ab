"""The live display: one line of numbers and a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from harness.run.phases import Phase
from harness.units import format_bytes, format_duration

PLAIN_EVERY_SECONDS = 5.0
UNWATCHED_SECONDS = 60.0  # a day of it is 200 kB of log
_STYLES = {"info": "", "note": "yellow", "error": "bold red"}


@dataclass(frozen=True)
class Progressed:
    """What there is to show at one moment; None is a value that is not known (yet), and is shown as such.

    Attributes:
        elapsed, total: seconds of load so far and in all.
        memory: bytes of the target in all.
        alerts: alerts that fire, in words.
    """

    phase: Phase
    elapsed: float
    total: float
    users: int | None = None
    users_target: int | None = None
    rps: float | None = None
    p95: float | None = None
    error_ratio: float | None = None
    memory: float | None = None
    alerts: tuple[str, ...] = ()


class Ui(Protocol):
    """Where a run says what happens."""

    def event(self, text: str, level: str = "info") -> None:
        """One thing that happened; ``level`` is info, note or error."""

    def progress(self, state: Progressed) -> None:
        """How far the run is; called about once a second."""

    def close(self) -> None:
        """The load is over; what was drawn stays."""


def numbers(state: Progressed) -> str:
    """The figures of one moment in one line. Pure."""
    users = "-" if state.users is None else str(state.users)
    if state.users_target is not None and state.users_target != state.users:
        users += f"/{state.users_target}"
    return "  ".join(
        (
            f"users {users}",
            f"rps {_shown(state.rps, lambda v: f'{v:.1f}')}",
            f"p95 {_shown(state.p95, format_duration)}",
            f"errors {_shown(state.error_ratio, lambda v: f'{v * 100:.2f}%')}",
            f"memory {_shown(state.memory, format_bytes)}",
            f"alerts {', '.join(state.alerts) if state.alerts else 'none'}",
        )
    )


def time_left(state: Progressed) -> str:
    return format_duration(round(max(0.0, state.total - state.elapsed)))


def _shown(value: float | None, text: Callable[[float], str]) -> str:
    return "-" if value is None else text(value)


class PlainUi:
    """One line per event, and the figures every few seconds: for logs and CI."""

    def __init__(
        self, console: Console, clock: Callable[[], float] = time.monotonic, *, every: float = PLAIN_EVERY_SECONDS
    ) -> None:
        """``every``: seconds between the figures."""
        self._console = console
        self._clock = clock
        self._every = every
        self._next = float("-inf")
        self._phase: Phase | None = None

    def event(self, text: str, level: str = "info") -> None:
        self._print(text if level == "info" else f"{level}: {text}")

    def progress(self, state: Progressed) -> None:
        now = self._clock()
        if now < self._next and state.phase == self._phase:
            return
        self._next, self._phase = now + self._every, state.phase
        share = state.elapsed / state.total if state.total else 1.0
        self._print(f"{state.phase:<8} {share:4.0%}  left {time_left(state)}  {numbers(state)}")

    def close(self) -> None:
        pass

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _LeftColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"left {format_duration(round(max(0.0, (task.total or 0.0) - task.completed)))}")


class LiveUi:
    """A progress bar with the figures below it; events scroll above."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description:<8}"), BarColumn(bar_width=None), TaskProgressColumn(), _LeftColumn(),
            console=console, expand=True,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=None)
        self._live: Live | None = None

    def event(self, text: str, level: str = "info") -> None:
        self._console.print(Text(text, style=_STYLES.get(level, "")), soft_wrap=True)

    def progress(self, state: Progressed) -> None:
        self._bar.update(self._task, description=state.phase, completed=state.elapsed, total=state.total)
        shown = Group(self._bar, Text(numbers(state), style="red" if state.alerts else ""))
        if self._live is None:
            self._live = Live(shown, console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(shown, refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def make_ui(console: Console) -> Ui:
    """The live display on a terminal, plain lines elsewhere."""
    return LiveUi(console) if console.is_terminal else PlainUi(console)
