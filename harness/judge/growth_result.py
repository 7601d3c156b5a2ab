"""What the growth test says of one series, in figures that a reader can use. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.judge.growth_readings import HOUR
from harness.judge.verdict import Outcome
from harness.prom.series import FloatArray


@dataclass(frozen=True)
class GrowthResult:
    """What the growth test says of one series.

    Attributes:
        base: level at the start of the judged part.
        slope, slope_low, slope_high: growth per hour over the next horizon, in the unit of the series: expected, and
            the bounds that it leaves with the probabilities ``PROVEN`` and ``RULED_OUT``. What settles by itself
            settles here too, so a cache that fills has a smaller slope than it had.
        projected, projected_low, projected_high: growth over the horizon as a share of ``base``.
        seconds_to_limit: from the end of the series until the growth reaches the limit; None when it does not grow.
        seconds_to_limit_low, seconds_to_limit_high: its bounds; None: it may never.
        more_seconds: how much longer a run must be to be conclusive; None when it is, or when no length would do.
        onset: unix seconds when growth began, when the outcome is FAIL.
        levelled_off: it grew, and stopped.
        p_value: probability that it grows by less than the limit.
        points: readings that were fitted.
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
    seconds_to_limit_low: float | None = None
    seconds_to_limit_high: float | None = None
    more_seconds: float | None = None
    onset: float | None = None
    levelled_off: bool = False
    p_value: float = 1.0
    points: int = 0


def describe(
    slope: tuple[float, float, float], base: float, now: float, least: float, allowed: float, horizon: float
) -> GrowthResult:
    """The figures of a fit, not yet judged.

    Args:
        slope: expected, low and high, per hour.
        now: level at the end of the series.
        least: base below which a share of it says nothing.
        allowed: growth over the horizon that the plan allows, in the unit of the series.
        horizon: seconds.
    """
    scale = horizon / HOUR / max(abs(base), least, 1e-12)

    def left(rate: float) -> float | None:
        return max(0.0, (base + allowed - now) / rate * HOUR) if rate > 0 else None

    expected, low, high = slope
    return GrowthResult(
        Outcome.INCONCLUSIVE,
        "",
        base=base,
        slope=expected,
        slope_low=low,
        slope_high=high,
        projected=expected * scale,
        projected_low=low * scale,
        projected_high=high * scale,
        seconds_to_limit=left(expected),
        seconds_to_limit_low=left(high),
        seconds_to_limit_high=left(low),
    )


def seconds_more(fit: GrowthResult, practical: float, span: float) -> float | None:
    """Seconds more until the interval would decide, None when no length would.

    The standard error of a slope falls with the window's length to the power of 3/2: more points, and farther apart.
    """
    half, apart = fit.slope_high - fit.slope, practical - fit.slope
    if apart <= 0:  # on its way to a FAIL: the lower bound must rise above the limit
        half, apart = fit.slope - fit.slope_low, fit.slope - practical
    if not math.isfinite(half) or half <= 0 or apart <= 0:
        return None
    more = span * max(1.0, half / apart) ** (2 / 3) - span
    return more if 0 < more < 20 * span else None


def growth_onset(t: FloatArray, v: FloatArray) -> float:
    """When a series that grows to its end began to: where its last tenth-of-the-rise leads back to, linearly."""
    low, high = float(v.min()), float(np.median(v[-3:]))
    below = np.flatnonzero(v <= low + 0.1 * (high - low))
    tenth, end = float(t[below[-1]]), float(t[-1])
    return max(float(t[0]), tenth - (end - tenth) / 9)
