"""How one objective came out, as every family returns it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.judge.context import Context, within
from harness.judge.subjects import Subject
from harness.judge.verdict import Finding, ObjectiveResult, Outcome
from harness.judge.windows import Window
from harness.plan.objectives import Objective
from harness.prom.series import Series

ENOUGH_RECORDED = 0.80  # of the evaluations; raw coverage is judged apart, this catches what a rule did not record


@dataclass(frozen=True)
class Judged:
    """An objective's line in the verdict and, unless it was met, the finding with its evidence.

    Attributes:
        p_value: of a growth objective the probability that the limit is kept; NaN where none was fitted.
    """

    result: ObjectiveResult
    finding: Finding | None = None
    p_value: float = math.nan


@dataclass(frozen=True)
class Evidence:
    """What a finding shows beside its words; see ``Finding``."""

    onset: float | None = None
    first_seen: float | None = None
    for_seconds: float = 0.0
    query: str = ""


def judged(
    objective: Objective,
    subject: Subject,
    outcome: Outcome,
    value: float | None,
    note: str,
    evidence: Evidence | None = None,
    *,
    check: str = "objectives",
    unit: str = "",
    limit: float | None = None,
) -> Judged:
    """Line and finding in one; ``note`` says how it came out, in words."""
    evidence = evidence or Evidence()
    unit = unit or objective.unit
    limit = objective.limit if limit is None else limit
    where = objective.subject if subject.owner == "load" else subject.text
    result = ObjectiveResult(objective.name, where, limit, value, unit, outcome, objective.op, note)
    if outcome is Outcome.PASS:
        return Judged(result)
    labels: Mapping[str, str] = subject.labels
    if objective.endpoint:
        labels = {"method": objective.method, "name": objective.endpoint}
    return Judged(
        result,
        Finding(
            check=check,
            signal=objective.spec.signal,
            outcome=outcome,
            summary=f"{objective.name}" + ("" if where == "all" else f" of {where}") + f": {note}",
            objective=objective.name,
            severity="critical" if outcome is Outcome.FAIL else "warning",
            subject=labels,
            onset=evidence.onset,
            first_seen=evidence.first_seen,
            for_seconds=evidence.for_seconds,
            value=value,
            limit=limit,
            unit=unit,
            query=evidence.query,
        ),
    )


def missing(objective: Objective, subject: Subject, reason: str, query: str = "") -> Judged:
    """INCONCLUSIVE for want of data."""
    return judged(objective, subject, Outcome.INCONCLUSIVE, None, reason, Evidence(query=query))


def samples_of(context: Context, recorded: str, subject: Subject, window: Window | None) -> tuple[Series, bool]:
    """A subject's recorded samples in a window, and whether they are enough to judge on."""
    series = within(context.one(recorded, **subject.labels), window)
    if window is None or len(series) == 0:
        return series, False
    return series, len(series) >= max(2.0, ENOUGH_RECORDED * window.expected(spacing(series, context.interval)))


def spacing(series: Series, interval: float) -> float:
    """Seconds between samples: a rule group may be evaluated more seldom than the plan scrapes."""
    if len(series) < 3:
        return interval
    return max(interval, float(np.median(np.diff(series.times))))
