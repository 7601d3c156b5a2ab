"""Endpoints: panels of Load, one line or row per method and name."""

from __future__ import annotations

from dashboards.model import Column, Panel, Query, Threshold
from dashboards.queries import load as q
from dashboards.queries.select import cells
from dashboards.wording import text


def endpoint_panels() -> tuple[Panel, ...]:
    """In the order in which they stand."""
    return (endpoints(), endpoint_latency(), endpoint_errors(), endpoint_within())


def endpoints() -> Panel:
    share = (Threshold(None, "ok"), Threshold(0.001, "warning"), Threshold(0.01, "breach"))
    return Panel(
        key="load-endpoints",
        title="Endpoints now",
        description=text("""
            Each endpoint over the last minute. Sort by a column to find the slow or failing one; failing is red from
            1 % on. Choose it above as Endpoint to see its course.
        """),
        unit="short",
        kind="table",
        signal="latency",
        runbooks=("LatencyP95OverLimit", "ErrorRatioOverLimit", "RequestNamesCapped"),
        width=24,
        height=9,
        columns=(Column("method", "Method"), Column("name", "Endpoint")),
        queries=(
            Query(_cells(q.ENDPOINT_REQUESTS), "Requests/s", unit="reqps", decimals=2, instant=True),
            Query(
                _cells(q.ENDPOINT_ERROR_RATIO), "Failed", unit="percentunit", decimals=2, thresholds=share, instant=True
            ),
            Query(_cells(q.ENDPOINT_P50), "p50", unit="s", instant=True),
            Query(_cells(q.ENDPOINT_P95), "p95", unit="s", instant=True),
            Query(_cells(q.ENDPOINT_P99), "p99", unit="s", instant=True),
        ),
    )


def _cells(expr: str) -> str:
    return cells(expr, "method", "name")


def endpoint_latency() -> Panel:
    return Panel(
        key="load-endpoint-latency",
        title="p95 per endpoint",
        description=text("""
            The 95th percentile of each endpoint over one minute, with the limits of those that have their own. One
            that rises alone: its query misses an index or its cache; all together: something that they share.
        """),
        unit="s",
        kind="timeseries",
        signal="latency",
        runbooks=("LatencyP95OverLimit", "LatencyGrowing"),
        axis_min=0,
        queries=(
            Query(q.ENDPOINT_P95, "{{method}} {{name}}"),
            Query(q.ENDPOINT_LATENCY_LIMITS, "limit {{objective}} {{method}} {{name}}", "limit"),
        ),
    )


def endpoint_errors() -> Panel:
    return Panel(
        key="load-endpoint-errors",
        title="Errors per endpoint",
        description=text("""
            Failed requests per second of each endpoint. One endpoint alone: its code or data; all: the target, its
            pool or its database.
        """),
        unit="reqps",
        decimals=2,
        kind="timeseries",
        signal="errors",
        runbooks=("ErrorRatioOverLimit",),
        stacked=True,
        axis_min=0,
        queries=(Query(q.ENDPOINT_ERRORS, "{{method}} {{name}}"),),
    )


def endpoint_within() -> Panel:
    return Panel(
        key="load-endpoint-within-limit",
        title="Share within endpoints' own limits",
        description=text("""
            As above, for endpoints with objectives of their own in the plan; empty when the plan names none.
        """),
        unit="percentunit",
        decimals=1,
        kind="timeseries",
        signal="latency",
        runbooks=("LatencyP95OverLimit",),
        width=24,
        height=6,
        axis_max=1,
        queries=(Query(q.ENDPOINT_WITHIN_SHARE, "{{method}} {{name}}: {{objective}}, {{bound}} edge"),),
    )
