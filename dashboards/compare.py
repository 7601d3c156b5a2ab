"""Compare: this run against earlier ones on one axis.

Earlier runs come back by ``harness replay``: each run's series, recorded ones included, shifted onto the start of the
first and told apart by the label ``run_id``.
"""

from __future__ import annotations

from dashboards.levels import rising
from dashboards.model import Column, Dashboard, Link, Panel, Query, Row
from dashboards.queries import compare as q
from dashboards.queries.select import limit
from dashboards.variables import ALWAYS, POOL, PROCESS
from dashboards.wording import text

# The row's own times, in milliseconds.
_ITS_TIME = "from=${__data.fields.Began.numeric}&to=${__data.fields.Ended.numeric}"


def dashboard() -> Dashboard:
    """The dashboard *Compare*."""
    return Dashboard(
        uid="harness-compare",
        title="Compare",
        description=text("""
            Runs on one axis, aligned at their start: harness replay RUN... puts earlier ones beside this one.
        """),
        rows=(
            Row("Means over the range", (means(),)),
            Row("Courses", courses()),
            Row("Runs", (runs(),)),
        ),
        variables=(*ALWAYS, PROCESS, POOL),
        refresh="1m",
    )  # fmt: skip


def courses() -> tuple[Panel, ...]:
    return (
        _course("p95", "p95 latency", "s", "latency", q.P95, "latency_p95", "LatencyP95OverLimit", "LatencyGrowing"),
        _course("p99", "p99 latency", "s", "latency", q.P99, "latency_p99", "LatencyP99OverLimit"),
        _course("p50", "p50 latency", "s", "latency", q.P50, "latency_p50", "LatencyP50OverLimit"),
        _course(
            "requests", "Requests per second", "reqps", "throughput", q.REQUESTS, "throughput", "ThroughputDropped"
        ),
        _course(
            "errors", "Share of failed requests", "percentunit", "errors", q.ERROR_RATIO, "error_ratio",
            "ErrorRatioOverLimit",
        ),
        _course("users", "Users", "none", "generator", q.USERS, None, "LoadBelowIntended"),
        _course("memory", "Memory, largest subject", "bytes", "memory", q.MEMORY, "memory_limit", "MemoryGrowing"),
        _course("cpu-per-request", "CPU per request", "s", "cpu", q.CPU_PER_REQUEST, None, "CpuPerRequestGrowing"),
        _course(
            "pool-use", "Pool: share in use", "percentunit", "db_pool", q.POOL_USE, "db_pool_use", "PoolNearlyFull"
        ),
        _course("fds", "Open descriptors, largest subject", "none", "fds", q.FDS, None, "FdsGrowing"),
        _course(
            "db-connections", "Database connections", "none", "db_pool", q.DB_CONNECTIONS, None, "ConnectionsGrowing"
        ),
        _course("redis-ping", "Redis ping p99", "s", "redis", q.REDIS_PING, "redis_ping_p99", "RedisSlow"),
    )  # fmt: skip


def _course(name: str, title: str, unit: str, signal: str, expr: str, objective: str | None, *runbooks: str) -> Panel:
    queries = [Query(expr, "{{run}}")]
    if objective:
        queries.append(Query(limit(objective), "limit", "limit"))
    return Panel(
        key=f"compare-{name}",
        title=title,
        description=text("""
            One line per run; live is the run whose series carry no run_id. Lines that lie on each other: no change. One
            that leaves the others at some moment: what differs there, in code, plan or machine?
        """),
        unit=unit,
        kind="timeseries",
        signal=signal,
        runbooks=runbooks,
        width=8,
        axis_min=0,
        queries=tuple(queries),
    )


def means() -> Panel:
    return Panel(
        key="compare-means",
        title="Runs side by side",
        description=text("""
            Means over the range that is shown, one row per run. For a verdict with its uncertainty use harness
            compare; these are plain means.
        """),
        unit="short",
        kind="table",
        signal="latency",
        runbooks=("LatencyGrowing",),
        width=24,
        height=6,
        columns=(Column("run", "Run"),),
        queries=(
            Query(q.MEAN_P95, "p95", unit="s", instant=True),
            Query(q.MEAN_REQUESTS, "Requests/s", unit="reqps", decimals=1, instant=True),
            Query(
                q.MEAN_ERROR_RATIO,
                "Failed",
                unit="percentunit",
                decimals=2,
                thresholds=rising(0.001, 0.01),
                instant=True,
            ),
            Query(q.MEAN_MEMORY, "Memory", unit="bytes", instant=True),
            Query(q.MEAN_CPU_PER_REQUEST, "CPU/request", unit="s", instant=True),
            Query(q.MEAN_POOL_USE, "Pool in use", unit="percentunit", decimals=1, instant=True),
        ),
    )


def runs() -> Panel:
    return Panel(
        key="compare-runs",
        title="Runs in this range",
        description=text("""
            Every run of the stack that this Prometheus saw. Its links open the other dashboards on exactly its time.
        """),
        unit="dateTimeAsIso",
        kind="table",
        width=24,
        height=7,
        columns=(Column("run_id", "Run"), Column("plan", "Plan"), Column("target", "Target")),
        queries=(
            Query(q.RUNS_FROM, "Began", instant=True),
            Query(q.RUNS_TO, "Ended", instant=True),
        ),
        links=(
            Link("Run", _on_its_time("harness-run")),
            Link("Endurance", _on_its_time("harness-endurance")),
        ),
    )


def _on_its_time(uid: str) -> str:
    return f"/d/{uid}?{_ITS_TIME}&var-stack=${{stack}}"
