"""The break of a stress run: the load from which on every higher load broke. Pure.

A single broken step below one that was held is a disturbance, not the break: more load held. An unclear step neither
confirms a break nor contradicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.judge.steps import Step
from harness.judge.verdict import Outcome
from harness.plan.holds import peak_index
from harness.units import format_value


@dataclass(frozen=True)
class BreakPoint:
    """What the rising steps of a run show.

    Attributes:
        held: the highest step below the break (of all, without one) that was held; None when none was.
        broken: the break, the lowest step from which on all were broken; None when none was found.
        disturbed: broken steps below a held one: they contradict each other.
        steps: the rising steps.
    """

    held: Step | None
    broken: Step | None
    disturbed: tuple[Step, ...]
    steps: tuple[Step, ...]


def find_break(steps: Sequence[Step]) -> BreakPoint:
    """The break among the steps up to the peak."""
    rising = tuple(sorted(steps[: peak_index([one.load for one in steps]) + 1], key=lambda s: (s.load, s.begun)))
    broken: Step | None = None
    for step in reversed(rising):
        if step.outcome == "held":
            break
        if step.outcome == "broken":
            broken = step
    below = [s for s in rising if broken is None or s.load < broken.load]
    held = max((s for s in below if s.outcome == "held"), key=lambda s: s.load, default=None)
    return BreakPoint(held, broken, tuple(s for s in below if s.outcome == "broken"), rising)


@dataclass(frozen=True)
class CapacityShown:
    """Whether a run showed the capacity that was asked for; ``value`` in the objective's unit."""

    outcome: Outcome
    value: float | None
    note: str


def judge_capacity(found: BreakPoint, limit: float, unit: str) -> CapacityShown:
    """``capacity: ">= LIMIT UNIT"``, against what was held and what broke.

    Proven broken at no more than the limit is FAIL; held at the limit or above is PASS; everything between is
    INCONCLUSIVE, and says which step is missing.
    """
    if not found.steps:
        return CapacityShown(Outcome.INCONCLUSIVE, None, "no step of load was held long enough to be judged")
    if unit != found.steps[0].unit and any(s.achieved_rps is None for s in found.steps if s.outcome != "unclear"):
        return CapacityShown(Outcome.INCONCLUSIVE, None, "the requests per second of a step were not counted")
    asked = format_value(limit, unit)
    held = _amount(found.held, unit) if found.held else 0.0
    contradicting = [s for s in found.disturbed if _amount(s, unit) <= limit]
    if found.held is not None and _best(found, unit) >= limit * (1 - 1e-9):
        note = f"held {_said(found.held)}" + (
            f"; broke at {_said(found.broken)}" if found.broken else ", no break found"
        )
        if contradicting:
            note += f"; but {_said(contradicting[0])} broke, though more was held: run it again"
            return CapacityShown(Outcome.INCONCLUSIVE, _best(found, unit), note)
        return CapacityShown(Outcome.PASS, _best(found, unit), note)
    value = _best(found, unit) if found.held else None
    if found.broken is None:
        reached = f"no more than {format_value(held, unit)} was shown to hold" if found.held else "no step was held"
        unclear = [s for s in found.steps if s.outcome == "unclear"]
        why = f" ({_said(unclear[-1])} is unclear: {unclear[-1].note})" if unclear else f": add steps up to {asked}"
        return CapacityShown(Outcome.INCONCLUSIVE, value, f"no break was found, and {reached}{why}")
    most = max(_amount(s, unit) for s in found.steps if s.outcome == "broken" and s.load >= found.broken.load)
    proven = found.broken.load <= limit if unit == found.broken.unit else most < limit
    before = f"; held {_said(found.held)}" if found.held else "; no step below it was held"
    note = f"broke at {_said(found.broken)} ({', '.join(found.broken.broken)}){before}"
    if proven:
        return CapacityShown(Outcome.FAIL, value or 0.0, note)
    return CapacityShown(Outcome.INCONCLUSIVE, value, f"{note}: a step between them, at {asked}, would tell")


def _best(found: BreakPoint, unit: str) -> float:
    """The most that was held: requests per second may have peaked before the highest held step."""
    limit = found.held.load if found.held else 0.0
    return max((_amount(s, unit) for s in found.steps if s.outcome == "held" and s.load <= limit), default=0.0)


def _amount(step: Step, unit: str) -> float:
    """A step's load in the unit that was asked for: of closed users, the requests per second that they made."""
    return step.load if unit == step.unit else step.achieved_rps or 0.0


def _said(step: Step) -> str:
    made = (
        f" ({format_value(step.achieved_rps, 'rps')})" if step.achieved_rps is not None and step.unit == "users" else ""
    )
    return f"{format_value(step.load, step.unit)}{made}"
