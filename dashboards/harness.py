"""Harness: can this run be trusted? The load generator's own health and that of the scrapes."""

from __future__ import annotations

from dashboards.levels import UP_STATES, falling, rising
from dashboards.model import Dashboard, Panel, Query, Row, Threshold
from dashboards.queries import generator as q
from dashboards.queries import load, run
from dashboards.variables import ALWAYS
from dashboards.wording import text

CLOSED_MODEL = "the closed model has users, not arrivals; only a plan with model: open makes them"


def dashboard() -> Dashboard:
    """The dashboard *Harness*."""
    return Dashboard(
        uid="harness-trust",
        title="Harness",
        description=text("""
            Can this run be trusted? A generator that was itself the bottleneck, or evidence that is missing, proves
            nothing.
        """),
        rows=(
            Row("Trust", (doubts(), users_share(), workers_missing(), worker_restarts(), sources(), capped())),
            Row("Load generator", (cpu(), loop_lag(), memory(), arrivals(), dropped())),
            Row("Evidence", (scrapes(), collectors(), collector_time())),
        ),
        variables=ALWAYS,
    )


def _stat(
    key: str,
    title: str,
    description: str,
    query: Query,
    runbooks: tuple[str, ...],
    thresholds: tuple[Threshold, ...],
    *,
    signal: str = "generator",
    unit: str = "none",
) -> Panel:
    return Panel(
        key=key,
        title=title,
        description=text(description),
        unit=unit,
        decimals=0,
        kind="stat",
        signal=signal,
        runbooks=runbooks,
        width=4,
        height=4,
        thresholds=thresholds,
        queries=(query,),
    )


def doubts() -> Panel:
    return _stat(
        "harness-doubts",
        "Reasons to doubt",
        """
        Alerts that make a run INCONCLUSIVE and fire now. Not zero: the verdict will not be a PASS unless the judge
        finds that it does not matter.
        """,
        Query(run.alerts_firing('verdict="inconclusive"'), "doubts"),
        ("ScrapeTargetsMissing", "GeneratorDataMissing"),
        signal="telemetry",
        thresholds=rising(None, 1),
    )


def users_share() -> Panel:
    return _stat(
        "harness-users-share",
        "Users made of those wanted",
        "Below 97 % the run does not make the load that it claims: missing workers, or a generator at its limit.",
        Query(q.USERS_SHARE, "users"),
        ("LoadBelowIntended",),
        signal="generator",
        unit="percentunit",
        thresholds=falling(0.97, 0.99),
    )


def workers_missing() -> Panel:
    return _stat(
        "harness-workers-missing",
        "Workers missing",
        "Locust workers that the plan asks for and that nobody reports. Their users are not made by the others.",
        Query(load.WORKERS_MISSING, "missing"),
        ("WorkersMissing",),
        thresholds=rising(None, 1),
    )


def worker_restarts() -> Panel:
    return _stat(
        "harness-worker-restarts",
        "Workers started again",
        """
        Workers that died and were replaced in this run. Look at the load's log for the reason: memory, or the
        locustfile.
        """,
        Query(load.WORKER_STARTS, "restarts"),
        ("WorkerRestarted",),
        thresholds=rising(1, None),
    )


def sources() -> Panel:
    return _stat(
        "harness-silent-sources",
        "Silent sources",
        "Scrape targets that do not answer: evidence is being lost.",
        Query(q.SILENT_SOURCES, "silent"),
        ("ScrapeTargetsMissing", "TargetMetricsDown", "TelemetryVanished", "PartRestarted"),
        signal="telemetry",
        thresholds=rising(None, 1),
    )


def capped() -> Panel:
    return _stat(
        "harness-names-capped",
        "Names capped",
        """
        1: the locustfile uses more request names than are kept apart; the rest counts as "other". Give requests a
        name= that holds no ids.
        """,
        Query(load.CAPPED, "capped"),
        ("RequestNamesCapped",),
        thresholds=rising(1, None),
    )


