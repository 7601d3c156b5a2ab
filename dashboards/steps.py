"""Steps: where does it break? Throughput and latency against the load, the steps, and what runs out first."""

from __future__ import annotations

from dashboards.load import ERROR_RUNBOOKS, LATENCY_RUNBOOKS, THROUGHPUT_RUNBOOKS
from dashboards.model import Dashboard, Panel, Query, Row
from dashboards.queries import load, steps
from dashboards.queries.backends import POOL_USE_LIMIT, REDIS_PING_LIMIT
from dashboards.queries.target import CPU_LIMIT
from dashboards.variables import ALWAYS
from dashboards.wording import text

THROUGHPUT_CURVE, LATENCY_CURVE = "steps-throughput-curve", "steps-latency-curve"
COURSES = ("steps-load", "steps-latency", "steps-errors")  # of the run: the report marks the break in them


def dashboard() -> Dashboard:
    """The dashboard *Stress*."""
    return Dashboard(
        uid="harness-stress",
        title="Stress",
        description="Stress and capacity runs: what each load brought, where it broke and what ran out first.",
        rows=(
            Row("Against the load", (throughput_curve(), latency_curve())),
            Row("The steps", (load_and_requests(), latency(), errors())),
            Row("What runs out first", (use(), cpu(), waits())),
        ),
        variables=ALWAYS,
    )


def throughput_curve() -> Panel:
    return Panel(
        key=THROUGHPUT_CURVE,
        title="Throughput against load",
        description=text("""
            Each point is a moment: how much was asked for (users, or arrivals per second), how much was answered per
            second. A straight line: every user is served. Where it bends, the service is at its limit; where it falls,
            more load means less work done. Moments between two steps lie between them.
        """),
        unit="reqps",
        decimals=1,
        kind="xy",
        signal="throughput",
        runbooks=THROUGHPUT_RUNBOOKS,
        height=10,
        axis_min=0,
        queries=(Query(steps.LOAD, "load", unit="short"), Query(steps.REQUESTS, "requests")),
    )


def latency_curve() -> Panel:
    return Panel(
        key=LATENCY_CURVE,
        title="p95 against load",
        description=text("""
            Each point is a moment: how much was asked for, and the 95th percentile over the minute before. It stays
            flat up to the service's limit and rises steeply past it. Above the limit: the load was too much.
        """),
        unit="s",
        kind="xy",
        signal="latency",
        runbooks=("LatencyP95OverLimit", "LatencyOverLimitFast"),
        height=10,
        axis_min=0,
        queries=(
            Query(steps.LOAD, "load", unit="short"),
            Query(steps.P95, "p95"),
            Query(load.P95_LIMIT, "limit", "limit"),
        ),
    )


def load_and_requests() -> Panel:
    return Panel(
        key="steps-load",
        title="Load and requests",
        description=text("""
            The steps: users, or arrivals per second, beside the requests that were answered per second. Where the load
            rises and the requests do not, the service is at its limit.
        """),
        unit="short",
        decimals=1,
        kind="timeseries",
        signal="throughput",
        runbooks=THROUGHPUT_RUNBOOKS,
        width=8,
        axis_min=0,
        queries=(
            Query(steps.LOAD, "load"),
            Query(steps.REQUESTS, "requests/s"),
            Query(load.THROUGHPUT_LIMIT, "limit (at least)", "limit"),
        ),
    )


def latency() -> Panel:
    return Panel(
        key="steps-latency",
        title="Latency over the steps",
        description=text("""
            95th percentile over one minute, with its limit. It must come back below it when the load drops; how soon is
            the recovery. Above it on one step only: see what else happened then.
        """),
        unit="s",
        kind="timeseries",
        signal="latency",
        runbooks=LATENCY_RUNBOOKS,
        width=8,
        axis_min=0,
        queries=(
            Query(load.P95, "p95"),
            Query(load.LATENCY_LIMITS, "limit {{objective}}", "limit"),
        ),
    )


def errors() -> Panel:
    return Panel(
        key="steps-errors",
        title="Failed requests over the steps",
        description=text("""
            Share of failed requests over one minute, with its limit. Past the break time-outs and refused connections
            are to be expected; when the load has dropped there must be none.
        """),
        unit="percentunit",
        decimals=2,
        kind="timeseries",
        signal="errors",
        runbooks=ERROR_RUNBOOKS,
        width=8,
        axis_min=0,
        queries=(Query(load.ERROR_RATIO, "failed"), Query(load.ERROR_RATIO_LIMIT, "limit", "limit")),
    )


def use() -> Panel:
    return Panel(
        key="steps-use",
        title="Share in use",
        description=text("""
            How much of each resource with a bound is used: the pool, the database's connections, memory, descriptors.
            The one that reaches 100 % first, before latency breaks its limit, is what to enlarge or to use less.
        """),
        unit="percentunit",
        decimals=1,
        kind="timeseries",
        signal="db_pool",
        runbooks=("PoolNearlyFull", "PoolExhausted", "MemoryNearLimit"),
        width=8,
        axis_min=0,
        queries=(
            Query(steps.POOL_USE, "pool {{pool}}"),
            Query(POOL_USE_LIMIT, "limit of the pool", "limit"),
            Query(steps.DB_CONNECTION_USE, "connections of {{database}}"),
            Query(steps.MEMORY_USE, "memory of {{subject}}", empty_when_healthy="memory has no hard limit here"),
            Query(steps.FD_USE, "descriptors of {{subject}}"),
        ),
    )


def cpu() -> Panel:
    return Panel(
        key="steps-cpu",
        title="CPU over the steps",
        description=text("""
            Cores used by the service and by each Locust process. The service flat while the load rises: it has no more
            cores, or one thread is all it uses. A Locust process near one core: it measured itself; add workers.
        """),
        unit="short",
        decimals=2,
        kind="timeseries",
        signal="cpu",
        runbooks=("CpuOverLimit", "GeneratorCpuSaturated"),
        width=8,
        axis_min=0,
        queries=(
            Query(steps.CPU, "{{subject}}"),
            Query(steps.GENERATOR_CPU, "{{instance}}"),
            Query(CPU_LIMIT, "limit", "limit"),
        ),
    )


def waits() -> Panel:
    return Panel(
        key="steps-waits",
        title="Waits over the steps",
        description=text("""
            How long the sidecar's own pings of database and Redis take, 99th percentile over one minute: what rises
            with the load is shared with it. Slow pings with a calm pool: look at the database or at Redis itself.
        """),
        unit="s",
        kind="timeseries",
        signal="redis",
        runbooks=("RedisSlow", "RedisPingOverLimit"),
        width=8,
        axis_min=0,
        queries=(
            Query(steps.DB_PING, "database {{database}}"),
            Query(steps.REDIS_PING, "Redis {{redis}}"),
            Query(REDIS_PING_LIMIT, "limit", "limit"),
        ),
    )
