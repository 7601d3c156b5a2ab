"""What every report says, in the same words: a verdict, its run and its plan as texts and rows. Pure.

The formats only lay it out and escape it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.model import Plan
from harness.report.coverage_rows import coverage_rows
from harness.report.finding_text import (
    in_order_of_onset,
    limit_text,
    measured_text,
    moment_or_never,
    result_subject,
    subject_text,
    value_text,
)
from harness.report.headline import cause_text, headline_text
from harness.report.limiting import LimitRow, limiting_rows, limiting_text
from harness.report.scalability import scalability_text
from harness.report.steps import StepRow, step_rows
from harness.report.text import behind_its_name, clean, one_line, utc
from harness.run.record import RunRecord
from harness.units import format_duration

_ENDINGS = {
    "completed": "completed",
    "aborted": "ended early by the harness",
    "interrupted": "interrupted",
    "crashed": "crashed: the harness itself did not end it",
}


@dataclass(frozen=True)
class ObjectiveRow:
    objective: str
    subject: str
    limit: str
    value: str
    outcome: Outcome
    note: str


@dataclass(frozen=True)
class FindingRow:
    """``when`` is the onset where it is known, else when it was first seen, else "whole window"."""

    when: str
    outcome: Outcome
    signal: str
    check: str
    objective: str
    severity: str
    subject: str
    summary: str
    measured: str
    held: str
    query: str
    runbook: str


@dataclass(frozen=True)
class ReportView:
    """One report's content. Texts are clean of control characters and secrets, but not escaped for any format."""

    run_id: str
    plan_name: str
    outcome: Outcome
    headline: str
    cause: str
    facts: tuple[tuple[str, str], ...]
    objectives: tuple[ObjectiveRow, ...]
    findings: tuple[FindingRow, ...]
    coverage: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    unjudgeable: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    plan_yaml: str
    steps: tuple[StepRow, ...] = ()
    limiting: tuple[LimitRow, ...] = ()
    limiting_note: str = ""
    scalability: str = ""

    @property
    def word(self) -> str:
        return self.outcome.name


def make_view(verdict: Verdict, record: RunRecord, plan: Plan) -> ReportView:
    return ReportView(
        run_id=one_line(verdict.run_id),
        plan_name=one_line(plan.name),
        outcome=verdict.outcome,
        headline=headline_text(verdict, record),
        cause=cause_text(verdict, record),
        facts=_facts(record, plan),
        objectives=tuple(objective_row(o) for o in verdict.objectives),
        findings=tuple(finding_row(f) for f in in_order_of_onset(verdict.findings)),
        coverage=tuple(coverage_rows(verdict.coverage)),
        removed=tuple(one_line(name) for name in plan.objectives_off),
        unjudgeable=tuple(
            (one_line(u.objective or "the plan"), behind_its_name(u.objective, u.reason), one_line(u.remedy))
            for u in unjudgeable(plan)
        ),
        notes=tuple(clean(note) for note in record.notes),
        versions=tuple((one_line(k), one_line(v)) for k, v in sorted(record.versions.items())),
        plan_yaml=dump_plan(plan, mask=True),
        steps=step_rows(verdict),
        limiting=limiting_rows(verdict),
        limiting_note=limiting_text(verdict),
        scalability=scalability_text(verdict),
    )


def _facts(record: RunRecord, plan: Plan) -> tuple[tuple[str, str], ...]:
    steady = "never reached"
    if record.steady_from is not None:
        steady = f"{utc(record.steady_from)} to {utc(record.steady_to, date=False)}"
        if record.steady_to is not None:
            steady += f" ({format_duration(record.steady_to - record.steady_from)})"
    ended = utc(record.ended_at)
    ending = _ENDINGS.get(record.ended_by, record.ended_by)
    if record.reason:
        # Who ended it is said by the reason: a run whose Locust did not come up is "crashed" too.
        ending = "crashed" if record.ended_by == "crashed" else ending
        ending += f": {clean(record.reason)}"
    target = clean(record.target) + (" (the reference target)" if plan.target.reference else "")
    return (
        ("Plan", one_line(f"{record.plan} ({plan.kind})")),
        ("Target", target),
        ("Started", utc(record.started_at)),
        ("Judged window", steady),
        ("Ended", f"{ended}, {ending}" if record.ended_at is not None else ending),
    )


def objective_row(result: ObjectiveResult) -> ObjectiveRow:
    return ObjectiveRow(
        objective=one_line(result.objective),
        subject=clean(result_subject(result)),
        limit=limit_text(result),
        value=value_text(result.value, result.limit, result.unit, result.outcome),
        outcome=result.outcome,
        note=clean(result.note),
    )


def finding_row(finding: Finding) -> FindingRow:
    moment = moment_or_never(finding)
    return FindingRow(
        when=utc(moment) if math.isfinite(moment) else "whole window",
        outcome=finding.outcome,
        signal=one_line(finding.signal),
        check=one_line(finding.check),
        objective=one_line(finding.objective),
        severity=one_line(finding.severity),
        subject=subject_text(finding),
        summary=clean(finding.summary),
        measured=measured_text(finding),
        held=format_duration(finding.for_seconds) if finding.for_seconds else "",
        query=one_line(finding.query),
        runbook=one_line(finding.runbook),
    )
