"""Parts of the run that died and were started again: Locust workers, the sidecar, Prometheus.

What was lost meanwhile is judged where it is missing (coverage, users). That a part died is a WARN; one that dies again
and again is no instrument, whatever its samples cover: INCONCLUSIVE.
"""

from __future__ import annotations

import numpy as np

from exporters import metric_names as names
from harness.judge.absence import clock
from harness.judge.context import Context
from harness.judge.restarts import starts
from harness.judge.verdict import Finding, Outcome
from harness.prom.series import Series

MOST_PER_HOUR = 6  # of one part; each costs seconds of evidence, and says that something is wrong
_HOUR = 3600.0
_TITLES = {names.PART_SIDECAR: "the sidecar", names.PART_PROMETHEUS: "Prometheus"}


def check_replaced(context: Context) -> list[Finding]:
    """A finding for each part that was started again while the load ran."""
    workers = _finding(context, context.one(names.WORKER_RESTARTS), "a Locust worker", "generator", {})
    others = [
        _finding(context, context.one(names.PART_RESTARTS, part=part), _title(part), "telemetry", {"part": part})
        for part in sorted({s.labels.get("part", "") for s in context.series(names.PART_RESTARTS)})
    ]
    return [found for found in (workers, *others) if found is not None]


def most_in_an_hour(moments: list[float]) -> int:
    """The most of these times (unix seconds, in order) that lie within any one hour. Pure."""
    times = np.asarray(moments)
    return int((np.searchsorted(times, times + _HOUR, side="right") - np.arange(times.size)).max(initial=0))


def _finding(context: Context, series: Series, title: str, signal: str, subject: dict[str, str]) -> Finding | None:
    moments = starts(series.times, series.values, context.load)
    if not moments:
        return None
    when = ", ".join(clock(m) for m in sorted(set(moments))[:5])
    times = "once" if len(moments) == 1 else f"{len(moments)} times"
    often = most_in_an_hour(moments)
    too_often = f"; {often} times within an hour: what dies so often proves nothing" if often > MOST_PER_HOUR else ""
    return Finding(
        check="generator" if signal == "generator" else "run",
        signal=signal,
        outcome=Outcome.INCONCLUSIVE if too_often else Outcome.WARN,
        summary=f"{title} died and was started again, {times} (seen at {when} UTC){too_often}",
        subject=subject,
        first_seen=moments[0],
        value=float(often if too_often else len(moments)),
        limit=float(MOST_PER_HOUR if too_often else 0),
        unit="count",
        query=context.selector(names.PART_RESTARTS if subject else names.WORKER_RESTARTS, **subject),
    )


def _title(part: str) -> str:
    return _TITLES.get(part, part)
