"""Floors of a series, and where it was cut by restarts: the shape work before a curve is fitted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.prom.series import FloatArray

Floor = Literal["min", "median"]

FLOORS = 48  # windows in a steady state: 30 min of a 24 h run (JUDGEMENT: step 2)
LEAST_CHANGES = 4  # three gaps between them: two can be alike by chance
REGULAR = 0.75  # of the changes must keep the pace for a series to count as slowly read
SOME_DROP, LEFT_OF_RISE = 0.04, 0.4  # less is enough when most of what had grown is gone: a sum of workers keeps it
LATEST, LARGEST = 1e11, 1e30  # unix seconds, any unit
DROP_AT_RESTART = 0.10  # of the level: a restart that frees less (one worker of many) does not part the series


def clean(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Finite samples in order of time, one for each time (the last given wins)."""
    times, values = np.asarray(times, dtype=np.float64).ravel(), np.asarray(values, dtype=np.float64).ravel()
    count = min(times.size, values.size)
    times, values = times[:count], values[:count]
    # What no clock and no unit can show is as unusable as NaN, and its square would overflow.
    keep = (np.abs(times) < LATEST) & (np.abs(values) < LARGEST)
    times, values = times[keep], values[keep]
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(np.diff(times) > 0, True) if times.size else np.empty(0, dtype=bool)
    return times[last], values[last]


def readings(times: FloatArray, values: FloatArray, interval: float) -> tuple[FloatArray, FloatArray]:
    """The samples, or one for each reading where a value is read more slowly than it is scraped (PSS).

    A repeated reading is no new evidence. Slow reading shows as values that change at a regular pace of two samples or
    more; whole-numbered counts that change now and then (descriptors) are not regular and stay as they are.
    """
    change = np.flatnonzero(np.diff(values) != 0) + 1
    if change.size < LEAST_CHANGES:
        return times, values
    gaps = np.diff(times[change])
    pace = float(np.median(gaps))
    if pace < 1.5 * interval or float(np.mean(np.abs(gaps - pace) <= 1.1 * interval)) < REGULAR:
        return times, values
    # The value before the first change was read before the series began: it stands at its first sample.
    kept = np.concatenate([[0], change])
    return times[kept], values[kept]


def floors(
    times: FloatArray, values: FloatArray, interval: float, how: Floor = "min", count: int = FLOORS
) -> tuple[FloatArray, FloatArray, float]:
    """Minimum (or median) of each of ``count`` windows, at the window's middle; and the window's length in seconds.

    A window is no shorter than a sample: a short series has fewer windows.
    """
    if times.size == 0:
        return times, values, interval
    span = float(times[-1] - times[0]) + interval
    size = max(span / count, interval)
    index = np.floor((times - times[0]) / size + 1e-9).astype(np.int64)
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    if how == "min":
        low = np.minimum.reduceat(values, starts)
    else:
        low = np.array([np.median(part) for part in np.split(values, starts[1:])])
    return times[0] + (index[starts] + 0.5) * size, low, size


def segment_ids(times: FloatArray, values: FloatArray, restarts: Sequence[float]) -> NDArray[np.int64]:
    """For each point the number of its segment: a new one begins at a restart that dropped the level."""
    return np.searchsorted(partings(times, values, restarts), times, side="right").astype(np.int64)


def partings(times: FloatArray, values: FloatArray, restarts: Sequence[float]) -> list[float]:
    """The restarts that dropped the level: they part the series.

    Recycled workers restart all day while the sum stays: those restarts part nothing.
    """
    found = []
    for moment in sorted(set(restarts)):
        after = int(np.searchsorted(times, moment))
        if after == 0 or after >= times.size:
            continue
        before_level = float(np.median(values[max(0, after - 3) : after]))
        after_level = float(np.min(values[after : after + 3]))
        fell = before_level - after_level
        begun = float(np.min(values[:3]))
        all_gone = fell > SOME_DROP * abs(before_level) and after_level - begun <= LEFT_OF_RISE * (before_level - begun)
        if all_gone or fell > DROP_AT_RESTART * abs(before_level):
            found.append(moment)
    return found
