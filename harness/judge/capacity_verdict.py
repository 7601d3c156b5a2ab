"""Judges a capacity run: its answer in words, its objectives, and whether the search came to its end.

A capacity run breaks its target on purpose, so a breach fails nothing. `capacity` says how much must be held; what
users feel (latency, errors) says whether a load was held. Alerts are about a steady state, which there is none.
"""

from __future__ import annotations

from harness.judge.capacity import CapacityResult, Limit
from harness.judge.context import Context
from harness.judge.limiting import Departure
from harness.judge.results import Evidence, Judged, judged
from harness.judge.subjects import Subject
from harness.judge.verdict import Finding, Outcome
from harness.plan.objectives import Objective
from harness.units import format_duration, format_value

CHECK = "objectives"
_LOAD = Subject("load")
_RESOURCES = {
    "cpu": "the processor", "db_pool": "the connection pool", "redis": "Redis", "database": "the database",
    "memory": "the memory", "fds": "the file descriptors",
}  # fmt: skip
_UNENDED = {
    "generator": "the load generator reached its own limit before the target did: add load.workers, or processors for "
    "them",
    "telemetry": "three loads in a row showed nothing",
    "probes": "the interval did not become narrow enough: the target's capacity may change while it is measured",
    "unfinished": "the run ended before the search did (capacity.longest, an abort, or a target that did not recover)",
}

_CONFIRMED = frozenset({"narrow", "top", "bottom"})
LEAST_BREACHES = 2  # one hold may break its objectives by chance: a cold cache, a pause of the machine
_WIDE = frozenset({"probes", "unfinished"})  # an interval that is wider than asked for still holds what it says


def sentence(result: CapacityResult) -> str:
    """The answer: "it holds 740 users / 512 requests per second (95 % confidence 700 to 770); past that, ..."."""
    interval = result.interval
    if interval is None or not (result.found.bounded_below or result.found.bounded_above):
        return "no load showed anything"
    if not result.found.bounded_below:
        lowest = min(step.load for step in result.steps)
        return f"it did not even hold {_amount(result, lowest)}"
    if not result.found.bounded_above:
        highest = max(step.load for step in result.steps if step.outcome == "held")
        return f"it holds {_amount(result, highest)} at least: nothing that was tried broke it"
    between = f"{_number(interval.low)} to {_number(interval.high)}"
    sure = f"{interval.confidence * 100:g} % confidence {between}"
    return f"it holds {_amount(result, interval.estimate)} ({sure}); {_past_that(result.limit)}"


