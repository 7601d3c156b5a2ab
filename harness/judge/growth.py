"""The end-of-run growth test on one series (JUDGEMENT: "End-of-run growth test"). Pure: arrays in, result out.

One quantity decides: the mean growth per hour over the next horizon, with its distribution over everything that
explains the series (``growth_fit``). FAIL when it is surely above the plan's limit and the last third still grows;
PASS when it is surely below; INCONCLUSIVE between the two. Never raises on data, never PASS without enough of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.judge.floors import FLOORS, Floor, clean, readings
from harness.judge.growth_curves import curves
from harness.judge.growth_fit import Mixture, fit_growth
from harness.judge.growth_readings import HOUR, Readings, read
from harness.judge.growth_result import GrowthResult, describe, growth_onset, seconds_more
from harness.judge.replacement_gaps import without_gaps
from harness.judge.verdict import Outcome
from harness.prom.series import FloatArray

__all__ = ["HOUR", "PROVEN", "GrowthResult", "growth_onset", "judge_growth"]

# Chosen on the corpus' tuning seeds (docs/accuracy.md).
PROVEN = 0.035  # FAIL: at most this probability that it grows by less than the limit
RULED_OUT = 0.15  # PASS: at most this probability that it grows by more than the limit, in a run as long as the horizon
RULED_OUT_IF_IT_GOES_ON = 0.65  # the same among the models whose growth goes on: Occam's razor alone gives no PASS
LOST = 0.1  # of the first look: what is as good as proven is not absolved by another
TAIL_SHARE = 0.35  # JUDGEMENT: the last third must still grow by this share of the overall slope
LEAST_POINTS = 5  # readings; below it no interval means anything
LEAST_SPARE = 4  # readings beyond the levels and the load: a line must leave three degrees of freedom
COARSE = (24, 12)  # further looks with longer windows
STEPS_UP, STEPS = 1, 4  # level shifts taken out before the last, upward ones among them: more are growth in lumps
STEP_IS_SURE = 0.9
ONE_COUNT = 1.5  # a whole number that grows by one has not shifted its level
ROUNDING = 0.29  # standard deviation of rounding to a whole number: 1 / sqrt(12)
WHOLE_BELOW = 1e6  # whole numbers up to here are counts; larger ones are bytes
MOST_MISSING = 0.2  # of the window in one hole: a clock that was set, or telemetry that was lost
LEAST_HOLE = 10  # intervals


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
        times: unix seconds, in the order in which they were read: one that goes back is a clock that was set.
        interval: seconds between samples.
        needed: seconds of data below which the outcome cannot be PASS, and a FAIL needs a larger growth.
        smallest: absolute growth over the horizon that is still nothing, whatever the base (a base of 0 has no share).
        restarts: unix seconds at which the subject, or a part of it, began anew.
        load: times and values of the offered load, to be regressed out where it varies.
        how: what stands for a window: its minimum (memory, descriptors) or its median (latency, CPU).
    """
    back = _went_back(times)
    times, values = clean(times, values)
    if times.size < 2:
        return GrowthResult(Outcome.INCONCLUSIVE, "no samples" if times.size == 0 else "a single sample")
    span = float(times[-1] - times[0]) + interval
    hole = float(np.max(np.diff(times)))
    if back > interval:
        return GrowthResult(Outcome.INCONCLUSIVE, f"the clock went back by {back:.0f} s")
    if hole > max(MOST_MISSING * span, LEAST_HOLE * interval):
        reason = f"{hole:.0f} s without a sample: the clock was set, or telemetry was lost"
        return GrowthResult(Outcome.INCONCLUSIVE, reason)
    times, values = readings(times, values, interval)
    clean_load = None if load is None else clean(*load)
    moments = tuple(float(m) for m in restarts if math.isfinite(m))
    times, values = without_gaps(times, values, moments)
    test = _Test(limit, horizon, interval, needed, smallest, moments, clean_load, how)
    result = _look(times, values, span, test, FLOORS)
    if result.outcome is not Outcome.INCONCLUSIVE or span < needed - interval or result.p_value < LOST:
        return result
    # Further looks may only absolve: each chance to FAIL would add its own false alarms. A saw tooth longer than a
    # window has its floors in longer ones.
    further = (_look(times, values, span, test, count) for count in COARSE if times.size >= 4 * count)
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

    def allowed(self, base: float) -> float:
        """Growth over the horizon, in the unit of the series."""
        return max(self.limit * abs(base), self.smallest)


