"""Did the open model make the arrivals of the plan? Those that found no user, and those that nobody made at all."""

from __future__ import annotations

import math

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import RATE_SECONDS, Context, within
from harness.judge.load_made import LEAST_LOAD, SETTLE_SECONDS, load_finding
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.plan.arrivals import pieces
from harness.prom.series import FloatArray
from harness.units import format_value

DROPPED_LIMIT = 0.01  # of arrivals
POISSON = 4.0  # standard deviations: arrivals of independent visitors vary by themselves


def check_arrivals(context: Context, window: Window | None) -> list[Finding]:
    """Open model: arrivals taken and dropped against those due, over the window of one-minute rates."""
    if window is None or context.plan.load.model != "open":
        return []
    planned, made, dropped = (
        within(context.one(recorded), window)
        for recorded in (Recorded.ARRIVALS_PLANNED, Recorded.ARRIVALS, Recorded.ARRIVALS_DROPPED)
    )
    # What is seen at the same moments is compared: a process that was not scraped is no missing load.
    moments, of_planned, of_made = np.intersect1d(planned.times, made.times, return_indices=True)
    enough = ENOUGH_RECORDED * window.expected(context.interval)
    if min(moments.size, len(dropped)) < enough:
        counted = {names.ARRIVALS_PLANNED: planned, names.ARRIVALS: made, names.ARRIVALS_DROPPED: dropped}
        absent = min(counted, key=lambda name: len(counted[name]))
        summary = f"no {absent} for most of the steady state: nothing shows that the planned load was made"
        return [load_finding(Outcome.INCONCLUSIVE, summary, context.selector(absent), first=window.start)]
    due, taken = float(planned.values[of_planned].sum()), float(made.values[of_made].sum())
    # What the processes took for the plan may be less than the plan's: a part of them was gone, or given another.
    intended = arrivals_intended(context, moments)
    if due * context.interval < LEAST_LOAD * intended - POISSON * math.sqrt(intended):
        share = due * context.interval / intended
        summary = f"the Locust processes were given only {format_value(share, 'ratio')} of the plan's arrivals to make"
        query = context.selector(Recorded.ARRIVALS_PLANNED)
        return [
            load_finding(
                Outcome.INCONCLUSIVE, summary, query, first=window.start, value=share, limit=LEAST_LOAD, unit="ratio"
            )
        ]
    lost = float(dropped.values.sum())
    found = []
    if taken + lost > 0 and lost / (taken + lost) > DROPPED_LIMIT:
        share = lost / (taken + lost)
        found.append(
            load_finding(
                Outcome.INCONCLUSIVE,
                f"{format_value(share, 'ratio')} of the arrivals found no free user and were dropped: the offered load "
                "was not made; give load.slots more users, or see why the target holds them",
                context.selector(Recorded.ARRIVALS_DROPPED_RATIO),
                first=float(dropped.times[dropped.values > 0][0]),
                value=share,
                limit=DROPPED_LIMIT,
                unit="ratio",
            )
        )
    if due > 0 and taken + lost < LEAST_LOAD * due:
        share = (taken + lost) / due
        short = (made.values[of_made] + _at(dropped.times, dropped.values, moments)) < LEAST_LOAD * planned.values[
            of_planned
        ]
        found.append(
            load_finding(
                Outcome.INCONCLUSIVE,
                f"only {format_value(share, 'ratio')} of the plan's arrivals were offered: a worker was lost or behind",
                context.selector(Recorded.ARRIVALS),
                first=float(moments[short][0]) if short.any() else window.start,
                value=share,
                limit=LEAST_LOAD,
                unit="ratio",
            )
        )
    return found


def arrivals_intended(context: Context, moments: FloatArray) -> float:
    """Arrivals that the plan's stages ask for at least in the intervals before ``moments`` (shape (n,), unix seconds).

    Rates look back a minute and are scraped late: of the moments and those up to so much earlier the least count.
    """
    load, step = context.plan.load, context.interval
    if context.record.steady_from is None or moments.size == 0:
        return 0.0
    begun = context.record.steady_from - load.warmup
    parts = pieces(load.rates)
    ends = np.array([part.end for part in parts])

    def wanted(lag: float) -> float:
        since = moments - begun - lag
        which = np.searchsorted(ends, since, side="right")
        inside = (since >= 0) & (which < len(parts))
        return step * math.fsum(parts[int(i)].at(float(t)) for i, t in zip(which[inside], since[inside], strict=True))

    latest = RATE_SECONDS + SETTLE_SECONDS + 2 * step
    return float(min(wanted(lag) for lag in (0.0, latest / 2, latest)))


def _at(times: np.ndarray, values: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Values at some of their own times, 0 where there is none."""
    found = np.zeros(moments.shape)
    _, where, of = np.intersect1d(moments, times, return_indices=True)
    found[where] = values[of]
    return found
