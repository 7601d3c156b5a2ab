"""A small cumulative histogram of ping latencies, in seconds."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

# Factor of about 1.5 from 0.1 ms, where a ping on loopback begins, to 10 s, the longest time-out.
PING_EDGES = (
    0.0001, 0.00015, 0.00025, 0.0004, 0.0006, 0.001, 0.0015, 0.0025, 0.004, 0.006,
    0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 1.5, 2.5, 4.0, 6.0, 10.0,
)  # fmt: skip


@dataclass(frozen=True)
class HistogramSnapshot:
    """``buckets``: (upper edge, observations up to it), the last edge is +Inf; ``total``: sum of seconds."""

    buckets: tuple[tuple[float, int], ...]
    total: float


class LatencyHistogram:
    """Counts observations per bucket. Used by one thread; readers get immutable snapshots."""

    def __init__(self, edges: tuple[float, ...] = PING_EDGES) -> None:
        self._edges = edges
        self._counts = [0] * (len(edges) + 1)
        self._total = 0.0

    def observe(self, seconds: float) -> None:
        # An observation on an edge belongs below it (le means less or equal).
        self._counts[bisect_left(self._edges, seconds)] += 1
        self._total += seconds

    def observe_paced(self, seconds: float, pace: float) -> None:
        """An observation, and those that would have been made every ``pace`` seconds while it took that long.

        Else a stall of a minute is one slow ping among the thousands of an hour (Tene's "coordinated omission",
        corrected as by HdrHistogram's ``recordValueWithExpectedInterval``).
        """
        self.observe(seconds)
        while (seconds := seconds - pace) > 0:
            self.observe(seconds)

    def snapshot(self) -> HistogramSnapshot:
        running, buckets = 0, []
        for edge, count in zip((*self._edges, math.inf), self._counts, strict=True):
            running += count
            buckets.append((edge, running))
        return HistogramSnapshot(tuple(buckets), self._total)
