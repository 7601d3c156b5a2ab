"""The phases of a run and the window that is judged. Pure: times come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["warmup", "steady", "cooldown"]


@dataclass(frozen=True)
class Schedule:
    """When what happens, in unix seconds.

    Attributes:
        load_from: when the load began (the Locust master says so).
        warmup: seconds from the start of load that are left out of the judgement.
        duration: planned seconds of load in all.
        resumed_at: when the load went on after the harness had died; a new warm-up begins then. None: it never did.
    """

    load_from: float
    warmup: float
    duration: float
    resumed_at: float | None = None

    @property
    def steady_from(self) -> float:
        return self.load_from + self.warmup

    @property
    def load_to(self) -> float:
        """Planned end of the load, and of the judged window."""
        return self.load_from + self.duration

    def phase(self, now: float) -> Phase:
        """The phase at ``now``; a moment before the load began belongs to the warm-up."""
        if now >= self.load_to:
            return "cooldown"
        warm = self.steady_from if self.resumed_at is None else max(self.steady_from, self.resumed_at + self.warmup)
        return "steady" if now >= warm else "warmup"

    def elapsed(self, now: float) -> float:
        """Seconds of load so far, 0 to ``duration``."""
        return min(max(0.0, now - self.load_from), self.duration)

    def steady_window(self, load_ended: float) -> tuple[float, float] | None:
        """The judged window of a load that ended then, or None when it never left the warm-up."""
        end = min(load_ended, self.load_to)
        return (self.steady_from, end) if end > self.steady_from else None
