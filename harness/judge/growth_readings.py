"""From samples to readings that a growth can be fitted to: floors, segments, ages, load, saw teeth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from harness.judge.floors import Floor, floors, partings
from harness.prom.series import FloatArray

HOUR = 3600.0
LOAD_VARIES = 0.03  # JUDGEMENT: "more than a few percent" (standard deviation over mean)
LATE_LOAD = 0.02  # of the horizon, half an hour of a day: memory follows its load late
EXCURSION = 13  # readings: what is over within half of them was a job of an hour or two, not a level
OUTSIDE = 6.0  # robust standard deviations
MOST_EXCURSIONS = 0.25  # of the readings; more is how the series is
RESET = 0.1  # of the level
SAW_TEETH = 0.3  # of the deepest drop: others so deep make it a saw
TEETH = 3  # drops that make a saw
LEAST_TOOTH = 0.02  # of the level
DROPS = 4.0  # times the usual change, and a quarter of the range: a tooth's end
MAD_TO_SIGMA = 1.4826  # of a normal distribution
COLLINEAR = 1e-6


@dataclass(frozen=True)
class Readings:
    """What is fitted.

    Attributes:
        times: unix seconds; hours: since the first reading; age: hours since the subject or the window began.
        ids: segment of each reading.
        fixed: columns that every model has: one level for each segment, the load, the age of a saw tooth.
        load, high: load over its mean, and the highest so far, where it varies; else None.
        explained: what of the values the load explains (0 where it does not vary).
        window: seconds that one reading stands for.
    """

    times: FloatArray
    hours: FloatArray
    values: FloatArray
    age: FloatArray
    ids: NDArray[np.int64]
    fixed: FloatArray
    load: FloatArray | None
    high: FloatArray | None
    explained: FloatArray
    window: float


def read(
    times: FloatArray,
    values: FloatArray,
    *,
    interval: float,
    how: Floor,
    count: int,
    horizon: float,
    restarts: Sequence[float],
    load: tuple[FloatArray, FloatArray] | None,
) -> Readings:
    """The readings of cleaned samples: one for each of ``count`` windows, without those that a restart spoils."""
    t, v, window = floors(times, values, interval, how, count)
    parting = np.array(partings(t, v, restarts))
    if parting.size == 0:
        parting = _resets(t, v)
    ids = np.searchsorted(parting, t, side="right")
    # The window in which it was restarted has the minimum of neither life.
    keep = np.ones(t.size, dtype=bool)
    for moment in parting:
        keep &= np.abs(t - moment) > window / 2
    for segment in np.unique(ids[keep]):
        mine = np.flatnonzero(keep & (ids == segment))
        keep[mine[_excursions(v[mine])]] = False
    t, v, ids = t[keep], v[keep], np.unique(ids[keep], return_inverse=True)[1].astype(np.int64)
    if t.size == 0:
        return Readings(t, t, v, t, ids, np.empty((0, 0)), None, None, t, window)
    hours = (t - t[0]) / HOUR
    begun = np.concatenate([[times[0]], parting])
    age = np.maximum(0.0, (t - begun[np.searchsorted(begun, t, side="right") - 1]) / HOUR)
    columns = [(ids == segment).astype(np.float64) for segment in np.unique(ids)]
    levels = len(columns)
    share = high = None
    if load is not None and load[0].size >= 2:
        share = _load_share(t, load, window, how)
        if share is not None:
            # The least of a window is what the highest load before it left.
            most = np.maximum.accumulate(load[1]) / float(load[1].mean())
            high = np.interp(t - window / 2 if how == "min" else t, load[0], most)
            late = _load_share(t - LATE_LOAD * horizon, load, window, how)
            columns += [share] if late is None else [share, late]
    fixed = _independent(columns)
    explained = np.zeros(t.size)
    if fixed.shape[1] > levels:
        found = np.linalg.lstsq(np.column_stack([fixed, hours]), v, rcond=None)[0]
        explained = fixed[:, levels:] @ found[levels:-1]
    tooth = _tooth_age(hours, v, ids)
    if tooth is not None:
        fixed = _independent([*fixed.T, tooth])
    return Readings(t, hours, v, age, ids, fixed, share, high, explained, window)


def _resets(t: FloatArray, v: FloatArray) -> FloatArray:
    """Moments at which the level fell as after a restart, though none is known; none when it is a saw tooth."""
    change = np.diff(v)
    if change.size < 2 * TEETH + 2:
        return np.empty(0)
    usual = MAD_TO_SIGMA * float(np.median(np.abs(change - np.median(change))))
    fell = np.flatnonzero(change < -np.maximum(OUTSIDE * usual, RESET * np.abs(v[:-1])))
    if fell.size == 0 or np.count_nonzero(change < SAW_TEETH * float(change.min())) >= TEETH:
        return np.empty(0)
    return (t[fell] + t[fell + 1]) / 2


def _excursions(values: FloatArray) -> NDArray[np.bool_]:
    """Readings far from their surroundings that come back: a nightly job, a cache dropped.

    A step or a slope moves with its running median and stays in.
    """
    none = np.zeros(values.size, dtype=bool)
    if values.size < 2 * EXCURSION:
        return none
    away = values - median_filter(values, EXCURSION, mode="nearest")
    spread = MAD_TO_SIGMA * float(np.median(np.abs(away)))
    outside = np.abs(away) > OUTSIDE * spread + 1e-9 * float(np.max(np.abs(values)))
    return outside if spread > 0 and outside.mean() <= MOST_EXCURSIONS else none


def _load_share(t: FloatArray, load: tuple[FloatArray, FloatArray], window: float, how: Floor) -> FloatArray | None:
    """Load over its mean in the windows around ``t``, read as the values are; None where it does not vary."""
    first = np.searchsorted(load[0], t - window / 2)
    last = np.searchsorted(load[0], t + window / 2)
    take = np.min if how == "min" else np.median
    near = np.interp(t, *load)
    at = np.array([take(load[1][a:b]) if b > a else n for a, b, n in zip(first, last, near, strict=True)])
    mean = float(at.mean())
    if not np.isfinite(mean) or mean <= 0 or float(at.std()) / mean <= LOAD_VARIES:
        return None
    return at / mean


def _tooth_age(hours: FloatArray, values: FloatArray, ids: NDArray[np.int64]) -> FloatArray | None:
    """Hours since the last drop of a saw that is slower than the readings; None when there is no saw.

    With it in the regression the teeth explain themselves, and what is left of a trend is the growth of their feet.
    """
    if values.size < 2 * TEETH + 2:
        return None
    change = np.where(np.diff(ids) == 0, np.diff(values), 0.0)
    least = max(
        DROPS * float(np.median(np.abs(change))),
        0.25 * float(np.ptp(values - np.polyval(np.polyfit(hours, values, 1), hours))),
    )
    least = max(
        least, LEAST_TOOTH * float(np.median(np.abs(values))), 2.0 if np.all(values == np.round(values)) else 0.0
    )
    drops = np.flatnonzero(change < -least) + 1
    if drops.size < TEETH or least <= 0:
        return None
    begun = np.concatenate([[0], drops])
    which = np.searchsorted(begun, np.arange(values.size), side="right") - 1
    age: FloatArray = hours - hours[begun[which]]
    if values.size > begun[1]:  # the first tooth began before the window did
        age[: begun[1]] += max(0.0, float(np.median(np.diff(hours[drops]))) - float(hours[begun[1]]))
    return age


def _independent(columns: list[FloatArray]) -> FloatArray:
    """Without columns that the ones before explain."""
    kept: list[FloatArray] = []
    for column in columns:
        if kept:
            basis = np.column_stack(kept)
            rest = column - basis @ np.linalg.lstsq(basis, column, rcond=None)[0]
            if float(rest @ rest) <= COLLINEAR * float(column @ column):
                continue
        kept.append(column)
    return np.column_stack(kept)
