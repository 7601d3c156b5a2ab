"""Change points in a history of runs: since which run is a series worse, or better? Pure but for ``ruptures``.

Each run is one point, its level (``regression_stats.level``). The segmentation is exact: the least sum of squares with
a penalty for each change (PELT; Killick, Fearnhead, Eckley 2012), by ``ruptures``, on levels in units of their noise.
The noise is that between neighbours (median absolute difference), which a step does not widen, and no less than the
query's ``between_runs``: a handful of runs that happen to agree must not make every ripple a change.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.judge.regression_keys import Key
from harness.judge.regression_levels import log_of_mean
from harness.judge.regression_stats import level
from harness.judge.regression_values import RunValues
from harness.plan.regression import QuerySet, RegressionQuery
from harness.prom.series import FloatArray

LEAST_RUNS = 8
# A change is one that at least so many runs hold: a single odd night is none.
LEAST_HELD = 3
# In units of noise squared. On histories of 10 to 50 runs without a change, normal or of Student's t with 5 degrees,
# less than one series in a hundred shows one (tests/judge/test_regression_trend.py).
PENALTY = 30.0
_NORMAL_MAD = 0.6745  # median absolute deviation of a normal distribution with variance 1


@dataclass(frozen=True)
class ChangePoint:
    """From ``run_id`` on a series is at another level. ``effect``: share of the level before, or in the unit."""

    run_id: str
    effect: float
    worse: bool


@dataclass(frozen=True)
class Trend:
    """One series over a history. ``first``, ``last``: levels of its first and last stretch, in the query's unit.

    ``gone``: the newest run has no level of it, so that nothing is known of how it is now.
    """

    query: str
    labels: tuple[tuple[str, str], ...]
    unit: str
    absolute: bool
    runs: int
    first: float
    last: float
    changes: tuple[ChangePoint, ...]
    gone: bool = False


def trends(history: Sequence[RunValues], queries: QuerySet) -> list[Trend]:
    """Every series that enough runs have, in the queries' order.

    Args:
        history: comparable runs, oldest first.
    """
    keys = {key for one in history for key in one.values if key[0] in queries.names}
    order = {name: i for i, name in enumerate(queries.names)}
    found = []
    for key in sorted(keys, key=lambda k: (order[k[0]], k[1])):
        trend = _trend(key, queries.named(key[0]), [one for one in history if key in one.values])
        if trend is not None:
            found.append(replace(trend, gone=_level(key, queries.named(key[0]), history[-1]) is None))
    return found


def _trend(key: Key, query: RegressionQuery, runs: Sequence[RunValues]) -> Trend | None:
    logs = query.change == "relative"
    pairs = [(one, found) for one in runs if (found := _level(key, query, one)) is not None]
    if len(pairs) < LEAST_RUNS:
        return None
    usable = [one for one, _ in pairs]
    levels = np.array([found for _, found in pairs])
    starts = [0, *segments(levels, query)]
    means = [float(np.median(part)) for part in np.split(levels, starts[1:])]

    def shown(value: float) -> float:
        return math.exp(value) if logs else value

    changes = []
    for start, (before, after) in zip(starts[1:], itertools.pairwise(means), strict=True):
        difference = after - before
        higher_is_worse = query.better == "lower"
        effect = math.expm1(difference) if logs else difference
        changes.append(ChangePoint(usable[start].run_id, effect, (difference > 0) == higher_is_worse))
    return Trend(
        query.name, key[1], query.unit, not logs, len(usable), shown(means[0]), shown(means[-1]), tuple(changes)
    )


def _level(key: Key, query: RegressionQuery, run: RunValues) -> float | None:
    """On the scale of the query's change; None where the run has none.

    What should be high and fell to 0 for a while has a mean all the same: without it the run would be left out, and the
    history steady.
    """
    values = run.values.get(key)
    if values is None:
        return None
    logs = query.change == "relative"
    if not logs or (values > 0).all():
        return level(values, logarithms=logs).mean
    if query.better == "higher" and (values >= 0).all() and (values > 0).any():
        return log_of_mean(values)
    return None


def noise(levels: FloatArray, assumed: float) -> float:
    """Standard deviation between runs, from neighbours; at least ``assumed``."""
    steps = np.abs(np.diff(levels))
    return max(assumed, float(np.median(steps)) / (_NORMAL_MAD * math.sqrt(2))) if steps.size else assumed


def segments(levels: FloatArray, query: RegressionQuery) -> list[int]:
    """Where stretches begin, without the first; each differs from the one before by more than the tolerance.

    By medians: one odd run may draw its neighbours into a stretch of its own, but is no level.
    """
    import ruptures  # here: it brings scipy's interpolation, and few commands need it

    scaled = levels / noise(levels, query.between_runs)
    found = ruptures.Pelt(model="l2", min_size=LEAST_HELD, jump=1).fit(scaled.reshape(-1, 1)).predict(pen=PENALTY)
    starts = [int(end) for end in found[:-1]]
    logs = query.change == "relative"
    while starts:
        means = [float(np.median(part)) for part in np.split(levels, starts)]
        sizes = [abs(after - before) for before, after in itertools.pairwise(means)]
        margins = [_margin(query, math.exp(mean) if logs else mean) for mean in means[:-1]]
        small = [i for i, (size, margin) in enumerate(zip(sizes, margins, strict=True)) if size < margin]
        if not small:
            break
        del starts[min(small, key=lambda i: sizes[i])]
    return starts


def _margin(query: RegressionQuery, value: float) -> float:
    if query.change == "absolute":
        return max(query.tolerance, query.minimum)
    return math.log1p(max(query.tolerance, query.minimum / value))
