"""The end-of-run growth test on one series (JUDGEMENT: "End-of-run growth test"). Pure: arrays in, result out.

Slopes are per hour in the unit of the series. Never raises on data, never PASS without enough of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.judge.floors import DEPARTS, FLOORS, Floor, clean, floors, mser_cut, readings, segment_ids
from harness.judge.verdict import Outcome
from harness.prom.series import FloatArray

HOUR = 3600.0
CONFIDENCE = 0.95  # two-sided, of the slope's upper bound, which PASS needs
PROOF = 0.99  # two-sided, of the lower bound, which FAIL needs: a false alarm costs more than a longer run
TAIL_SHARE = 0.35  # JUDGEMENT: the last third must still grow by this share of the overall slope
LEAST_POINTS = 5  # readings; below it no interval means anything (three degrees of freedom)
LEAST_EFFECTIVE = 5.0  # three degrees of freedom: below, t quantiles of 60 hide any leak in one unlucky autocorrelation
COARSE = (24, 12)  # further looks with longer windows
LOAD_VARIES = 0.03  # JUDGEMENT: "more than a few percent" (standard deviation over mean)
EFFICIENCY = 1.05  # standard error of Theil-Sen over least squares on normal noise (Sen 1968: efficiency 3/pi)
AFTER_RESTART = 0.1  # of a segment: the time it takes to warm again


@dataclass(frozen=True)
class Slope:
    """A fitted slope per hour with its confidence interval, and the level where the fit begins."""

    value: float
    low: float
    high: float
    base: float
    points: int
    effective: float


@dataclass(frozen=True)
class GrowthResult:
    """What the growth test says of one series.

    Attributes:
        base: level at the start of the judged part.
        slope, slope_low, slope_high: per hour, in the unit of the series.
        projected, projected_low, projected_high: growth over the horizon as a share of ``base``.
        seconds_to_limit: from the end of the series until the growth reaches the limit; None when it does not grow.
        more_seconds: how much longer a run must be to be conclusive; None when it is, or when no length would do.
        onset: unix seconds when growth began, when the outcome is FAIL.
        levelled_off: it grew, and stopped.
    """

    outcome: Outcome
    reason: str
    base: float = math.nan
    slope: float = math.nan
    slope_low: float = math.nan
    slope_high: float = math.nan
    projected: float = math.nan
    projected_low: float = math.nan
    projected_high: float = math.nan
    seconds_to_limit: float | None = None
    more_seconds: float | None = None
    onset: float | None = None
    levelled_off: bool = False
    points: int = 0
    effective: float = 0.0


def judge_growth(
    times: FloatArray,
    values: FloatArray,
    *,
    limit: float,
    horizon: float,
    interval: float,
    needed: float,
    smallest: float = 0.0,
    restarts: Sequence[float] = (),
    load: tuple[FloatArray, FloatArray] | None = None,
    how: Floor = "min",
) -> GrowthResult:
    """Does the series grow by more than ``limit`` (a share of its base) over ``horizon`` seconds?

    Args:
        interval: seconds between samples.
        needed: seconds of data below which the outcome cannot be PASS, and a FAIL needs a larger growth.
        smallest: absolute growth over the horizon that is still nothing, whatever the base (a base of 0 has no share).
        restarts: unix seconds at which the subject, or a part of it, began anew.
        load: times and values of the offered load, to be regressed out where it varies.
        how: what stands for a window: its minimum (memory, descriptors) or its median (latency, CPU).
    """
    times, values = clean(times, values)
    if times.size < 2:
        return GrowthResult(Outcome.INCONCLUSIVE, "no samples" if times.size == 0 else "a single sample")
    span = float(times[-1] - times[0]) + interval
    times, values = readings(times, values, interval)
    clean_load = None if load is None else clean(*load)
    test = _Test(limit, horizon, interval, needed, smallest, tuple(restarts), clean_load, how)
    result = _look(times, values, span, test, FLOORS, DEPARTS)
    if result.outcome is not Outcome.INCONCLUSIVE or span < needed - interval:
        return result
    # Further looks may only absolve: each chance to FAIL would add its own false alarms. First a warm-up that is cut on
    # weaker evidence; then longer windows, for a saw tooth longer than a window has its floors in those.
    looks = [(FLOORS, 0.0), *((count, DEPARTS) for count in COARSE if times.size >= 4 * count)]
    further = (_look(times, values, span, test, count, departs) for count, departs in looks)
    return next((look for look in further if look.outcome is Outcome.PASS), result)


@dataclass(frozen=True)
class _Test:
    limit: float
    horizon: float
    interval: float
    needed: float
    smallest: float
    restarts: tuple[float, ...]
    load: tuple[FloatArray, FloatArray] | None
    how: Floor

    def practical(self, base: float) -> float:
        """The slope per hour that matters."""
        return max(self.limit * abs(base), self.smallest) / (self.horizon / HOUR)


def _look(times: FloatArray, values: FloatArray, span: float, test: _Test, count: int, departs: float) -> GrowthResult:
    t, v, _ = floors(times, values, test.interval, test.how, count)
    ids = segment_ids(t, v, test.restarts)
    keep = _warm(t, v, ids, departs)
    t, v, ids = t[keep], v[keep], ids[keep]
    if t.size < LEAST_POINTS:
        more = max(test.needed - span, span * (LEAST_POINTS / max(1, t.size) - 1), test.interval)
        reason = f"only {t.size} usable readings; {LEAST_POINTS} are needed"
        return GrowthResult(Outcome.INCONCLUSIVE, reason, more_seconds=more, points=int(t.size))
    if test.load is not None:
        v = _without_load(t, v, *test.load)
    fit = fit_slope(t, v, ids)
    practical = test.practical(fit.base)
    result = _describe(fit, test, float(v[-1]))
    tail = slice(t.size - max(3, t.size // 3), None)
    still_grows = _theil_sen(t[tail], v[tail], ids[tail]) >= TAIL_SHARE * fit.value
    short = span < test.needed - test.interval
    # The shorter the window, the larger the growth it must show: no less than a window of the needed length would at
    # the limit, or a minute's drift extrapolated to a day would FAIL.
    least = practical * test.needed / span if short else 0.0
    if fit.low > least and fit.value > practical and still_grows:
        return replace(result, outcome=Outcome.FAIL, reason="grows", onset=growth_onset(t, v))
    if short:
        return replace(result, reason="the steady window is too short", more_seconds=test.needed - span)
    if fit.high < practical:
        return replace(result, outcome=Outcome.PASS, reason="does not grow by more than the limit")
    # A cache that has filled: the later half alone, once the whole is no longer a straight line.
    half = slice(t.size // 2, None)
    if not still_grows and t[half].size >= LEAST_POINTS:
        later = fit_slope(t[half], v[half], ids[half])
        if later.high < test.practical(later.base):
            flat = _describe(later, test, float(v[-1]))
            return replace(flat, outcome=Outcome.PASS, reason="grew and levelled off", levelled_off=True)
    return replace(result, reason="too uncertain", more_seconds=_more(fit, practical, span))


def growth_onset(t: FloatArray, v: FloatArray) -> float:
    """When a series that grows to its end began to: where its last tenth-of-the-rise leads back to, linearly."""
    low, high = float(v.min()), float(np.median(v[-3:]))
    below = np.flatnonzero(v <= low + 0.1 * (high - low))
    tenth, end = float(t[below[-1]]), float(t[-1])
    return max(float(t[0]), tenth - (end - tenth) / 9)


def fit_slope(t: FloatArray, v: FloatArray, ids: NDArray[np.int64]) -> Slope:
    """Theil-Sen slope from pairs within segments, its interval from an AR(1) effective sample size and a t quantile.

    Sources: Sen (1968); effective size n (1 - r) / (1 + r) (Bayley & Hammersley 1946) with Kendall's correction
    of r for its bias, (1 + 4 r) / n.
    """
    slope = _theil_sen(t, v, ids)
    rest = np.empty_like(v)
    spread = 0.0
    for segment in np.unique(ids):
        mine = ids == segment
        line = v[mine] - slope * (t[mine] - t[0]) / HOUR
        rest[mine] = line - np.median(line)
        spread += float(np.sum(((t[mine] - t[mine].mean()) / HOUR) ** 2))
    first = ids == ids[0]
    base = float(np.median(v[first] - slope * (t[first] - t[0]) / HOUR))
    count = int(t.size)
    square = float(np.sum(rest**2))
    effective = _effective(rest, ids, square)
    freedom = max(1.0, effective - 1 - np.unique(ids).size)
    if spread <= 0:
        return Slope(slope, -math.inf, math.inf, base, count, effective)
    # Variance of one point from its degrees of freedom; the time spread shrinks with the effective size.
    variance = square / count * effective / freedom
    error = EFFICIENCY * math.sqrt(variance / (spread * effective / count))
    down, up = (float(stats.t.ppf(0.5 + share / 2, freedom)) * error for share in (PROOF, CONFIDENCE))
    return Slope(slope, slope - down, slope + up, base, count, effective)


def _effective(rest: FloatArray, ids: NDArray[np.int64], square: float) -> float:
    count = rest.size
    if square <= 0 or count < 3:
        return float(count)
    together = ids[1:] == ids[:-1]
    correlation = float(np.sum((rest[1:] * rest[:-1])[together])) / square
    correlation = min(0.98, max(0.0, correlation + (1 + 4 * correlation) / count))
    return float(min(count, max(LEAST_EFFECTIVE, count * (1 - correlation) / (1 + correlation))))


def _theil_sen(t: FloatArray, v: FloatArray, ids: NDArray[np.int64]) -> float:
    """Median slope per hour of all pairs within one segment; 0 when there is no pair."""
    first, second = np.triu_indices(t.size, 1)
    same = ids[first] == ids[second]
    first, second = first[same], second[same]
    if first.size == 0:
        return 0.0
    return float(np.median((v[second] - v[first]) / ((t[second] - t[first]) / HOUR)))


def _warm(t: FloatArray, v: FloatArray, ids: NDArray[np.int64], departs: float) -> NDArray[np.bool_]:
    """Points that are past their warm-up: MSER in the first segment, a tenth of each later one."""
    keep = np.ones(t.size, dtype=bool)
    for segment in np.unique(ids):
        mine = np.flatnonzero(ids == segment)
        if segment == ids[0]:
            keep[mine[: mser_cut(t[mine], v[mine], departs)]] = False
        else:
            keep[mine[: max(1, math.ceil(AFTER_RESTART * mine.size))]] = False
    return keep


def _without_load(t: FloatArray, v: FloatArray, load_times: FloatArray, load: FloatArray) -> FloatArray:
    """The values at the mean load: what follows the load linearly is taken away, jointly fitted with a trend."""
    if load_times.size < 2:
        return v
    at = np.interp(t, load_times, load)
    mean = float(at.mean())
    if mean <= 0 or float(at.std()) / mean <= LOAD_VARIES:
        return v
    hours = (t - t[0]) / HOUR
    design = np.column_stack([np.ones_like(t), hours / max(float(hours[-1]), 1e-9), at / mean])
    weights = np.linalg.lstsq(design, v, rcond=None)[0]
    adjusted: FloatArray = v - weights[2] * (at / mean - 1)
    return adjusted


def _describe(fit: Slope, test: _Test, now: float) -> GrowthResult:
    scale = test.horizon / HOUR / max(abs(fit.base), test.smallest, 1e-12)
    reach = fit.base + max(test.limit * abs(fit.base), test.smallest)
    left = max(0.0, (reach - now) / fit.value * HOUR) if fit.value > 0 else None
    return GrowthResult(
        Outcome.INCONCLUSIVE,
        "",
        base=fit.base,
        slope=fit.value,
        slope_low=fit.low,
        slope_high=fit.high,
        projected=fit.value * scale,
        projected_low=fit.low * scale,
        projected_high=fit.high * scale,
        seconds_to_limit=left,
        points=fit.points,
        effective=fit.effective,
    )


def _more(fit: Slope, practical: float, span: float) -> float | None:
    """Seconds more until the interval would decide: its width falls with the length to the power of 3/2."""
    half, apart = fit.high - fit.value, practical - fit.value
    if apart <= 0:  # on its way to a FAIL: the lower bound must rise above zero
        half, apart = fit.value - fit.low, fit.value
    if not math.isfinite(half) or half <= 0 or apart <= 0:
        return None
    needed = span * max(1.0, half / apart) ** (2 / 3)
    more = needed - span
    return more if 0 < more < 20 * span else None
