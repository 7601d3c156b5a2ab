"""Did the locustfile do what it says, or did its own code raise exceptions?

An exception is no failed request: a journey that breaks off at an answer of 200 without the token that it needs asks
nothing more, and whatever it would have asked is in no count. Those that failed requests explain tell nothing new; few
others are a WARN, more than 1 % of the requests are another load than the plan's: INCONCLUSIVE.
"""

from __future__ import annotations

from exporters import metric_names as names
from harness.judge.context import Context
from harness.judge.counters import all_of, all_requests
from harness.judge.load_made import load_finding
from harness.judge.verdict import Finding, Outcome
from harness.units import format_value

LIMIT = 0.01  # of the requests, as for dropped arrivals


def check_exceptions(context: Context) -> list[Finding]:
    """A finding when there were more than failed requests explain; none about a run of before they were counted."""
    raised, requests = all_of(context, names.USER_EXCEPTIONS), all_requests(context)
    if raised is None or requests is None or requests.total < 1:
        return []  # that there was not one request is told already
    failed = all_of(context, names.REQUEST_ERRORS)
    # Who reads on in the answer of a request that failed raises one too: that the request failed is judged.
    count = raised.total - (failed.total if failed is not None else 0.0)
    if count < 1:
        return []
    share = count / requests.total
    too_many = share > LIMIT
    summary = (
        f"the locustfile's own code raised {count:,.0f} exception{'s' if count >= 2 else ''} that no failed request "
        f"explains ({format_value(share, 'ratio')} of the requests)"
    )
    if too_many:
        summary += ": what its users would have asked next was not asked, so the planned load was not made"
    return [
        load_finding(
            Outcome.INCONCLUSIVE if too_many else Outcome.WARN,
            summary,
            context.selector(names.USER_EXCEPTIONS),
            first=float(raised.times[raised.all_ > 0][0]),
            value=share,
            limit=LIMIT,
            unit="ratio",
        )
    ]
