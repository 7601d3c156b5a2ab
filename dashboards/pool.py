"""The application's connection pool: panels of Database and Redis."""

from __future__ import annotations

from dashboards.levels import rising
from dashboards.model import Panel, Query
from dashboards.queries import backends as q
from dashboards.wording import text


def pool() -> Panel:
    return Panel(
        key="backends-pool",
        title="Pool: connections in use",
        description=text("""
            Connections that requests hold, against the most the pool may open (size and overflow, all processes). At
            the line the next request waits. A floor that rises is a connection that is never given back.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=(
            "PoolNearlyFull",
            "PoolNearlyFullFast",
            "PoolExhausted",
            "ConnectionsGrowing",
            "ConnectionsGrowingFast",
            "PoolDataMissing",
        ),
        width=8,
        axis_min=0,
        queries=(
            Query(q.POOL_IN_USE, "{{pool}} in use"),
            Query(q.POOL_SIZE, "{{pool}} size", "limit"),
        ),
    )


def pool_use() -> Panel:
    return Panel(
        key="backends-pool-use",
        title="Pool: share in use",
        description=text("""
            In use over size. Above the limit for long: a slow query holds connections, or the pool is too small for
            this load; raise pool size and max overflow only when the database has room.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=("PoolUseOverLimit", "PoolNearlyFull", "PoolNearlyFullFast", "PoolExhausted"),
        width=8,
        axis_min=0,
        queries=(
            Query(q.POOL_USE, "{{pool}}"),
            Query(q.POOL_USE_LIMIT, "limit", "limit"),
        ),
    )


def pool_waiting() -> Panel:
    return Panel(
        key="backends-pool-waiting",
        title="Pool: threads waiting",
        description=text("""
            Threads that wait for a connection now. They wait inside requests: latency follows. Look at what the busy
            connections do (database, oldest transaction).
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=("PoolWaitingOverLimit", "PoolExhausted"),
        width=8,
        axis_min=0,
        queries=(
            Query(q.POOL_WAITING, "{{pool}}"),
            Query(q.POOL_WAITING_LIMIT, "limit", "limit"),
        ),
    )


def pool_checkout() -> Panel:
    return Panel(
        key="backends-pool-checkout",
        title="Pool: time to get a connection, p95",
        description=text("""
            95th percentile of the wait for a connection, over one minute. Milliseconds are fine; what comes near the
            request's own latency is a pool that is too small or connections held too long.
        """),
        unit="s",
        kind="timeseries",
        signal="db_pool",
        runbooks=("PoolNearlyFullFast", "PoolWaitingOverLimit"),
        axis_min=0,
        queries=(Query(q.POOL_CHECKOUT_P95, "{{pool}}"),),
    )


def pool_timeouts() -> Panel:
    return Panel(
        key="backends-pool-timeouts",
        title="Pool: check-outs that timed out",
        description="Requests per second that got no connection in time. Any is a failed request for a user.",
        unit="reqps",
        decimals=2,
        kind="timeseries",
        signal="db_pool",
        runbooks=("PoolCheckoutTimeout", "PoolExhausted"),
        thresholds=rising(None, 0.001),
        axis_min=0,
        queries=(Query(q.POOL_TIMEOUTS, "{{pool}}"),),
    )
