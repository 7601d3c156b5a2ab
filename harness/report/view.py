"""What every report says, in the same words: a verdict, its run and its plan as texts and rows. Pure.

The formats only lay it out and escape it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.model import Plan
from harness.report.coverage_rows import coverage_rows
from harness.report.limiting import LimitRow, limiting_rows, limiting_text
from harness.report.scalability import scalability_text
from harness.report.steps import StepRow, step_rows, stress_text
from harness.report.text import behind_its_name, clean, one_line, utc
from harness.run.record import RunRecord
from harness.units import format_duration, format_value

WHOLE_RUN = "whole run"
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


def in_order_of_onset(findings: tuple[Finding, ...]) -> list[Finding]:
    """Earliest first; those about the whole window last, the worst of them leading. Stable."""
    return sorted(findings, key=lambda f: (_moment(f), -f.outcome))


def subject_text(finding: Finding) -> str:
    """ "process web", "POST /login", "pool main", or further labels as name=value."""
    labels = {k: v for k, v in finding.subject.items() if v and k not in ("__name__", "harness")}
    parts: list[str] = []
    if "subject" in labels:
        parts.append(" ".join(filter(None, (labels.pop("kind", ""), labels.pop("subject")))))
    if "name" in labels:
        parts.append(" ".join(filter(None, (labels.pop("method", ""), labels.pop("name")))))
    named = [label for label in ("pool", "database", "redis", "collector", "instance", "job") if label in labels]
    parts += [f"{label} {labels.pop(label)}" for label in named]
    parts += [f"{name}={value}" for name, value in sorted(labels.items())]
    return clean(", ".join(parts))


def measured_text(finding: Finding) -> str:
    """ "812ms (limit 800ms)"; empty when the finding has no number."""
    if finding.value is None and finding.limit is None:
        return ""
    value = value_text(finding.value, finding.limit, finding.unit, finding.outcome)
    return value if finding.limit is None else f"{value} (limit {format_value(finding.limit, finding.unit)})"


def value_text(value: float | None, limit: float | None, unit: str, outcome: Outcome) -> str:
    """The value; where so many requests failed that a broken quantile has none, that it is above its limit."""
    if value is None and limit is not None and unit == "seconds" and outcome is Outcome.FAIL:
        return f"> {format_value(limit, unit)}"
    return format_value(value, unit)


def limit_text(result: ObjectiveResult) -> str:
    return "none" if result.limit is None else f"{result.op} {format_value(result.limit, result.unit)}"


def _result_subject(result: ObjectiveResult) -> str:
    """ "process:web" of the file is "process web" to a reader, as in findings."""
    if result.subject in ("all", ""):
        return WHOLE_RUN
    return re.sub(r"^(process|container|pool|database|redis|worker):", r"\1 ", result.subject)


def moment_of(finding: Finding) -> float | None:
    """Unix seconds of its onset, else of when it was first seen; None when it is about the whole window."""
    moment = _moment(finding)
    return moment if math.isfinite(moment) else None


def _moment(finding: Finding) -> float:
    moved = finding.onset if finding.onset is not None else finding.first_seen
    return moved if moved is not None and math.isfinite(moved) else math.inf


def headline_text(verdict: Verdict, record: RunRecord) -> str:
    """What the outcome means, with the number of objectives behind it, and what was left out of it."""
    told = (capacity_text(verdict), _headline(verdict, record), stress_text(verdict), set_aside_text(verdict))
    return " ".join(filter(None, told))


def capacity_text(verdict: Verdict) -> str:
    """The answer of a capacity run in one sentence; empty for other runs."""
    told = clean(str((verdict.capacity or {}).get("sentence", ""))).rstrip(".")
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def set_aside_text(verdict: Verdict) -> str:
    """How much of the steady state was set aside, and why; empty when nothing was."""
    told = verdict.coverage.get("set_aside")
    if not told:
        return ""
    reasons = ", ".join(dict.fromkeys(str(one["reason"]) for one in told["windows"]))
    much = f"{format_duration(told['seconds'])} ({format_value(told['share'], 'ratio')} of the steady state)"
    return f"{much} were set aside: {reasons}."


def _headline(verdict: Verdict, record: RunRecord) -> str:
    outcome, total = verdict.outcome, len(verdict.objectives)
    failed = [o for o in verdict.objectives if o.outcome is Outcome.FAIL]
    open_ones = [o for o in verdict.objectives if o.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)]
    if outcome is Outcome.FAIL:
        if failed:
            return f"{len(failed)} of {_count(total, 'objective')} failed: {_names(failed)}."
        worse = dict.fromkeys(f.summary.split(" is ", 1)[0] for f in verdict.findings if _is_worse(f))
        if worse:
            return f"Worse than the baseline, though within the objectives: {_first_five(list(worse))}."
        return "The run failed, though not by one of its objectives: see the findings."
    if outcome is Outcome.ERROR:
        return "The harness could not do its work, so nothing is said about the service."
    if outcome is Outcome.INCONCLUSIVE:
        if not total:
            return "Nothing was judged, so nothing is known about the service."
        if open_ones:
            return f"{len(open_ones)} of {_count(total, 'objective')} could not be judged: {_names(open_ones)}."
        return "The evidence has gaps, so the service cannot be said to have passed."
    steady = _steady_seconds(record)
    over = f" over {format_duration(steady)} of steady state" if steady > 0 else ""
    if outcome is Outcome.WARN:
        warned = sum(f.outcome is Outcome.WARN for f in verdict.findings)
        return f"No objective failed{over}, but there is something to look at ({_count(warned, 'warning')})."
    return f"All {_count(total, 'objective')} met{over}." if total > 1 else f"The objective was met{over}."


def _is_worse(finding: Finding) -> bool:
    return finding.check == "regression" and finding.outcome is Outcome.FAIL


def _steady_seconds(record: RunRecord) -> float:
    """Length of the judged window; 0 when the run never reached it."""
    if record.steady_from is None or record.steady_to is None:
        return 0.0
    return record.steady_to - record.steady_from


def _names(objectives: list[ObjectiveResult]) -> str:
    """Distinct names with their subject where it is not the whole run; the first five."""
    names = list(
        dict.fromkeys(
            o.objective if _result_subject(o) == WHOLE_RUN else f"{o.objective} ({_result_subject(o)})"
            for o in objectives
        )
    )
    return _first_five(names)


def _first_five(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return clean(", ".join(names[:5])) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def cause_text(verdict: Verdict, record: RunRecord) -> str:
    """The first cause in one sentence; empty when nothing was found."""
    cause = verdict.first_cause
    if cause is None:
        return ""
    sentence = clean(cause.summary).rstrip(".") or f"{cause.signal} ({cause.check})"
    moment = _moment(cause)
    if not math.isfinite(moment):
        return f"{sentence}."
    after = moment - record.started_at
    since = f", {format_duration(round(after))} after the start" if after >= 0 else ""
    word = "moved first at" if cause.onset is not None else "first seen at"
    return f"{sentence} ({word} {utc(moment, date=False)}{since})."


def only_the_cause(verdict: Verdict) -> bool:
    """Whether the first cause is all there is: of a run that never came to be judged."""
    if len(verdict.findings) != 1 or verdict.objectives:
        return False
    (only,) = verdict.findings
    return only is verdict.first_cause and only.check == "run" and not only.query and only.value is None


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
        subject=clean(_result_subject(result)),
        limit=limit_text(result),
        value=value_text(result.value, result.limit, result.unit, result.outcome),
        outcome=result.outcome,
        note=clean(result.note),
    )


def finding_row(finding: Finding) -> FindingRow:
    moment = _moment(finding)
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
