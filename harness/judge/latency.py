"""Latency objectives as the share of requests within the limit (DESIGN: plan). A failed request is over it.

A limit between two bucket edges is bracketed: met when it is met at the lower edge, broken when it is broken at the
upper, else nobody can tell.
"""

from __future__ import annotations

import math

import numpy as np

from exporters.metric_names import OBJECTIVE_EDGE, REQUEST_DURATION, Recorded
from harness.judge.context import Context
from harness.judge.counters import all_requests, bad_requests, late_requests
from harness.judge.requests import no_requests
from harness.judge.results import Evidence, Judged, judged, missing
from harness.judge.shares import Breach, Counts, find_breach, reach_back, requests_needed
from harness.judge.subjects import Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray
from harness.units import format_value

_LOAD = Subject("load")
# Of the requests that were counted, so many must be in the buckets; else a process began anew and took its own along.
KNOWN = 0.98


def judge_latency(context: Context, objective: Objective) -> Judged:
    """One latency objective, of the whole run or of an endpoint."""
    quantile = objective.spec.quantile
    assert quantile is not None
    labels = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {}
    query = context.selector(
        Recorded.ENDPOINT_WITHIN if labels else Recorded.WITHIN, objective=objective.name, **labels
    )
    window, requests = context.steady, all_requests(context, objective)
    nothing = no_requests(context, requests, objective)
    if nothing or window is None or requests is None:
        return missing(objective, _LOAD, nothing, query)
    sides: dict[str, tuple[Counts, Counts]] = {}
    for bound, edge in _edges(context, objective).items():
        counted = late_requests(context, objective, edge)
        if counted is not None:
            sides[bound] = counted
    if not sides:
        limit = format_value(objective.limit, "seconds")
        reason = f"no requests were counted against {limit}: {REQUEST_DURATION}_bucket has no edge near it"
        return missing(objective, _LOAD, reason, query)
    over = 1 - quantile
    breaches = {b: find_breach(c, window, over, context.interval) for b, (c, _) in sides.items()}
    lower, upper = sides.get("lower"), sides.get("upper")
    counts = (lower or upper or next(iter(sides.values())))[0]
    value = _shown(context, objective, window, counts, quantile)
    note = _note(objective, counts, lower, upper)
    evidence = Evidence(query=query)
    if upper is not None and _broken(breaches["upper"]):
        breach = breaches["upper"]
        evidence = _evidence(context, upper[1], breach, over, query)
        return judged(objective, _LOAD, Outcome.FAIL, value, _why(note, breach) + _failed(context, objective), evidence)
    if counts.total < requests_needed(over):
        note = f"{counts.total:.0f} requests are too few for it; {requests_needed(over)} are needed"
        return judged(objective, _LOAD, Outcome.INCONCLUSIVE, value, note, evidence)
    if lower is not None and not _broken(breaches["lower"]):
        return judged(objective, _LOAD, Outcome.PASS, value, note)
    note += "; the limit is no edge of the histogram"
    return judged(objective, _LOAD, Outcome.INCONCLUSIVE, value, note, evidence)


def _edges(context: Context, objective: Objective) -> dict[str, float]:
    """The histogram's edges next to the limit, by bound: "lower", "upper"."""
    endpoint = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {"name": ""}
    found: dict[str, float] = {}
    for series in context.series(OBJECTIVE_EDGE, objective=objective.name, **endpoint):
        if len(series):
            found[series.labels.get("bound", "")] = float(series.values[-1])
    return found


def quantile_of(edges: FloatArray, cumulative: FloatArray, total: float, quantile: float) -> float:
    """The quantile by linear interpolation within its bucket, as Prometheus' histogram_quantile does; in seconds.

    Args:
        edges: finite upper bounds, shape (n,), increasing; cumulative: requests that were ok and within, shape (n,).
        total: all requests, failed ones included.

    Returns:
        inf when the quantile falls among requests that failed or were slower than the last edge; NaN of no request.
    """
    if total <= 0 or edges.size == 0:
        return math.nan
    rank = quantile * total
    index = int(np.searchsorted(cumulative, rank))
    if index >= edges.size:
        return math.inf
    low, below = (float(edges[index - 1]), float(cumulative[index - 1])) if index else (0.0, 0.0)
    inside = float(cumulative[index]) - below
    return low + (float(edges[index]) - low) * ((rank - below) / inside if inside > 0 else 1.0)


