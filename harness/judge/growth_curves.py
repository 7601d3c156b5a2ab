"""The shapes that a series may have, as columns of a regression: growth that goes on, growth that settles, steps. Pure.

Each column is one hypothesis about the mean. Times are hours since the first reading, values have the unit of the
series; a coefficient of a trend is a slope per hour, of any other shape an amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.prom.series import FloatArray

# Where growth that goes on may have begun, and where growth that meets a cap may have ended: shares of the window.
ONSETS = (0.15, 0.3, 0.45, 0.6, 0.75)
CAPS = (0.05, 0.1, 0.15, 0.2, 0.27, 0.35, 0.43, 0.52, 0.61, 0.69, 0.76)
# Time constants of settling, as shares of the horizon: a quarter of an hour to seven hours of a day. An absolute range,
# for a cache does not fill faster because the run is shorter: that is why a shorter run must show a larger effect.
SETTLING = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3)
SETTLING_PRIOR = (0.24, 0.21, 0.2, 0.18, 0.13, 0.04)  # the slower, the rarer
LOGARITHMIC = (0.004, 0.04)  # the early time of a logarithm, share of the horizon
# Prior odds. Chosen on the corpus' tuning seeds (docs/accuracy.md); what the data say outweighs them quickly.
PRIOR_TREND, PRIOR_SETTLES, PRIOR_STEP = 0.5, 0.5, 0.1
_LINE, _LATE, _BY_LOAD = 0.6, 0.4, 0.15
_EXPONENTIAL, _CAP, _LOG, _HIGH_WATER = 0.4, 0.35, 0.25, 0.2
LEAST_AFTER = 4  # readings that growth which began late must show
EDGE = 2  # readings at either end where a step cannot be told from noise


@dataclass(frozen=True)
class Curves:
    """Columns (readings x shapes) with their prior weights; each prior sums to one with "none".

    Attributes:
        trends: growth that goes on; coefficient per hour.
        settling: growth that ends by itself; ``settling_rate`` is its mean rate per hour over the next horizon, for an
            amplitude of one.
        steps: one for each reading at which a step may have happened.
    """

    trends: FloatArray
    trend_prior: FloatArray
    settling: FloatArray
    settling_rate: FloatArray
    settling_prior: FloatArray
    steps: FloatArray
    step_prior: float


def curves(
    hours: FloatArray,
    age: FloatArray,
    horizon: float,
    ids: NDArray[np.int64],
    load: FloatArray | None,
    high: FloatArray | None,
) -> Curves:
    """The shapes for readings at ``hours``.

    Args:
        age: hours since the subject, or the window, began: what warms, warms again after a restart.
        horizon: hours.
        ids: segment of each reading.
        load, high: offered load at each reading and its maximum until then, where it varies; else None.
    """
    span = max(float(hours[-1]), 1e-9)
    trends, trend_prior = [hours], [_LINE]
    for share in ONSETS:
        late = np.maximum(hours - share * span, 0.0)
        if np.count_nonzero(late) >= LEAST_AFTER:
            trends.append(late)
            trend_prior.append(_LATE / len(ONSETS))
    if load is not None:
        trends.append(_sum_of(hours, load))
        trend_prior.append(_BY_LOAD)
    settling, rate, prior = [], [], []
    end = float(age[-1])
    for share, odds in zip(SETTLING, SETTLING_PRIOR, strict=True):
        constant = share * horizon
        settling.append(1 - np.exp(-age / constant))
        rate.append(np.exp(-end / constant) * (1 - np.exp(-horizon / constant)) / horizon)
        prior.append(_EXPONENTIAL * odds)
        if ids[-1] > 0:  # the window began warm, and only what was restarted in it warms up again
            settling.append(np.where(ids > 0, 1 - np.exp(-age / constant), 1.0))
            rate.append(rate[-1])
            prior.append(_EXPONENTIAL * odds)
    for share in CAPS:
        settling.append(np.minimum(age / (share * max(float(age.max()), 1e-9)), 1.0))
        rate.append(0.0)
        prior.append(_CAP / len(CAPS))
    for share in LOGARITHMIC:
        early = share * horizon
        settling.append(np.log1p(age / early))
        rate.append((np.log1p((end + horizon) / early) - np.log1p(end / early)) / horizon)
        prior.append(_LOG / len(LOGARITHMIC))
    if high is not None:
        settling.append(high)
        rate.append(0.0)
        prior.append(_HIGH_WATER)
    places = np.arange(EDGE, hours.size - EDGE + 1)
    places = places[ids[places] == ids[places - 1]] if places.size else places
    steps = (np.arange(hours.size)[:, None] >= places[None, :]).astype(np.float64)
    return Curves(
        np.column_stack(trends),
        PRIOR_TREND * np.array(trend_prior) / sum(trend_prior),
        np.column_stack(settling),
        np.array(rate),
        PRIOR_SETTLES * np.array(prior) / sum(prior),
        steps,
        PRIOR_STEP / max(1, places.size),
    )


def _sum_of(hours: FloatArray, load: FloatArray) -> FloatArray:
    """Hours weighted by the load: what grows by so much per request."""
    between = np.diff(hours) * (load[1:] + load[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(between)])
