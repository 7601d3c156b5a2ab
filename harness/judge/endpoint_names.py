"""What an endpoint that a plan names and nobody counted may have been meant to be."""

from __future__ import annotations

import difflib

from exporters import metric_names as names
from harness.judge.context import Context

_LISTED = 5


def misnamed(context: Context, endpoint: str) -> str:
    """ "; did you mean 'POST /login'?", or what was counted instead; empty when the load did count this endpoint.

    Args:
        endpoint: method and name, as the plan writes them.
    """
    counted = context.selector(names.REQUEST_DURATION + "_count")
    found = context.api.series([counted], context.load.start, context.load.end)
    known = sorted({f"{one.get('method', '')} {one.get('name', '')}" for one in found})
    if not known or endpoint in known:
        return ""
    spelled = {one.lower(): one for one in known}
    close = difflib.get_close_matches(endpoint.lower(), spelled, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {spelled[close[0]]!r}?"
    more = ", ..." if len(known) > _LISTED else ""
    return f"; what the load counted is {', '.join(repr(one) for one in known[:_LISTED])}{more}"
