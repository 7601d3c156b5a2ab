"""Recorded rates of requests, turned into counts that can be judged."""

from __future__ import annotations

import numpy as np

from harness.judge.context import Context, within
from harness.judge.results import ENOUGH_RECORDED, spacing
from harness.judge.shares import Counts
from harness.judge.windows import Window, common_times
from harness.plan.objectives import Objective
from harness.prom.series import Series
from harness.units import format_duration


def counts_of(
    requests: Series, other: Series, window: Window | None, interval: float, *, bad_is_rest: bool
) -> Counts | None:
    """Counts in a window from two one-minute rates at the same evaluations; None when fewer than 80 % are there.

    Args:
        other: rate of bad requests, or, with ``bad_is_rest``, of the good ones.
    """
    if window is None:
        return None
    requests, other = within(requests, window), within(other, window)
    step = spacing(requests, interval)
    times, (first, second) = common_times([requests.times, other.times], step)
    if times.size == 0 or times.size < ENOUGH_RECORDED * len(requests):
        return None
    all_ = requests.values[first] * step
    some = other.values[second] * step
    # Each rate is extrapolated on its own: the rest must not fall below none nor exceed all.
    bad = np.clip(all_ - some if bad_is_rest else some, 0.0, all_)
    return Counts(times, all_, bad)


def no_requests(context: Context, requests: Series, objective: Objective) -> str:
    """Why there is nothing to judge requests on; empty when there is something."""
    window = context.rates
    if context.steady is None:
        return "the run had no steady state"
    if window is None:
        length = format_duration(context.steady.length)
        return f"a steady state of {length} is too short: one-minute rates need more than a minute"
    steady = within(requests, window)
    what = f"{objective.method} {objective.endpoint}".strip() if objective.endpoint else "request"
    if len(steady) == 0:
        return f"no {what} was counted in the steady state: there is no evidence"
    if float(steady.values.sum()) <= 0:
        return f"no {what} was made in the steady state: there is no evidence"
    return ""