def cpu() -> Panel:
    return Panel(
        key="harness-generator-cpu",
        title="CPU of each Locust process",
        description=text("""
            Cores, over one minute. A Locust process has one: from 90 % on it is the bottleneck and its latencies are
            its own. More workers, or more machines.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="generator",
        runbooks=("GeneratorCpuSaturated", "GeneratorDataMissing"),
        width=8,
        thresholds=rising(0.7, 0.9),
        axis_min=0,
        queries=(Query(q.CPU, "{{instance}}"),),
    )


def loop_lag() -> Panel:
    return Panel(
        key="harness-loop-lag",
        title="Loop lag of each Locust process, p99",
        description=text("""
            How late the event loop wakes a sleeper. From 100 ms on measured latencies are the generator's own: fewer
            users per worker, or no blocking code in the locustfile.
        """),
        unit="s",
        kind="timeseries",
        signal="generator",
        runbooks=("GeneratorLoopLag",),
        width=8,
        thresholds=rising(0.05, 0.1),
        axis_min=0,
        queries=(Query(q.LOOP_LAG, "{{instance}}"),),
    )


def memory() -> Panel:
    return Panel(
        key="harness-generator-memory",
        title="Memory of each Locust process",
        description="Flat for days, or the locustfile keeps something per request.",
        unit="bytes",
        kind="timeseries",
        signal="generator",
        runbooks=("GeneratorDataMissing",),
        width=8,
        axis_min=0,
        queries=(Query(q.MEMORY, "{{instance}}"),),
    )


def arrivals() -> Panel:
    return Panel(
        key="harness-arrivals",
        title="Arrivals",
        description=text("""
            Open model: arrivals due by plan, taken by a user, and dropped because every user was busy, per second.
            Empty in the closed model.
        """),
        unit="reqps",
        decimals=1,
        kind="timeseries",
        signal="generator",
        runbooks=("ArrivalsDropped",),
        axis_min=0,
        queries=(
            Query(q.ARRIVALS_PLANNED, "planned", empty_when_healthy=CLOSED_MODEL),
            Query(q.ARRIVALS, "taken", empty_when_healthy=CLOSED_MODEL),
            Query(q.ARRIVALS_DROPPED, "dropped", empty_when_healthy=CLOSED_MODEL),
        ),
    )


def dropped() -> Panel:
    return Panel(
        key="harness-arrivals-dropped",
        title="Share of arrivals dropped",
        description=text("""
            Open model: arrivals that found no free user. From 1 % on the intended rate was not made: more users in
            reserve, or more workers. Empty in the closed model.
        """),
        unit="percentunit",
        decimals=2,
        kind="timeseries",
        signal="generator",
        runbooks=("ArrivalsDropped",),
        thresholds=rising(None, 0.01),
        axis_min=0,
        queries=(Query(q.ARRIVALS_DROPPED_RATIO, "dropped", empty_when_healthy=CLOSED_MODEL),),
    )


def scrapes() -> Panel:
    return Panel(
        key="harness-scrapes",
        title="Scrape targets that answer",
        description=text("""
            Per job: load (the Locust processes), sidecar, target (the service's own metrics), harness (the run).
            Below the dashed line: something died or is cut off.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="telemetry",
        runbooks=("ScrapeTargetsMissing", "TargetMetricsDown", "TelemetryVanished", "PartRestarted"),
        width=8,
        axis_min=0,
        queries=(
            Query(q.UP, "{{job}}"),
            Query(q.UP_EXPECTED, "configured {{job}}", "limit"),
        ),
    )


def collectors() -> Panel:
    return Panel(
        key="harness-collectors",
        title="Collectors of the sidecar",
        description=text("""
            Whether each part that the sidecar watches could be read. Down: rights, a password, or the part is gone;
            the sidecar's log says which.
        """),
        unit="none",
        decimals=0,
        kind="state",
        signal="telemetry",
        runbooks=("CollectorDown",),
        width=8,
        mappings=UP_STATES,
        queries=(Query(q.COLLECTORS, "{{collector}}"),),
    )


def collector_time() -> Panel:
    return Panel(
        key="harness-collector-time",
        title="Time of each reading",
        description=text("""
            Seconds of the sidecar's last reading of each part. Near the scrape interval, samples get lost: watch
            fewer processes or scrape less often.
        """),
        unit="s",
        kind="timeseries",
        signal="telemetry",
        runbooks=("CollectorDown",),
        width=8,
        axis_min=0,
        queries=(Query(q.COLLECTOR_SECONDS, "{{collector}}"),),
    )
