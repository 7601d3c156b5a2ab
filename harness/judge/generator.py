"""Check "generator": was the load generator itself the bottleneck, or did it not do its work? (DESIGN: coverage)

Then what it measured says nothing about the target: INCONCLUSIVE. A short spell in a long run is a WARN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.arrivals_made import check_arrivals
from harness.judge.context import RATE_SECONDS, Context, within
from harness.judge.counters import all_requests
from harness.judge.generator_seen import check_seen
from harness.judge.levels import judge_level
from harness.judge.load_made import check_stops, check_users, load_finding
from harness.judge.replaced import check_replaced
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.surplus import check_surplus
from harness.judge.user_exceptions import check_exceptions
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.units import format_duration, format_value

LAG_LIMIT = 0.1  # seconds, p99 of the event loop's delay
CPU_LIMIT = 0.9  # of a core: Locust runs on one


@dataclass(frozen=True)
class GeneratorReport:
    """What is known of the load generator; each reason is empty when there is none.

    Attributes:
        fault: why what it measured cannot be blamed on the target: it was the bottleneck.
        unmeasured: why nobody knows whether it was.
        users_short: why the planned users did not run.
        stopped: in which stretches no request was answered.
        cut_short: why requests of the plan's users were not made, though the users ran.
    """

    findings: tuple[Finding, ...]
    fault: str = ""
    unmeasured: str = ""
    users_short: str = ""
    stopped: str = ""
    cut_short: str = ""


def check_generator(context: Context) -> GeneratorReport:
    """Health of the load generator over the steady window; nothing to say without one."""
    steady, rates = context.steady, context.rates
    if steady is None:
        return GeneratorReport(())
    lag = _levels(context, Recorded.LOOP_LAG_P99, rates, LAG_LIMIT, "event loop delay p99", "seconds", RATE_SECONDS)
    cpu = _levels(context, Recorded.GENERATOR_CPU, rates, CPU_LIMIT, "CPU of a Locust process", "cores", 0.0)
    findings = [*lag, *cpu]
    fault = _reason(findings)
    unmeasured = _unmeasured(context, steady, rates)
    unmeasured += [] if unmeasured else check_seen(context, steady)
    findings += unmeasured
    findings += _workers(context, steady)
    findings += check_replaced(context)
    findings += check_arrivals(context, rates)
    users = check_users(context, steady)
    idle = _idle(context, steady)
    stopped = idle or check_stops(context, steady)
    raised = check_exceptions(context)
    findings += [*users, *check_surplus(context, steady), *stopped, *raised]
    return GeneratorReport(
        tuple(findings),
        fault,
        _reason(unmeasured),
        users_short=_reason(users),
        stopped=_reason(stopped),
        cut_short=_reason(raised),
    )


def _reason(findings: list[Finding]) -> str:
    return "; ".join(f.summary for f in findings if f.outcome is Outcome.INCONCLUSIVE)


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
            load_finding(
                # FAIL of the level is "for good enough": here it says that the run is no evidence.
                Outcome.INCONCLUSIVE if level.outcome >= Outcome.INCONCLUSIVE else Outcome.WARN,
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


def _unmeasured(context: Context, steady: Window, window: Window | None) -> list[Finding]:
    """Processes whose lag or CPU nobody saw, for more than a fifth of the time in which they were scraped."""
    if window is None:
        length = format_duration(steady.length)
        summary = (
            f"the steady state of {length} is too short to tell whether the load generator kept up: "
            "that takes more than a minute"
        )
        query = context.selector(Recorded.LOOP_LAG_P99)
        return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=steady.start)]
    scraped = {s.labels.get("instance", ""): within(s, window) for s in context.series(names.UP, job=names.JOB_LOAD)}
    answered = {instance: int((s.values == 1).sum()) for instance, s in scraped.items()}
    silent = [i for i, s in sorted(scraped.items()) if answered[i] < ENOUGH_RECORDED * len(s)]
    if not scraped:
        summary = f"there is no `up` of job {names.JOB_LOAD!r}: nobody knows whether each Locust process was scraped"
        query = context.selector(names.UP, job=names.JOB_LOAD)
        return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=window.start)]
    if silent:
        # The requests of one process among several are missing in no sum: only its own scrapes tell.
        summary = f"{', '.join(silent)} did not answer most of its scrapes: what it asked and was answered is not known"
        query = context.selector(names.UP, job=names.JOB_LOAD)
        return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=window.start)]
    absent = []
    for what, name in (("event loop delay", Recorded.LOOP_LAG_P99), ("CPU", Recorded.GENERATOR_CPU)):
        seen = {s.labels.get("instance", ""): len(within(s, window)) for s in context.series(name)}
        if sum(seen.values()) == 0:
            absent.append(what)
            continue
        short = [i for i, count in sorted(answered.items()) if seen.get(i, 0) < enough_recorded(count)]
        if short:
            absent.append(f"{what} ({', '.join(short)})")
    if not absent:
        return []
    summary = f"the load generator's {' and '.join(absent)} was not measured: nobody knows whether it kept up"
    return [load_finding(Outcome.INCONCLUSIVE, summary, context.selector(Recorded.LOOP_LAG_P99), first=window.start)]


def enough_recorded(scrapes: int) -> float:
    """How often a rule must have recorded a process that answered so many scrapes; once at least. Pure.

    Rules are evaluated between the scrapes: in a window of a few intervals (stress: up to the break) there may be one
    evaluation less than scrapes, and that one alone is no silence.
    """
    return max(1.0, ENOUGH_RECORDED * (scrapes - 1))


def _workers(context: Context, steady: Window) -> list[Finding]:
    """Missing workers, as recorded or, where the run did not say how many it expected, against the plan."""
    recorded = Recorded.WORKERS_MISSING
    enough = ENOUGH_RECORDED * steady.expected(context.interval)
    if len(within(context.one(recorded), steady)) >= enough:
        return _levels(context, recorded, steady, 0.0, "missing Locust workers", "count", 0.0)
    workers = context.selector(names.WORKERS)[:-1] + ',state=~"ready|spawning|running"}'
    running = context.api.query_range(f"sum(max by (state) ({workers}))", steady.start, steady.end, context.interval)
    expected = context.plan.load.workers
    if sum(len(s) for s in running) < enough:
        summary = f"nobody reported how many of the plan's {expected} Locust worker(s) ran ({names.WORKERS} is missing)"
        return [load_finding(Outcome.INCONCLUSIVE, summary, workers, first=steady.start)]
    (series,) = running
    # What is not a number is no worker.
    missing = expected - np.nan_to_num(series.values, nan=0.0)
    level = judge_level(series.times, missing, 0.0, context.interval)
    if level.outcome is Outcome.PASS:
        return []
    return [
        load_finding(
            Outcome.INCONCLUSIVE if level.outcome is Outcome.FAIL else Outcome.WARN,
            f"up to {level.highest:.0f} of the plan's {expected} Locust workers were missing "
            f"for {format_duration(level.seconds)}",
            workers,
            first=level.over[0].start,
            seconds=level.seconds,
            value=level.highest,
            limit=0.0,
            unit="count",
        )
    ]


def _idle(context: Context, window: Window) -> list[Finding]:
    """Requests are the evidence for everything: a run without any has shown nothing, also about memory."""
    requests = all_requests(context)
    if requests is not None and requests.total > 0:
        return []
    users = within(context.one(Recorded.USERS), window)
    running = f"{users.values.mean():.0f} users ran and did nothing" if float(users.values.sum()) > 0 else "no user ran"
    summary = f"not one request was made in the steady state ({running if len(users) else 'no users were reported'})"
    query = context.selector(Recorded.REQUESTS)
    return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=window.start, value=0.0, unit="rps")]
