"""Judges a stress run: which loads were held, where it broke, and whether it came back.

A stress run is to find the break, so finding it fails nothing. `capacity` says how much must be held, `recovery` how
soon all must be well again when the load drops. What users feel (latency, errors) says whether a step was held. Every
other objective, alert and check of evidence is judged up to the break only: a service that is broken on purpose uses
all of its pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from exporters.metric_names import Recorded
from harness.judge.break_point import BreakPoint, find_break, judge_capacity
from harness.judge.context import RATE_SECONDS, Context
from harness.judge.recovery import Recovery, judge_recovery
from harness.judge.recovery_readings import read_recovery
from harness.judge.results import Evidence, Judged, judged
from harness.judge.shares import Counts, first_over
from harness.judge.step_readings import Felt, felt, holds_of, read_steps
from harness.judge.steps import Step
from harness.judge.stress_limit import limit_text, read_limit
from harness.judge.subjects import Subject
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window, pick
from harness.plan.objectives import Objective
from harness.plan.stress import FELT
from harness.units import format_value

_LOAD = Subject("load")
CHECK = "objectives"


@dataclass(frozen=True)
class Stress:
    """What a stress run showed.

    Attributes:
        onset: unix seconds when the first objective was over its limit for good enough at the break.
        below: the run up to the break, on which everything else is judged.
        limiting: which signals left their normal range around the break, the first first.
    """

    steps: tuple[Step, ...]
    found: BreakPoint
    recovery: Recovery
    onset: float | None
    below: Context
    limiting: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """``stress`` of verdict.json; times in unix seconds."""
        held, broken, recovery = self.found.held, self.found.broken, self.recovery
        return {
            "held": None if held is None else _amounts(held),
            "break": None if broken is None else {
                **_amounts(broken), "from": broken.begun, "to": broken.ended, "onset": self.onset,
                "objectives": list(broken.broken),
            },
            "disturbed": [one.load for one in self.found.disturbed],
            "recovery": {
                "state": recovery.state, "from": recovery.dropped, "seconds": recovery.seconds,
                "watched": recovery.watched, "note": recovery.note,
            },
            "limiting": self.limiting,
        }  # fmt: skip


def read_stress(context: Context) -> Stress:
    """Steps, break and recovery of a run."""
    holds, users = holds_of(context), felt(context)
    steps = read_steps(context, holds, users)
    found = find_break(steps)
    recovery = read_recovery(context, holds, users, found)
    onset = _onset(found, users, context.interval)
    limiting = read_limit(context, found, onset)
    return Stress(steps, found, recovery, onset, _below(context, found.broken), limiting)


def judge_steps(context: Context, stress: Stress) -> list[Judged]:
    """The lines of the objectives that the steps decide, in the plan's order."""
    found = []
    for objective in context.plan.objectives:
        if objective.name == "capacity":
            found.append(_capacity(context, objective, stress))
        elif objective.name == "recovery":
            found.append(_recovery(context, objective, stress))
        elif objective.spec.family in FELT:
            found.append(_felt(objective, stress))
    return found


def of_steps(objective: Objective) -> bool:
    """Whether the steps decide an objective."""
    return objective.spec.family in FELT or objective.spec.family == "stress"


def check_steps(stress: Stress) -> list[Finding]:
    """What else the steps tell: loads that contradict each other, and a break that nobody could see."""
    found = []
    for one in stress.found.disturbed:
        held = stress.found.held
        more = f", though {format_value(held.load, held.unit)} held" if held is not None else ""
        summary = (
            f"{format_value(one.load, one.unit)} broke {', '.join(one.broken)}{more}: a disturbance, not the break"
        )
        found.append(_finding(Outcome.WARN, summary, one))
    top = stress.found.steps[-1] if stress.found.steps else None
    if top is not None and top.outcome == "unclear" and stress.found.broken is None:
        summary = (
            f"whether {format_value(top.load, top.unit)} were held is unclear: {top.note}; no break was found below"
        )
        found.append(_finding(Outcome.INCONCLUSIVE, summary, top))
    return found


