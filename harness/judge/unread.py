"""What the sidecar could not read when a run was ended early: mostly the cause, or next to it.

An alert tells of a collector that cannot read for a minute (CollectorDown). An outage that breaks the target ends the
run sooner than that, and the database that no longer answers would be told nowhere.
"""

from __future__ import annotations

import numpy as np

from exporters import metric_names as names
from harness.judge.absence import clock
from harness.judge.context import Context, within
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window, stretches
from harness.prom.series import Series

ALERT_SECONDS = 60.0  # from then on the alert tells it
_LEAST_INTERVALS = 3.0  # a reading that failed once is none


def check_unread(context: Context) -> list[Finding]:
    """A warning for each collector that could not read at the end of a run that did not complete."""
    if context.record.ended_by == "completed" or context.steady is None or context.whole is not None:
        return []  # a part of the run ends elsewhere
    findings = []
    for series in context.series(names.COLLECTOR_UP):
        since = unread_since(series, context.steady, context.interval)
        if since is not None:
            findings.append(_finding(context, series.labels.get("collector", ""), since))
    return findings


def unread_since(series: Series, window: Window, interval: float) -> float | None:
    """Since when (unix seconds) it could not read, to the end; None where it could, or the alert tells it. Pure.

    Args:
        series: 1 where the collector read, 0 where it could not.
    """
    seen = within(series, window)
    found = stretches(seen.times, np.asarray(seen.values == 0), interval)
    if not found or window.end - found[-1].end > _LEAST_INTERVALS * interval or seen.values[-1] != 0:
        return None
    last = found[-1]
    return last.start if _LEAST_INTERVALS * interval <= last.seconds < ALERT_SECONDS else None


def _finding(context: Context, collector: str, since: float) -> Finding:
    end = context.steady.end if context.steady is not None else since
    return Finding(
        check="run",
        signal="telemetry",
        outcome=Outcome.WARN,
        summary=f"the sidecar's collector {collector!r} could not read from {clock(since)} UTC to the end of the run",
        subject={"collector": collector},
        first_seen=since,
        for_seconds=end - since,
        value=0.0,
        limit=1.0,
        query=context.selector(names.COLLECTOR_UP, collector=collector),
        runbook="runbooks/CollectorDown.md",
    )
