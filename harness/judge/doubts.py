"""Levels that look fine and cannot be true: a pool with minus three connections, a CPU counter that stands still.

An exporter that tells what cannot be does not measure; what it says must not pass an objective unseen.
"""

from __future__ import annotations

import numpy as np

from exporters import metric_names as names
from harness.judge.absence import clock
from harness.judge.context import Context, within
from harness.judge.coverage import allowed_gap
from harness.judge.subjects import Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Window, stretches
from harness.plan.objectives import Objective
from harness.prom.series import Series
from harness.units import format_duration

MOST_IMPOSSIBLE = 0.05  # of a gauge's samples; more of them and nobody knows what the others are worth
WORKING_CORES = 0.01  # a process that uses so much does not stop to the last tick under the same load
_GAUGES = {
    "db_pool_use": (names.POOL_CONNECTIONS, names.POOL_SIZE),
    "db_pool_waiting": (names.POOL_WAITING,),
}


def doubts(
    context: Context, objective: Objective, subject: Subject, series: Series, window: Window | None
) -> tuple[Outcome, str]:
    """Why a level that was met may not have been: (PASS, "") when nothing speaks against it.

    Args:
        series: the objective's own samples in the window.
    """
    if window is None:
        return Outcome.PASS, ""
    if objective.name == "cpu":
        return _standing(series, window, context.interval)
    for raw in _GAUGES.get(objective.name, ()):
        # A negative gauge of one worker process hides in the sum over all.
        for one in context.series(raw, **subject.labels):
            outcome, why = _impossible(raw, within(one, window), window, context.interval)
            if outcome is not Outcome.PASS:
                return outcome, why
    return Outcome.PASS, ""


def _impossible(raw: str, series: Series, window: Window, interval: float) -> tuple[Outcome, str]:
    bad = ~np.isfinite(series.values) | (series.values < 0)
    if not bad.any():
        return Outcome.PASS, ""
    longest = max(stretches(series.times, bad, interval), key=lambda s: s.seconds)
    lost = longest.seconds > allowed_gap(window, interval) + interval / 10 or float(bad.mean()) > MOST_IMPOSSIBLE
    example = float(series.values[bad][0])
    return (
        Outcome.INCONCLUSIVE if lost else Outcome.WARN,
        f"{raw} was {example:g} at {clock(float(series.times[bad][0]))} UTC, which cannot be "
        f"({int(bad.sum())} of {len(series)} samples)",
    )


def _standing(series: Series, window: Window, interval: float) -> tuple[Outcome, str]:
    still = series.values <= 0
    if not still.any():
        return Outcome.PASS, ""
    if still.all():
        return Outcome.WARN, "the CPU counter did not move at all: the process did nothing, or nobody counted"
    longest = max(stretches(series.times, still, interval), key=lambda s: s.seconds)
    usual = float(np.median(series.values[~still]))
    if usual < WORKING_CORES or longest.seconds <= allowed_gap(window, interval) + interval / 10:
        return Outcome.PASS, ""
    return (
        Outcome.WARN,
        f"the CPU counter stood still for {format_duration(longest.seconds)} from {clock(longest.start)} UTC",
    )