def _shown(context: Context, objective: Objective, window: Window, counts: Counts, quantile: float) -> float | None:
    """The quantile in seconds, for showing; the objective is judged by its share."""
    labels = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {}
    buckets = context.selector(REQUEST_DURATION + "_bucket", outcome="ok", **labels)
    first, last = (
        {
            s.labels["le"]: float(s.values[0])
            for s in context.api.query(f"sum by (le) ({buckets})", at)
            if "le" in s.labels and len(s)
        }
        for at in (window.start + context.interval, window.end + context.interval)
    )
    pairs = sorted((float(le), count - first.get(le, 0.0)) for le, count in last.items())
    total = counts.total
    if window.holes:
        pairs, total = _of_parts(context, buckets, labels, window)
    if not pairs or min(count for _, count in pairs) < 0 or pairs[-1][1] < KNOWN * (counts.total - counts.total_bad):
        # A process of the load began anew: what it had counted is not in the last values.
        pairs, total = _increased(context, buckets, labels, window)
    finite = [(edge, count) for edge, count in pairs if math.isfinite(edge)]
    if not finite:
        return None
    edges, cumulative = np.array(finite).T
    value = quantile_of(edges, cumulative, total, quantile)
    return value if math.isfinite(value) else None


def _of_parts(
    context: Context, buckets: str, labels: dict[str, str], window: Window
) -> tuple[list[tuple[float, float]], float]:
    """(edge, requests within it) and all requests of what was not set aside, as differences between its ends."""
    starts = [window.start, *(hole.end for hole in window.holes)]
    ends = [*(hole.start for hole in window.holes), window.end]
    requests = context.selector(REQUEST_DURATION + "_count", **labels)
    found: dict[float, float] = {}
    total = 0.0
    for sign, moments in ((-1.0, starts), (1.0, ends)):
        for at in moments:
            for one in context.api.query(f"sum by (le) ({buckets})", at + context.interval):
                if "le" in one.labels and len(one):
                    edge = float(one.labels["le"])
                    found[edge] = found.get(edge, 0.0) + sign * float(one.values[0])
            whole = context.api.query(f"sum({requests})", at + context.interval)
            total += sign * sum(float(one.values[0]) for one in whole if len(one))
    return sorted(found.items()), total


def _increased(
    context: Context, buckets: str, labels: dict[str, str], window: Window
) -> tuple[list[tuple[float, float]], float]:
    """(edge, requests within it) and all requests, by Prometheus' own increases, which know of restarts."""
    span = f"[{max(1, round(window.length))}s]"
    if labels:
        found = context.api.query(f"sum by (le) (increase({buckets}{span}))", window.end)
        requests = context.selector(REQUEST_DURATION + "_count", **labels)
        whole = context.api.query(f"sum(increase({requests}{span}))", window.end)
    else:
        # Of the whole load's buckets a day of raw samples is too much for one query.
        recorded = context.selector(Recorded.LATENCY_BUCKETS, outcome="ok")
        found = context.api.query(
            f"{context.interval:.12g} * sum by (le) (sum_over_time({recorded}{span}))", window.end
        )
        rate = context.selector(Recorded.REQUESTS)
        whole = context.api.query(f"{context.interval:.12g} * sum(sum_over_time({rate}{span}))", window.end)
    pairs = sorted((float(s.labels["le"]), float(s.values[0])) for s in found if "le" in s.labels and len(s))
    return pairs, sum(float(s.values[0]) for s in whole if len(s))


def _broken(breach: Breach) -> bool:
    return breach.whole or bool(breach.pieces)


def _note(objective: Objective, counts: Counts, lower: object, upper: object) -> str:
    limit = format_value(objective.limit, "seconds")
    edge = "" if lower is not None and upper is not None else f" (no edge {'below' if lower is None else 'above'} it)"
    return f"{(1 - counts.ratio) * 100:.2f}% of {counts.total:,.0f} requests within {limit}{edge}"


def _failed(context: Context, objective: Objective) -> str:
    """How many of the late requests were not slow at all: who reads "80 % within 1 s" looks for slow ones."""
    found = bad_requests(context, objective)
    failed = found[0].total_bad if found else 0.0
    return f" ({failed:,.0f} of them failed, which counts as over it)" if failed >= 1 else ""


def _why(note: str, breach: Breach) -> str:
    if breach.whole:
        return note + " in the whole steady state"
    return note + f", but not in {len(breach.pieces)} of {breach.of} windows of 5 minutes"


def _evidence(context: Context, load: Counts, breach: Breach, limit: float, query: str) -> Evidence:
    first = breach.first
    if first is not None:
        first = reach_back(load, limit, first, context.interval)
    return Evidence(onset=first, first_seen=breach.first, for_seconds=breach.seconds, query=query)
