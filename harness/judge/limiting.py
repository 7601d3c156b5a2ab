"""Which signal left its normal range first around a break: the limiting resource, and the runners-up. Pure.

A *use* has a level at which it is exhausted (a pool that lets callers wait, a processor that is busy). A *delay* has
none: it has left its normal range when it is far from what it was at loads that held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.judge.onset import LASTING, MAD_TO_SIGMA, SPREADS
from harness.judge.windows import Window, stretches
from harness.prom.series import FloatArray

LEAST_NORMAL = 5  # samples that tell a normal range
DELAY_FACTOR = 2.0  # a delay that less than doubled is no sign of a queue
SAME_MOMENT = 2.0  # scrape intervals: what left within them left together, as far as samples can tell


@dataclass(frozen=True)
class Signal:
    """One resource over time.

    Attributes:
        name: cpu, db_pool, redis, database, memory, fds ... as in findings.
        subject: of whom ("web"); empty for the only one.
        what: what is measured, for a person.
        times, values: shape (n,), unix seconds and ``unit``.
        full: the level at which a use is exhausted; None for a delay.
        least: a delay's smallest change that counts, in ``unit``.
    """

    name: str
    subject: str
    what: str
    unit: str
    times: FloatArray
    values: FloatArray
    full: float | None = None
    least: float = 0.0


@dataclass(frozen=True)
class Departure:
    """When a signal left its normal range.

    Attributes:
        at: unix seconds.
        load: at that moment, users or arrivals per second; None where it is not known.
        level: the highest after that; ``normal``: the limit that it passed.
    """

    signal: Signal
    at: float
    load: float | None
    level: float
    normal: float


def departures(
    signals: Sequence[Signal],
    normal: Window,
    watched: Window,
    interval: float,
    load_at: Callable[[float], float | None] = lambda _: None,
) -> tuple[Departure, ...]:
    """The signals that left, the first first; of those that left together, the one farthest beyond its limit.

    Args:
        normal: a time in which all was well; ``watched``: from then to the end of the break.
    """
    found = []
    for signal in signals:
        limit = limit_of(signal, normal)
        if limit is None:
            continue
        keep = (signal.times >= watched.start) & (signal.times <= watched.end)
        times, values = signal.times[keep], signal.values[keep]
        over = [s for s in stretches(times, np.asarray(values > limit), interval) if s.samples >= LASTING]
        if over:
            level = float(values[times >= over[0].start].max())
            found.append(Departure(signal, over[0].start, load_at(over[0].start), level, limit))
    if not found:
        return ()
    first = min(one.at for one in found)
    together = SAME_MOMENT * interval

    def order(one: Departure) -> tuple[float, float]:
        return (first if one.at - first <= together else one.at, -one.level / max(one.normal, 1e-9))

    return tuple(sorted(found, key=order))


def limit_of(signal: Signal, normal: Window) -> float | None:
    """What a signal must exceed to have left; None where nothing shows what is normal, or it was out all along."""
    keep = (signal.times >= normal.start) & (signal.times <= normal.end)
    before = signal.values[keep]
    if signal.full is not None:
        out = before.size and float(np.median(before)) > signal.full
        return None if out else signal.full
    if before.size < LEAST_NORMAL:
        return None
    level = float(np.median(before))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(before - level)))
    return max(level + SPREADS * spread, DELAY_FACTOR * level, level + signal.least)
