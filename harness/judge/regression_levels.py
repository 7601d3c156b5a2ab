"""The level of each run in one series, on the scale on which runs are compared; or why it has none. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.judge.regression_keys import Key
from harness.judge.regression_stats import Level, level
from harness.judge.regression_values import RunValues
from harness.plan.regression import RegressionQuery
from harness.prom.series import FloatArray

# No noise of the same service: a sub-window with less than this of the least that any baseline run had in any ...
COLLAPSED = 0.1
# ... or half of the sub-windows beyond so many times the worst that any had (or its tolerance, where that is absolute).
FAR = 2.0


@dataclass(frozen=True)
class Levels:
    """One series of a run and of its baselines.

    Attributes:
        beyond: what to say of sub-windows that no noise of the baselines reaches; empty without enough of them.
    """

    own: Level
    others: tuple[Level, ...]
    beyond: str = ""


def untestable(key: Key, query: RegressionQuery, run: RunValues, baselines: Sequence[RunValues]) -> str:
    """Why a series cannot be compared; empty when it can."""
    if key not in run.values:
        return f"in this run: {run.left_out.get(key) or run.left_out.get((key[0], ())) or 'no data'}"
    lacking = [one for one in baselines if key not in one.values]
    if lacking:
        first = lacking[0]
        why = first.left_out.get(key) or first.left_out.get((key[0], ())) or "no data"
        return f"in {len(lacking)} of {len(baselines)} baseline runs ({first.run_id}): {why}"
    if query.change == "relative":
        fell = query.better == "higher" and _beyond(query, run.values[key], [one.values[key] for one in baselines])
        for one in baselines if fell else (run, *baselines):
            if (one.values[key] <= 0).any():
                return f"a value of 0 in {one.run_id} has no share to change by; use change: absolute"
    return ""


def levels_of(key: Key, query: RegressionQuery, run: RunValues, baselines: Sequence[RunValues]) -> Levels:
    """Of a series that can be compared.

    The spread inside a run is taken for noise. Of a run that broke half-way, or stood still for a while, it is the
    break itself, and would hide it, the more the deeper the fall. Such a run gets the noise that the baselines have.
    Noise of a few requests, which may be none, is as large in the baselines.
    """
    logs = query.change == "relative"
    values = run.values[key]
    others = tuple(level(one.values[key], logarithms=logs) for one in baselines)
    beyond = _beyond(query, values, [one.values[key] for one in baselines])
    if not beyond:
        return Levels(level(values, logarithms=logs), others)
    # By the plain mean where nothing at all is left, for there is no logarithm of it.
    mean = log_of_mean(values) if logs and query.better == "higher" else level(values, logarithms=logs).mean
    return Levels(Level(mean, float(np.mean([one.within for one in others]))), others, beyond)


def log_of_mean(values: FloatArray) -> float:
    """Of what is nowhere below 0; minus infinity for nothing at all."""
    mean = float(np.mean(values))
    return math.log(mean) if mean > 0 else -math.inf


def _beyond(query: RegressionQuery, values: FloatArray, baselines: Sequence[FloatArray]) -> str:
    """What to say of sub-windows that are far worse than any of any baseline run; empty without enough of them."""
    seen = np.concatenate(baselines)
    lowest, highest = float(seen.min()), float(seen.max())
    relative = query.change == "relative"
    if relative and (lowest <= 0 or (values < 0).any()):
        return ""
    least = query.minimum if relative else FAR * max(query.minimum, query.tolerance)
    if query.better == "higher":
        gone = (values < COLLAPSED * lowest) & (lowest - values > query.minimum)
        count = int(gone.sum()) if relative else 0
        if count:
            return f"in {count} of {values.size} sub-windows less than {COLLAPSED:.0%} of what each baseline always had"
        far = (lowest - values > least) & ((values < lowest / FAR) if relative else True)
    else:
        far = (values - highest > least) & ((values > FAR * highest) if relative else True)
    count = int(np.sum(far))
    if 2 * count < values.size:
        return ""
    return f"in {count} of {values.size} sub-windows far worse than any baseline ever was"
