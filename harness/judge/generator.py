"""Check "generator": was the load generator itself the bottleneck, or did it not do its work? (DESIGN: coverage)

Then what it measured says nothing about the target: INCONCLUSIVE. A short spell in a long run is a WARN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.absence import clock
from harness.judge.context import RATE_SECONDS, Context, within
from harness.judge.levels import judge_level
from harness.judge.restarts import starts
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.prom.series import Series
from harness.units import format_duration, format_value

CHECK = "generator"
LAG_LIMIT = 0.1  # seconds, p99 of the event loop's delay
CPU_LIMIT = 0.9  # of a core: Locust runs on one
DROPPED_LIMIT = 0.01  # of arrivals
LEAST_LOAD = 0.97  # of the intended load
POOR_LOAD = 0.80  # of the intended users; below it another load was run than planned, whoever is to blame


@dataclass(frozen=True)
class GeneratorReport:
    """Findings, and why latency cannot be blamed on the target; empty when it can."""

    findings: tuple[Finding, ...]
    fault: str


def check_generator(context: Context) -> GeneratorReport:
    """Health of the load generator over the steady window; nothing to say without one."""
    steady, rates = context.steady, context.rates
    if steady is None:
        return GeneratorReport((), "")
    lag = _levels(context, Recorded.LOOP_LAG_P99, rates, LAG_LIMIT, "event loop delay p99", "seconds", RATE_SECONDS)
    cpu = _levels(context, Recorded.GENERATOR_CPU, rates, CPU_LIMIT, "CPU of a Locust process", "cores", 0.0)
    findings = [*lag, *cpu]
    fault = "; ".join(f.summary for f in findings if f.outcome is Outcome.INCONCLUSIVE)
    if rates is not None:
        findings += _unmeasured(context, rates)
    findings += _levels(context, Recorded.WORKERS_MISSING, steady, 0.0, "missing Locust workers", "count", 0.0)
    findings += _restarted(context)
    findings += _dropped(context, rates)
    findings += _achieved(context, steady, bool(fault))
    findings += _idle(context, rates)
    return GeneratorReport(tuple(findings), fault)


def _levels(
    context: Context, recorded: str, window: Window | None, limit: float, what: str, unit: str, memory: float
) -> list[Finding]:
    found = []
    for series in context.series(recorded):
        steady = within(series, window)
        if len(steady) == 0:
            continue
        level = judge_level(steady.times, steady.values, limit, context.interval, memory=memory)
        if level.outcome is Outcome.PASS:
            continue
        instance = series.labels.get("instance", "")
        found.append(
            _finding(
                # FAIL of the level is "for good enough": here it says that the run is no evidence.
                Outcome.INCONCLUSIVE if level.outcome is Outcome.FAIL else Outcome.WARN,
                f"{what}{f' ({instance})' if instance else ''} was over {format_value(limit, unit)} "
                f"for {format_duration(level.seconds)}, at most {format_value(level.highest, unit)}",
                context.selector(recorded, **({"instance": instance} if instance else {})),
                subject={"instance": instance} if instance else {},
                first=level.over[0].start,
                seconds=level.seconds,
                value=level.highest,
                limit=limit,
                unit=unit,
            )
        )
    return found


def _unmeasured(context: Context, window: Window) -> list[Finding]:
    absent = [
        what
        for what, name in (("event loop delay", Recorded.LOOP_LAG_P99), ("CPU", Recorded.GENERATOR_CPU))
        if not any(len(within(s, window)) for s in context.series(name))
    ]
    if not absent:
        return []
    summary = f"the load generator's {' and '.join(absent)} was not measured: nobody knows whether it kept up"
    return [_finding(Outcome.WARN, summary, context.selector(Recorded.LOOP_LAG_P99))]


def _restarted(context: Context) -> list[Finding]:
    series = context.one(names.WORKER_RESTARTS)
    moments = starts(series.times, series.values, context.load)
    if not moments:
        return []
    when = ", ".join(clock(m) for m in sorted(set(moments))[:5])
    summary = f"{len(moments)} Locust worker(s) died and were started again (seen at {when} UTC)"
    query = context.selector(names.WORKER_RESTARTS)
    return [
        _finding(Outcome.WARN, summary, query, first=moments[0], value=float(len(moments)), limit=0.0, unit="count")
    ]


def _dropped(context: Context, window: Window | None) -> list[Finding]:
    made = within(context.one(Recorded.ARRIVALS), window).values
    dropped = within(context.one(Recorded.ARRIVALS_DROPPED), window)
    lost = float(dropped.values.sum())
    total = float(made.sum()) + lost
    if total <= 0 or lost / total <= DROPPED_LIMIT:
        return []
    share = lost / total
    return [
        _finding(
            Outcome.INCONCLUSIVE,
            f"{format_value(share, 'ratio')} of the arrivals were dropped: the offered load was not made",
            context.selector(Recorded.ARRIVALS_DROPPED_RATIO),
            first=float(dropped.times[dropped.values > 0][0]),
            value=share,
            limit=DROPPED_LIMIT,
            unit="ratio",
        )
    ]


def _achieved(context: Context, steady: Window, overloaded: bool) -> list[Finding]:
    """Closed model: users that ran against users that were intended."""
    users, target = within(context.one(Recorded.USERS), steady), within(context.one(Recorded.USERS_TARGET), steady)
    share = achieved(users, target)
    if share is None or share >= LEAST_LOAD or context.plan.load.model != "closed":
        return []
    blamed = overloaded or share < POOR_LOAD
    finding = _finding(
        Outcome.INCONCLUSIVE if blamed else Outcome.WARN,
        f"only {format_value(share, 'ratio')} of the intended users ran",
        context.selector(Recorded.USERS),
        value=share,
        limit=LEAST_LOAD,
        unit="ratio",
        signal="generator" if blamed else "throughput",
    )
    return [finding]


def achieved(made: Series, intended: Series) -> float | None:
    """Share of the intended load that was made; None when nothing was intended or one of them is not known."""
    if len(made) == 0 or len(intended) == 0 or float(intended.values.mean()) <= 0:
        return None
    return float(made.values.mean()) / float(intended.values.mean())


def _idle(context: Context, window: Window | None) -> list[Finding]:
    """Requests are the evidence for everything: a run without any has shown nothing, also about memory."""
    if window is None:
        return []
    requests = within(context.one(Recorded.REQUESTS), window)
    if float(np.sum(requests.values)) > 0:
        return []
    users = within(context.one(Recorded.USERS), window)
    running = f"{users.values.mean():.0f} users ran and did nothing" if float(users.values.sum()) > 0 else "no user ran"
    summary = f"not one request was made in the steady state ({running if len(users) else 'no users were reported'})"
    query = context.selector(Recorded.REQUESTS)
    return [_finding(Outcome.INCONCLUSIVE, summary, query, first=window.start, value=0.0, unit="rps")]


def _finding(
    outcome: Outcome,
    summary: str,
    query: str,
    *,
    subject: dict[str, str] | None = None,
    first: float | None = None,
    seconds: float = 0.0,
    value: float | None = None,
    limit: float | None = None,
    unit: str = "",
    signal: str = "generator",
) -> Finding:
    return Finding(
        check=CHECK,
        signal=signal,
        outcome=outcome,
        summary=summary,
        subject=subject or {},
        first_seen=first,
        for_seconds=seconds,
        value=value,
        limit=limit,
        unit=unit,
        query=query,
    )
