"""The first lines of every report: what the outcome means, and its first cause. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.report.finding_text import WHOLE_RUN, moment_or_never, result_subject
from harness.report.steps import stress_text
from harness.report.text import clean, utc
from harness.run.record import RunRecord
from harness.units import format_duration, format_value


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
            o.objective if result_subject(o) == WHOLE_RUN else f"{o.objective} ({result_subject(o)})"
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
    moment = moment_or_never(cause)
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
