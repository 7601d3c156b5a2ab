"""How fast this machine computes: the CPU time of a piece of work that is always the same, done four times a second.

A virtual machine's neighbours, its caches and its clock rate move the CPU time that the same work takes by a tenth or
more from run to run; no number of runs on such a machine tells a build that computes more from a night that was slow.
The work is of the kind that services do (objects made, written as JSON, read, sorted), in short bursts after idling, so
that cold caches slow it as they slow a request. It takes less than one hundredth of one core.
"""

from __future__ import annotations

import contextlib
import gc
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporters import metric_names as names
from exporters.families import Families

ROWS = 400
SECONDS = 0.25  # between rounds
# Work of another kind, or of another interpreter, is another measure: nothing is told by comparing the two.
KIND = f"json-1 {platform.python_implementation()}-{platform.python_version()}"


@dataclass(frozen=True)
class PaceReading:
    """Since the sidecar began: rounds of the work that were done, and the CPU seconds that they took."""

    rounds: int
    seconds: float
    problems: tuple[str, ...] = ()


class Pace:
    """A source (``exporters.poller.Source``) that does a round at each reading."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        """``clock``: CPU seconds of this thread."""
        self._clock = clock
        self.latest = PaceReading(0, 0.0)

    def read(self) -> PaceReading:
        before = self.latest
        with _uncollected():
            began = self._clock()
            work()
            seconds = self._clock() - began
        self.latest = PaceReading(before.rounds + 1, before.seconds + seconds)
        return self.latest

    def ping(self) -> None:
        """Nothing between readings."""

    def close(self) -> None:
        """Nothing is held."""


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector for a moment: it would go through all that the sidecar holds in the work's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def work() -> int:
    """The work, always the same; a millisecond or two."""
    rows = [{"id": i, "name": f"row {i * 7919 % ROWS}", "balance": i * 1.25, "tags": ["a", "b"]} for i in range(ROWS)]
    found = json.loads(json.dumps(rows))
    found.sort(key=_by_name)
    return sum(row["id"] * len(row["name"]) for row in found)


def _by_name(row: dict[str, str]) -> str:
    return row["name"]


def expose(families: Families, reading: PaceReading) -> None:
    """Adds the pace. One whose thread hangs stands still, which says nothing, and nothing wrong."""
    labels = {"work": KIND}
    families.counter(names.PACE_ROUNDS, "Rounds of work that is always the same.", labels, reading.rounds)
    families.counter(names.PACE_CPU, "CPU seconds that those rounds took.", labels, reading.seconds)
