"""The steps of a stress or capacity run as rows and sentences, the same in every format. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.judge.steps import Step
from harness.judge.verdict import Verdict
from harness.plan.holds import peak_index
from harness.report.text import clean, one_line
from harness.units import format_duration, format_value

STEP_COLUMNS = ("Load", "Step", "Requests/s", "p95", "Failed", "Why")


@dataclass(frozen=True)
class StepRow:
    """One step, in words.

    Attributes:
        outcome: "held", "broken" or "unclear"; ``level`` is its colour (ok, breach, neutral).
        break_: whether it is the break.
        why: the objectives that broke it, or why it is unclear, or what the step is for.
    """

    load: str
    outcome: str
    level: str
    rps: str
    p95: str
    errors: str
    why: str
    break_: bool = False


LEVELS = {"held": "ok", "broken": "breach", "unclear": "neutral"}


def step_rows(verdict: Verdict) -> tuple[StepRow, ...]:
    """In order of time; none where the run had no steps."""
    broken_from = ((verdict.stress or {}).get("break") or {}).get("from")
    # A search goes up and down all the time: only a stress run has a drop.
    peak = peak_index([step.load for step in verdict.steps]) if verdict.stress is not None else len(verdict.steps)
    return tuple(_row(step, step.begun == broken_from, index > peak) for index, step in enumerate(verdict.steps))


def _row(step: Step, is_break: bool, after: bool) -> StepRow:
    why = ", ".join(step.broken) or step.note
    if is_break:
        why = f"the break: {why}"
    elif after:
        why = f"after the drop{': ' if why else ''}{why}"
    slow = step.p95 is None and (step.error_ratio or 0.0) > 0
    return StepRow(
        load=format_value(step.load, step.unit),
        outcome=step.outcome,
        level=LEVELS[step.outcome],
        rps=format_value(step.achieved_rps, "rps"),
        p95="among the failed" if slow else format_value(step.p95, "seconds"),
        errors=format_value(step.error_ratio, "ratio"),
        why=one_line(clean(why)),
        break_=is_break,
    )


def stress_text(verdict: Verdict) -> str:
    """What a stress run found, in one or two sentences; empty for other runs."""
    told = verdict.stress
    if told is None:
        return ""
    return clean(" ".join(filter(None, (_held(told, verdict.steps), _recovered(told)))))


def _held(told: Mapping[str, Any], steps: Sequence[Step]) -> str:
    held, broken = told.get("held"), told.get("break")
    if held is None and broken is None:
        return "No step of load was shown to hold or to break." if steps else "No step of load could be judged."
    if broken is None:
        return f"It held {_load(held)}; no break was found." if held is not None else ""
    what = f"broke at {_load(broken)} by {', '.join(broken['objectives'])}."
    return f"It held {_load(held)} and {what}" if held is not None else f"It {what}"


def _load(one: Mapping[str, Any]) -> str:
    load = format_value(one["load"], one["unit"])
    rps = one.get("achieved_rps")
    return load if rps is None or one["unit"] == "rps" else f"{load} ({format_value(rps, 'rps')})"


def _recovered(told: Mapping[str, Any]) -> str:
    recovery = told.get("recovery") or {}
    if told.get("break") is None:
        return ""
    if recovery.get("state") == "recovered":
        return f"It recovered {format_duration(recovery['seconds'])} after the load dropped."
    if recovery.get("state") == "not":
        return f"It did not recover in the {format_duration(recovery['watched'])} after the load dropped."
    return ""
