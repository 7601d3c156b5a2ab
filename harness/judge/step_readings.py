"""Reads what each step of a run did: its requests, its latency, and whether its load was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporters.metric_names import OBJECTIVE_EDGE, REQUEST_DURATION
from harness.judge.context import Context
from harness.judge.counters import all_requests, bad_requests, late_requests
from harness.judge.latency import quantile_of
from harness.judge.shares import Counts
from harness.judge.step_load import fault_of, load_was_made, short_of
from harness.judge.steps import Step, Told, judged_part, make_step, recorded_holds, tell
from harness.judge.windows import Window, pick
from harness.plan.holds import LEAST_WINDOWS, Hold, planned_holds, window_seconds
from harness.plan.objectives import Objective

P95 = 0.95


@dataclass(frozen=True)
class Felt:
    """One objective that users feel, with its requests over the whole load.

    Attributes:
        lower, upper: requests, and those beyond the bucket edge below and above the limit; the same for errors.
        share: of the requests that may be beyond it.
    """

    name: str
    lower: Counts | None
    upper: Counts | None
    share: float


def holds_of(context: Context) -> tuple[Hold, ...]:
    """The loads that the run held: those of its search where it had one, else those of the plan's stages."""
    plan, record = context.plan, context.record
    if record.steps:
        return recorded_holds(record.steps, "users" if plan.load.model == "closed" else "rps", context.interval)
    # A run begins with its parts, seconds or minutes before its load.
    load_from = record.started_at if record.steady_from is None else record.steady_from - plan.load.warmup
    return planned_holds(plan, load_from)


def felt(context: Context) -> tuple[Felt, ...]:
    """What says whether a load was held, in the plan's order."""
    found = []
    for objective in context.plan.objectives:
        family, name = objective.spec.family, f"{objective.subject} {objective.name}" if objective.endpoint else ""
        name = name or objective.name
        if family == "latency" and objective.spec.quantile is not None:
            edges = _edges(context, objective)
            lower, upper = (_late(context, objective, edges.get(bound)) for bound in ("lower", "upper"))
            found.append(Felt(name, lower, upper, 1 - objective.spec.quantile))
        elif family == "ratio":
            counted = bad_requests(context, objective)
            load = counted[1] if counted else None
            found.append(Felt(name, load, load, objective.limit))
    return tuple(found)


def read_steps(context: Context, holds: Sequence[Hold], users: Sequence[Felt]) -> tuple[Step, ...]:
    """How each hold came out. What the run did not live to, or was still warming up in, is left out."""
    ended = context.load.end
    requests = all_requests_of_load(users) or all_requests(context)
    found = []
    for hold in holds:
        if hold.ended > ended + context.interval:
            if ended - hold.settled_from < (hold.ended - hold.settled_from) / 2:
                continue
            hold = Hold(hold.load, hold.unit, hold.begun, hold.reached, hold.settled_from, ended)
        if context.steady is None or hold.ended <= context.steady.start:
            continue
        if hold.settled_from < context.steady.start:
            if context.steady.start >= hold.ended - (hold.ended - hold.settled_from) / 2:
                continue
            hold = Hold(hold.load, hold.unit, hold.begun, hold.reached, context.steady.start, hold.ended)
        found.append(_read(context, hold, users, requests))
    return tuple(found)


def all_requests_of_load(users: Sequence[Felt]) -> Counts | None:
    """Requests of the whole run over the whole load; None without a counted objective of the whole run."""
    whole = (one for one in users if " " not in one.name)
    return next((counts for one in whole for counts in (one.upper, one.lower) if counts is not None), None)


def _read(context: Context, hold: Hold, users: Sequence[Felt], requests: Counts | None) -> Step:
    holes = context.load.holes
    whole = judged_part(hold).without(holes)
    loaded = load_was_made(context, whole)
    # What shows at a moment may have been asked an interval later: the last moment of a hold speaks of the next step.
    window = Window(whole.start, max(whole.start, whole.end - context.interval)).without(holes)
    told = [_tell(one, window, context.interval, loaded) for one in users]
    rps = _rate(requests, window, context.interval)
    errors = next((one.upper for one in users if one.name == "error_ratio"), None)
    return make_step(
        hold,
        told,
        achieved_rps=rps,
        p95=_p95(context, window),
        error_ratio=_share(errors, window),
        fault=_aside(whole, context.interval) or fault_of(context, window),
        short=short_of(context, hold.load, whole),
    )


def _aside(whole: Window, interval: float) -> str:
    """Why what was set aside leaves too little of a hold; empty when enough is left."""
    least = max(whole.span / 2, LEAST_WINDOWS * window_seconds(interval))
    return "most of it was set aside" if whole.holes and whole.length < least else ""


def _tell(one: Felt, window: Window, interval: float, loaded: bool) -> Told:
    """A limit between two edges: broken when it is so at the upper, held when it is so at the lower."""
    sides = [
        None if counts is None else tell(one.name, counts, window, one.share, interval, loaded=loaded)
        for counts in (one.upper, one.lower)
    ]
    upper, lower = sides
    if upper is not None and upper.state == "broken":
        return upper
    if lower is not None and lower.state == "held":
        return lower
    unclear = next((side for side in sides if side is not None and side.state == "unclear"), None)
    if unclear is not None:
        return unclear
    nothing = upper is None and lower is None
    return Told(
        one.name, "unclear", f"{one.name} was not counted" if nothing else f"{one.name} has no edge at its limit"
    )


def _edges(context: Context, objective: Objective) -> dict[str, float]:
    endpoint = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {"name": ""}
    found = context.series(OBJECTIVE_EDGE, objective=objective.name, **endpoint)
    return {s.labels.get("bound", ""): float(s.values[-1]) for s in found if len(s)}


def _late(context: Context, objective: Objective, edge: float | None) -> Counts | None:
    counted = None if edge is None else late_requests(context, objective, edge)
    return counted[1] if counted else None


def _rate(counts: Counts | None, window: Window, interval: float) -> float | None:
    if counts is None:
        return None
    mine = pick(counts.times, window, closed=True)
    moments = int(np.count_nonzero(mine))
    return float(counts.all_[mine].sum()) / (moments * interval) if moments else None


def _share(counts: Counts | None, window: Window) -> float | None:
    if counts is None:
        return None
    mine = pick(counts.times, window, closed=True)
    total = float(counts.all_[mine].sum())
    return float(counts.bad[mine].sum()) / total if total > 0 else None


def _p95(context: Context, window: Window) -> float | None:
    """Seconds, failed requests counting as slower than all; for showing (objectives are judged by their share)."""
    span = f"[{max(1, round(window.span))}s]"
    at = window.end + context.interval
    buckets = context.selector(REQUEST_DURATION + "_bucket", outcome="ok")
    found = context.api.query(f"sum by (le) (increase({buckets}{span}))", at)
    whole = context.api.query(f"sum(increase({context.selector(REQUEST_DURATION + '_count')}{span}))", at)
    pairs = sorted((float(s.labels["le"]), float(s.values[0])) for s in found if "le" in s.labels and len(s))
    finite = [(edge, count) for edge, count in pairs if math.isfinite(edge)]
    total = sum(float(s.values[0]) for s in whole if len(s))
    if not finite or not total > 0:
        return None
    edges, cumulative = np.array(finite).T
    value = quantile_of(edges, cumulative, total, P95)
    return value if math.isfinite(value) else None