def _look(times: FloatArray, values: FloatArray, span: float, test: _Test, count: int) -> GrowthResult:
    seen = read(
        times,
        values,
        interval=test.interval,
        how=test.how,
        count=count,
        horizon=test.horizon,
        restarts=test.restarts,
        load=test.load,
    )
    points = int(seen.times.size)
    if points < LEAST_POINTS or points - seen.fixed.shape[1] < LEAST_SPARE:
        more = max(test.needed - span, span * (LEAST_POINTS / max(1, points) - 1), test.interval)
        reason = f"only {points} usable readings; {max(LEAST_POINTS, seen.fixed.shape[1] + LEAST_SPARE)} are needed"
        return GrowthResult(Outcome.INCONCLUSIVE, reason, more_seconds=more, points=points)
    with np.errstate(all="ignore"):
        try:
            mixture = _fit(seen, test)
            slope = (mixture.expected, mixture.quantile(PROVEN), mixture.quantile(1 - RULED_OUT))
        except (np.linalg.LinAlgError, ValueError):
            slope = (math.nan, math.nan, math.nan)
    if not all(math.isfinite(s) for s in slope):
        return GrowthResult(Outcome.INCONCLUSIVE, "the values are beyond what can be fitted", points=points)
    return _decide(seen, mixture, slope, span, test)


def _decide(
    seen: Readings, mixture: Mixture, slope: tuple[float, float, float], span: float, test: _Test
) -> GrowthResult:
    first = seen.ids == 0
    level = float(np.median(seen.values[first] - slope[0] * seen.hours[first]))
    base = float(np.clip(level, seen.values.min(), seen.values.max()))
    allowed = test.allowed(base)
    practical = allowed / (test.horizon / HOUR)
    above = mixture.above(practical)
    # A few far models can pull the mean out of its own interval: what is shown stays inside.
    shown = (min(max(slope[0], slope[1]), slope[2]), slope[1], slope[2])
    result = describe(shown, base, float(seen.values[-1]), test.smallest, allowed, test.horizon)
    result = replace(result, p_value=1 - above, points=int(seen.times.size))
    plain = seen.values - seen.explained
    tail = slice(seen.times.size - max(3, seen.times.size // 3), None)
    still = theil_sen(seen.times[tail], plain[tail], seen.ids[tail]) >= TAIL_SHARE * slope[0]
    short = span < test.needed - test.interval
    # The shorter the window, the larger the growth it must show: no less than a window of the needed length would at
    # the limit, or a minute's drift extrapolated to a day would FAIL.
    least = practical * test.needed / span if short else practical
    if mixture.above(least) >= 1 - PROVEN and still:
        return replace(result, outcome=Outcome.FAIL, reason="grows", onset=growth_onset(seen.times, seen.values))
    if short:
        return replace(result, reason="the steady window is too short", more_seconds=test.needed - span)
    # A short window says little of a long horizon, however the priors see it.
    strict = min(1.0, span / test.horizon)
    absolved = above <= RULED_OUT * strict
    absolved &= mixture.above_if_it_goes_on(practical) <= RULED_OUT_IF_IT_GOES_ON * strict
    # Lives that each grew and were each ended have a level that stays: their own slopes count.
    lives = seen.ids[-1] > 0 and theil_sen(seen.times, plain, seen.ids) > practical
    if absolved and not lives:
        rise = float(np.median(seen.values[-3:]) - np.median(seen.values[:3]))
        rose = rise > practical * span / HOUR
        reason = "grew and levelled off" if rose else "does not grow by more than the limit"
        return replace(result, outcome=Outcome.PASS, reason=reason, levelled_off=rose)
    return replace(result, reason="too uncertain", more_seconds=seconds_more(result, practical, span))


def _fit(seen: Readings, test: _Test) -> Mixture:
    """The mixture; level shifts that are sure are taken out first, one by one."""
    horizon = test.horizon / HOUR
    shapes = curves(seen.hours, seen.age, horizon, seen.ids, seen.load, seen.high)
    largest = float(np.max(np.abs(seen.values)))
    whole = bool(np.all(seen.values == np.round(seen.values))) and largest < WHOLE_BELOW
    resolution = ROUNDING if whole else 1e-6 * largest
    fixed, up = seen.fixed, 0
    for taken in range(STEPS):
        found = fit_growth(seen.hours, seen.values, seen.ids, fixed, shapes, horizon, resolution)
        if found.step < STEP_IS_SURE or taken == STEPS - 1:
            break
        column = shapes.steps[:, found.place]
        at = int(np.argmax(column))
        size = float(np.median(seen.values[at : at + 3]) - np.median(seen.values[max(0, at - 3) : at]))
        up += size > 0
        if up > STEPS_UP or (whole and 0 < size < ONE_COUNT):
            break
        fixed = np.column_stack([fixed, column])
    return found


def theil_sen(t: FloatArray, v: FloatArray, ids: NDArray[np.int64]) -> float:
    """Median slope per hour of all pairs within one segment (Sen 1968); 0 when there is no pair."""
    first, second = np.triu_indices(t.size, 1)
    same = ids[first] == ids[second]
    first, second = first[same], second[same]
    if first.size == 0:
        return 0.0
    return float(np.median((v[second] - v[first]) / ((t[second] - t[first]) / HOUR)))


def _went_back(times: FloatArray) -> float:
    """By how many seconds the times go back at most."""
    times = np.asarray(times, dtype=np.float64).ravel()
    times = times[np.isfinite(times)]
    return float(np.max(np.maximum.accumulate(times) - times)) if times.size else 0.0
