"""Error ratio: failed requests over all, over the steady state and in its 5-minute windows (ten errors at least)."""

from __future__ import annotations

from exporters.metric_names import REQUEST_ERRORS, Recorded
from harness.judge.context import Context
from harness.judge.counters import all_requests, bad_requests
from harness.judge.requests import no_requests
from harness.judge.results import Evidence, Judged, judged, missing
from harness.judge.shares import LEAST_ERRORS, find_breach, reach_back, requests_needed
from harness.judge.subjects import Subject
from harness.judge.verdict import Outcome
from harness.plan.objectives import Objective

_LOAD = Subject("load")


def judge_error_ratio(context: Context, objective: Objective) -> Judged:
    """The error objective, of the whole run or of an endpoint."""
    labels = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {}
    query = context.selector(Recorded.ENDPOINT_ERROR_RATIO if labels else Recorded.ERROR_RATIO, **labels)
    window = context.steady
    nothing = no_requests(context, all_requests(context, objective), objective)
    if nothing or window is None:
        return missing(objective, _LOAD, nothing, query)
    counted = bad_requests(context, objective)
    if counted is None:
        reason = f"errors were not counted beside the requests: {REQUEST_ERRORS} is missing"
        return missing(objective, _LOAD, reason, query)
    counts, load = counted
    note = f"{counts.total_bad:,.0f} of {counts.total:,.0f} requests failed ({counts.ratio * 100:.3g}%)"
    breach = find_breach(counts, window, objective.limit, context.interval, least_bad=LEAST_ERRORS)
    if breach.whole or breach.pieces:
        if not breach.whole:
            note += f", too many in {len(breach.pieces)} of {breach.of} windows of 5 minutes"
        onset = None
        if breach.first is not None:
            onset = reach_back(load, objective.limit, breach.first, context.interval)
        evidence = Evidence(onset, breach.first, breach.seconds, query)
        return judged(objective, _LOAD, Outcome.FAIL, counts.ratio, note, evidence)
    needed = requests_needed(objective.limit)
    if counts.total < needed:
        note = f"{counts.total:.0f} requests are too few to show it; {needed} are needed"
        return judged(objective, _LOAD, Outcome.INCONCLUSIVE, counts.ratio, note, Evidence(query=query))
    return judged(objective, _LOAD, Outcome.PASS, counts.ratio, note)
