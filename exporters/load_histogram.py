"""Edges of the request duration histogram, in seconds. Pure.

The edges grow by a factor of 1.2 from 1 ms to 60 s, so a quantile read from the buckets is off by 20 % at most; every
latency limit of a plan becomes an edge of its own, so that "share of requests within the limit" is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

FIRST_EDGE = 0.001  # seconds; below a millisecond the event loop's own jitter drowns the signal
LAST_EDGE = 60.0  # seconds; Locust's own time-out
FACTOR = 1.2
_DIGITS = 4  # significant digits: short `le` labels that print the same in Python and in Go


def edges(limits: Iterable[float] = ()) -> tuple[float, ...]:
    """Sorted distinct upper bounds in seconds, +Inf not among them: the geometric ones and one at each limit.

    Raises:
        ValueError: a limit is not a positive finite number.
    """
    found = {LAST_EDGE}
    step = 0
    while (edge := float(f"{FIRST_EDGE * FACTOR**step:.{_DIGITS}g}")) < LAST_EDGE:
        found.add(edge)
        step += 1
    for limit in limits:
        if not (math.isfinite(limit) and limit > 0):
            raise ValueError(f"a latency limit must be a positive number of seconds, not {limit!r}")
        found.add(float(limit))
    return tuple(sorted(found))