def _finding(outcome: Outcome, summary: str, step: Step) -> Finding:
    return Finding(CHECK, "throughput", outcome, summary, first_seen=step.begun, for_seconds=step.ended - step.begun)


def _below(context: Context, broken: Step | None) -> Context:
    """The run up to the break; a break too early to judge anything before it leaves its own step in."""
    if broken is None or context.steady is None:
        return context
    start, end = context.steady.start, broken.begun
    if end - start < RATE_SECONDS + 2 * context.interval:
        end = broken.ended
    end = min(end, context.steady.end)
    return replace(
        context,
        steady=Window(start, end).without(context.steady.holes),
        load=Window(context.load.start, end).without(context.load.holes),
        _cache={},
    )


def _onset(found: BreakPoint, users: Sequence[Felt], interval: float) -> float | None:
    """When the first of the objectives that broke was over its limit."""
    broken = found.broken
    if broken is None:
        return None
    moments = []
    for one in users:
        counts = one.upper or one.lower
        if one.name not in broken.broken or counts is None:
            continue
        mine = pick(counts.times, Window(broken.begun, broken.ended), closed=True)
        first, _ = first_over(Counts(counts.times[mine], counts.all_[mine], counts.bad[mine]), one.share, interval)
        moments += [] if first is None else [first]
    return min(moments, default=broken.begun)


def _capacity(context: Context, objective: Objective, stress: Stress) -> Judged:
    shown = judge_capacity(stress.found, objective.limit, objective.unit)
    evidence = Evidence(query=context.selector(Recorded.REQUESTS))
    broken = stress.found.broken
    if broken is not None:
        evidence = replace(
            evidence, onset=stress.onset, first_seen=stress.onset, for_seconds=broken.ended - broken.begun
        )
    note = "; ".join(filter(None, (shown.note, limit_text(stress.limiting))))
    return judged(objective, _LOAD, shown.outcome, shown.value, note, evidence)


def _recovery(context: Context, objective: Objective, stress: Stress) -> Judged:
    found = stress.recovery
    outcome, value = judge_recovery(found, objective.limit, context.interval)
    note = found.note
    if outcome is Outcome.INCONCLUSIVE and found.state == "not":
        note += ": too short to tell; lengthen the last stage"
    evidence = Evidence(None, found.dropped, found.watched, context.selector(Recorded.LATENCY_P95))
    return judged(objective, _LOAD, outcome, value, note, evidence)


def _felt(objective: Objective, stress: Stress) -> Judged:
    """A limit that users feel: held up to the break is what a stress run can show of it."""
    steps, held = stress.found.steps, stress.found.held
    name = f"{objective.subject} {objective.name}" if objective.endpoint else objective.name
    if not steps:
        return judged(objective, _LOAD, Outcome.INCONCLUSIVE, None, "no step of load was held long enough to be judged")
    broke = next((s for s in steps if name in s.broken and (held is None or s.load > held.load)), None)
    value = _value(objective, held)
    at = f"broke at {format_value(broke.load, broke.unit)}" if broke else ""
    if held is not None:
        up_to = f"held up to {format_value(held.load, held.unit)}"
        return judged(objective, _LOAD, Outcome.PASS, value, f"{up_to}; {at}" if at else f"{up_to}; did not break")
    if broke is not None:
        evidence = Evidence(stress.onset, stress.onset, broke.ended - broke.begun)
        return judged(objective, _LOAD, Outcome.FAIL, _value(objective, broke), f"{at}, and no step was held", evidence)
    first = steps[0]
    why = first.note or f"{format_value(first.load, first.unit)} broke {', '.join(first.broken)}"
    return judged(objective, _LOAD, Outcome.INCONCLUSIVE, None, f"no step was shown to hold: {why}")


def _value(objective: Objective, step: Step | None) -> float | None:
    """What a step measured of an objective, where the steps keep it."""
    if step is None or objective.endpoint:
        return None
    return {"latency_p95": step.p95, "error_ratio": step.error_ratio}.get(objective.name)


def _amounts(step: Step) -> Mapping[str, Any]:
    return {"load": step.load, "unit": step.unit, "achieved_rps": step.achieved_rps, "p95": step.p95,
            "error_ratio": step.error_ratio}  # fmt: skip
