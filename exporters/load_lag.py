"""How late the event loop wakes a sleeper: the generator's own health, as a histogram.

A tick is due every ``INTERVAL``. When the loop stalls for longer, every tick that was due meanwhile counts with its own
lateness, so that one stall of two seconds is forty late ticks and not one sample that a p99 overlooks (Gil Tene's
"coordinated omission").
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable

EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds
INTERVAL = 0.05  # seconds
_MOST_MISSED = 20_000  # ticks counted one by one: a machine that slept for a night must not spin for it


class LoopLag:
    """Counts of ticks by lateness.

    Attributes:
        counts: per bucket of ``EDGES`` and +Inf, not cumulative.
        total: seconds of lateness in all.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(EDGES) + 1)
        self.total = 0.0

    def observe(self, lag: float) -> None:
        """One tick that came ``lag`` seconds late; a tick cannot be early."""
        lag = max(0.0, lag)
        self.counts[bisect_left(EDGES, lag)] += 1
        self.total += lag

    def catch_up(self, due: float, now: float) -> float:
        """Observes each tick that was due up to ``now``; returns when the next is due."""
        missed = 0
        while due <= now and missed < _MOST_MISSED:
            self.observe(now - due)
            due += INTERVAL
            missed += 1
        return max(due, now) if missed == _MOST_MISSED else due

    def watch(self, sleep: Callable[[float], object], clock: Callable[[], float] = time.perf_counter) -> None:
        """Never returns; runs in a greenlet (or thread) of its own."""
        due = clock() + INTERVAL
        while True:
            sleep(max(0.0, due - clock()))
            # A timer may fire a hair before its time; the tick then counts as on time.
            due = self.catch_up(due, max(clock(), due))
