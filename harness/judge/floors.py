"""Floors of a series, its warm-up, and where it was cut by restarts: the shape work before a slope is fitted. Pure."""

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
MSER_BATCH = 5
DEPARTS = 3.0  # standard errors by which what is cut must depart: MSER alone finds a better cut in any noise
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


def mser_cut(times: FloatArray, values: FloatArray, departs: float = DEPARTS) -> int:
    """How many leading points are warm-up: MSER-5 (White 1997), at most half of them.

    MSER looks for a constant mean and would cut a leak in half. So it is applied to what remains after the line through
    the later half is taken away: a warm-up departs from that line, a steady leak does not.
    """
    count = int(values.size)
    if count < 8:
        return 0
    half = count // 2
    slope, level = np.polyfit(times[half:] - times[half], values[half:], 1)
    rest = values - (level + slope * (times - times[half]))
    batch = MSER_BATCH if count >= 8 * MSER_BATCH else max(1, count // 8)
    batches = count // batch
    # Batches are laid from the end, so that the newest points are never the ones left over.
    means = rest[count - batches * batch :].reshape(batches, batch).mean(axis=1)
    scores = [float(np.sum((means[c:] - means[c:].mean()) ** 2)) / (batches - c) ** 2 for c in range(batches // 2 + 1)]
    best = int(np.argmin(scores))
    cut = min(half, best * batch + count - batches * batch)
    # A millionth of the level is rounding, not a departure.
    least = 1e-6 * float(np.max(np.abs(values)))
    return cut if best and _departure(times, rest, cut, half, least) > departs else 0


def _departure(times: FloatArray, rest: FloatArray, cut: int, half: int, least: float) -> float:
    """By how many standard errors of the later half's line the mean of the first ``cut`` points leaves it."""
    later = times[half:]
    sigma = float(np.std(rest[half:])) * float(np.sqrt(later.size / max(1, later.size - 2)))
    away = float(times[:cut].mean() - later.mean())
    spread = float(np.sum((later - later.mean()) ** 2))
    error = sigma * float(np.sqrt(1 / cut + 1 / later.size + away**2 / spread))
    return max(0.0, abs(float(rest[:cut].mean())) - least) / max(error, least, 1e-300)


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
