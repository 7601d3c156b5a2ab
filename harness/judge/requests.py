"""Why there are no requests to judge on."""

from __future__ import annotations

from harness.judge.context import Context
from harness.judge.endpoint_names import misnamed
from harness.judge.shares import Counts
from harness.plan.objectives import Objective
from harness.units import format_duration


def no_requests(context: Context, counts: Counts | None, objective: Objective) -> str:
    """Why there is nothing to judge requests on; empty when there is something."""
    if context.steady is None:
        return "the run had no steady state"
    what = f"{objective.method} {objective.endpoint}".strip() if objective.endpoint else "request"
    other = misnamed(context, what) if objective.endpoint and (counts is None or counts.total <= 0) else ""
    if other:
        return f"no {what} was counted{other}"
    if counts is None:
        length = format_duration(context.steady.length)
        return f"no {what} was counted in the steady state of {length}, or only in a part of it: there is no evidence"
    if counts.total <= 0:
        return f"no {what} was made in the steady state: there is no evidence"
    return ""