def _amount(result: CapacityResult, load: float) -> str:
    if result.unit == "rps":
        return f"{_number(load)} requests per second"
    rps = result.rps[1] if result.interval and load == result.interval.estimate else None
    return f"{_number(load)} users" + (f" / {_number(rps)} requests per second" if rps is not None else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _past_that(limit: Limit) -> str:
    if not limit.order:
        looked = "no watched resource left its normal range" if limit.watched else "no resource was watched"
        return f"past that, {limit.objective or 'an objective'} breaks its limit; {looked}"
    first = limit.order[0]
    lead = limit.lead
    if lead is None:
        when = f"while {limit.objective} did not break again in the ramp"
    elif abs(lead) < 1:
        when = f"as {limit.objective} breaks its limit"
    else:
        order = "before" if lead > 0 else "after"
        when = f"{format_duration(round(abs(lead)))} {order} {limit.objective} breaks its limit"
    return f"past that, {resource(first)} runs out first, {when}"


def resource(one: Departure) -> str:
    """ "the processor of web", "Redis"."""
    words = _RESOURCES.get(one.signal.name, one.signal.name)
    return f"{words} of {one.signal.subject}" if one.signal.name in ("cpu", "memory", "fds") else words


def judge_search(context: Context, result: CapacityResult) -> list[Judged]:
    """The objectives that the search decides, in the plan's order."""
    found = []
    for objective in context.plan.objectives:
        if objective.name == "capacity":
            found.append(_capacity(objective, result))
        elif of_search(objective):
            found.append(_felt(objective, result))
    return found


def of_search(objective: Objective) -> bool:
    """Whether the search decides an objective."""
    return objective.spec.family in ("latency", "ratio") or objective.name == "capacity"


def check_search(result: CapacityResult) -> list[Finding]:
    """INCONCLUSIVE when the search did not come to its end."""
    why = _UNENDED.get(result.ended)
    if why is None:
        return []
    interval, found = result.interval, result.found
    if result.ended in _WIDE and interval is not None and found.bounded_below and found.bounded_above:
        width = format_value(interval.width, "ratio")
        summary = f"the interval of the capacity is {width} wide, more than the plan's tolerance: {why}"
        return [Finding(CHECK, "throughput", Outcome.WARN, summary)]
    signal = {"generator": "generator", "telemetry": "telemetry"}.get(result.ended, "throughput")
    told = next((r.why for r in reversed(result.readings) if r.shown in ("generator", "void") and r.why), "")
    told = told if result.ended in ("generator", "telemetry") else ""
    first = result.steps[-1].begun if result.steps else None
    return [
        Finding(
            CHECK, signal, Outcome.INCONCLUSIVE, f"the capacity was not found: {why}{f' ({told})' if told else ''}",
            first_seen=first,
        )
    ]  # fmt: skip


def _capacity(objective: Objective, result: CapacityResult) -> Judged:
    """PASS when the whole interval is at or above the floor, FAIL when all of it lies below."""
    note = sentence(result)
    interval, found = result.interval, result.found
    low, estimate, high = (None, None, None)
    if objective.unit == result.unit and interval is not None:
        low, estimate, high = interval.low, interval.estimate, interval.high
    elif objective.unit == "rps":
        low, estimate, high = result.rps
    elif interval is not None:
        note = f"the plan's loads are arrivals, not users; {note}"
    proven = result.ended != "generator" and result.ended != "telemetry"
    outcome = Outcome.INCONCLUSIVE
    if found.bounded_below and low is not None and low >= objective.limit and proven:
        outcome = Outcome.PASS
    elif found.bounded_above and high is not None and high < objective.limit:
        outcome = Outcome.FAIL if _repeated(result) else Outcome.INCONCLUSIVE
        note += "" if outcome is Outcome.FAIL else ": one breach alone may be chance"
    elif low is not None and high is not None and found.bounded_above and found.bounded_below:
        note += f": whether that is {objective.op} {format_value(objective.limit, objective.unit)} is open"
    broke = [s for s in result.steps if s.outcome == "broken"]
    first = min((s.begun for s in broke), default=None)
    evidence = Evidence(None, first, sum(s.ended - s.begun for s in broke))
    value = low if not found.bounded_above else high if not found.bounded_below else estimate
    return judged(objective, _LOAD, outcome, value, note, evidence)


def _repeated(result: CapacityResult) -> bool:
    """A search that came to its end has confirmed its breaches, as often as the plan asks; another one may not have."""
    return result.ended in _CONFIRMED or sum(step.outcome == "broken" for step in result.steps) >= LEAST_BREACHES


def _felt(objective: Objective, result: CapacityResult) -> Judged:
    """A limit that users feel: what the search shows of it is up to which load it was held."""
    name = f"{objective.subject} {objective.name}" if objective.endpoint else objective.name
    held = max((s for s in result.steps if s.outcome == "held"), key=lambda s: s.load, default=None)
    broke = min((s for s in result.steps if name in s.broken), key=lambda s: s.load, default=None)
    words = f"broke at {format_value(broke.load, broke.unit)}" if broke else "did not break"
    shown = held or broke
    value = None
    if shown is not None and not objective.endpoint:
        value = {"latency_p95": shown.p95, "error_ratio": shown.error_ratio}.get(objective.name)
    if held is not None:
        words = f"held up to {format_value(held.load, held.unit)}; {words}"
        return judged(objective, _LOAD, Outcome.PASS, value, words)
    if broke is not None:
        return judged(
            objective, _LOAD, Outcome.FAIL, value, f"{words}, and no load was held", Evidence(None, broke.begun)
        )
    return judged(objective, _LOAD, Outcome.INCONCLUSIVE, None, "no load was shown to hold")
