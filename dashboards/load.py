"""Load: what the users asked for and what they got."""

from __future__ import annotations

from dashboards.endpoints import endpoint_panels
from dashboards.model import Dashboard, Panel, Query, Row
from dashboards.queries import load as q
from dashboards.variables import ALWAYS, ENDPOINT
from dashboards.wording import text

LATENCY_RUNBOOKS = (
    "LatencyP95OverLimit", "LatencyP99OverLimit", "LatencyP50OverLimit", "LatencyOverLimitFast", "LatencyGrowing",
    "LatencyGrowingFast", "LatencyDataMissing",
)  # fmt: skip
ERROR_RUNBOOKS = (
    "ErrorRatioOverLimit", "ErrorRatioOverLimitFast", "ErrorsExcessive", "TargetDown", "ErrorDataMissing",
)  # fmt: skip
THROUGHPUT_RUNBOOKS = (
    "ThroughputBelowLimit", "ThroughputDropped", "ThroughputDroppedFast", "ThroughputDataMissing",
)  # fmt: skip


def dashboard() -> Dashboard:
    """The dashboard *Load*."""
    return Dashboard(
        uid="harness-load",
        title="Load",
        description="What the simulated users asked for and what they got: requests, latency, errors, per endpoint.",
        rows=(
            Row("Requests", (requests(), errors(), errors_by_kind())),
            Row("Latency", (latency(), latency_heatmap(), within())),
            Row("Endpoints", endpoint_panels()),
            Row("Users and workers", (users(), workers(), volume())),
        ),
        variables=(*ALWAYS, ENDPOINT),
    )


def requests() -> Panel:
    return Panel(
        key="load-requests",
        title="Requests per second",
        description=text("""
            Finished requests, over one minute. In the closed model slower answers mean fewer requests: when this
            falls while the users stay, the target is the brake. Below the limit: look at latency and pool first.
        """),
        unit="reqps",
        decimals=1,
        kind="timeseries",
        signal="throughput",
        runbooks=THROUGHPUT_RUNBOOKS,
        width=8,
        axis_min=0,
        queries=(
            Query(q.REQUESTS, "requests"),
            Query(q.THROUGHPUT_LIMIT, "limit (at least)", "limit"),
        ),
    )


def errors() -> Panel:
    return Panel(
        key="load-error-ratio",
        title="Share of failed requests",
        description=text("""
            Failed of all requests, over one minute; absent while nothing is requested. Above the limit: see which
            kind and which endpoint, then the target's log at that moment.
        """),
        unit="percentunit",
        decimals=2,
        kind="timeseries",
        signal="errors",
        runbooks=ERROR_RUNBOOKS,
        width=8,
        axis_min=0,
        queries=(
            Query(q.ERROR_RATIO, "failed"),
            Query(q.ERROR_RATIO_LIMIT, "limit", "limit"),
        ),
    )


def errors_by_kind() -> Panel:
    return Panel(
        key="load-errors-by-kind",
        title="Errors by kind",
        description=text("""
            Failed requests per second: status (4xx, 5xx), timeout, connection (refused, reset), validation (the
            answer was wrong), other. Connection errors and time-outs together mean that the target does not answer.
        """),
        unit="reqps",
        decimals=2,
        kind="timeseries",
        signal="errors",
        runbooks=("ErrorRatioOverLimit", "TargetDown"),
        width=8,
        stacked=True,
        axis_min=0,
        queries=(Query(q.ERRORS_BY_KIND, "{{error}}"),),
    )


def latency() -> Panel:
    return Panel(
        key="load-latency",
        title="Latency",
        description=text("""
            Quantiles of all requests over one minute, interpolated within buckets of 20 %. Objectives are judged by
            the exact share within the limit (beside). Above the limit: is one endpoint slow or all of them? All:
            pool, CPU, database. One: its query.
        """),
        unit="s",
        kind="timeseries",
        signal="latency",
        runbooks=LATENCY_RUNBOOKS,
        axis_min=0,
        queries=(
            Query(q.P50, "p50"),
            Query(q.P95, "p95"),
            Query(q.P99, "p99"),
            Query(q.LATENCY_LIMITS, "limit {{objective}}", "limit"),
        ),
    )


def latency_heatmap() -> Panel:
    return Panel(
        key="load-latency-heatmap",
        title="Latency, all requests",
        description=text("""
            Requests per second in each band of latency. Two bands apart mean two kinds of requests, or a cache that
            sometimes misses; a band that drifts upwards is a slow degradation.
        """),
        unit="s",
        kind="heatmap",
        signal="latency",
        runbooks=("LatencyGrowing",),
        queries=(Query(q.LATENCY_BUCKETS, "{{le}}"),),
    )


def within() -> Panel:
    return Panel(
        key="load-within-limit",
        title="Share of requests within the latency limits",
        description=text("""
            What the judge decides by: requests that succeeded within each limit, of all. A p95 objective needs 95 %
            here. Lower and upper are the bucket edges around the limit; they are one where the limit is an exact edge.
        """),
        unit="percentunit",
        decimals=1,
        kind="timeseries",
        signal="latency",
        runbooks=("LatencyP95OverLimit", "LatencyOverLimitFast"),
        width=24,
        height=6,
        axis_max=1,
        queries=(Query(q.WITHIN_SHARE, "{{objective}}, {{bound}} edge"),),
    )


def users() -> Panel:
    return Panel(
        key="load-users",
        title="Users",
        description=text("""
            Users that run, against those that the plan wants now. Fewer than wanted: workers are missing or the
            generator is overloaded, and the run proves less than it claims.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="generator",
        runbooks=("LoadBelowIntended", "WorkersMissing"),
        width=8,
        axis_min=0,
        queries=(Query(q.USERS, "running"), Query(q.USERS_TARGET, "wanted", "limit")),
    )


def workers() -> Panel:
    return Panel(
        key="load-workers",
        title="Locust workers",
        description=text("""
            Worker processes by state, as the master sees them. Below the expected number the load of the missing ones
            is not made until a replacement joins.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="generator",
        runbooks=("WorkersMissing", "WorkerRestarted"),
        width=8,
        axis_min=0,
        queries=(Query(q.WORKERS_BY_STATE, "{{state}}"), Query(q.WORKERS_WANTED, "expected", "limit")),
    )


def volume() -> Panel:
    return Panel(
        key="load-response-bytes",
        title="Bytes received per second",
        description=text("""
            Bodies of all answers. A jump at equal requests: answers grew, often a list without a page size.
        """),
        unit="Bps",
        kind="timeseries",
        signal="throughput",
        runbooks=("ThroughputDropped",),
        width=8,
        axis_min=0,
        queries=(Query(q.RESPONSE_BYTES, "bytes"),),
    )
