"""PostgreSQL or PgBouncer: panels of Database and Redis."""

from __future__ import annotations

from dashboards.levels import UP_STATES, rising
from dashboards.model import Panel, Query
from dashboards.queries import backends as q
from dashboards.wording import text


def db_up() -> Panel:
    return Panel(
        key="backends-db-up",
        title="Database",
        description=text("""
            Whether the database answered the sidecar. Down: is it the database, its connection limit, or the network?
        """),
        unit="none",
        decimals=0,
        kind="stat",
        signal="db_pool",
        runbooks=("DatabaseDown", "DatabaseDataMissing"),
        width=4,
        mappings=UP_STATES,
        queries=(Query(q.DB_UP, "{{database}}"),),
    )


def db_states() -> Panel:
    return Panel(
        key="backends-db-states",
        title="Database: connections by state",
        description=text("""
            Backends by state. Many idle in transaction: the application opens transactions and forgets them. All
            active: the database is the brake. Dashed: all of them.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=("ConnectionsGrowing", "DatabaseDataMissing"),
        width=10,
        axis_min=0,
        queries=(
            Query(q.DB_CONNECTIONS_BY_STATE, "{{state}}"),
            Query(q.DB_CONNECTIONS, "all of {{database}}", "band"),
        ),
    )


def db_use() -> Panel:
    return Panel(
        key="backends-db-use",
        title="Database: connections of its maximum",
        description=text("""
            Connections over max_connections, everybody's. From 90 % on new ones are refused soon: a PgBouncer, or
            smaller pools.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=("DatabaseConnectionsNearlyFull",),
        width=10,
        thresholds=rising(0.8, 0.9),
        axis_min=0,
        queries=(Query(q.DB_CONNECTION_USE, "{{database}}"),),
    )


def db_oldest() -> Panel:
    return Panel(
        key="backends-db-oldest-transaction",
        title="Database: oldest transaction",
        description=text("""
            Age of the oldest open transaction. Minutes hold locks and stop vacuum: see pg_stat_activity for its
            query.
        """),
        unit="s",
        kind="timeseries",
        signal="db_pool",
        runbooks=("DatabaseLongTransaction",),
        width=6,
        thresholds=rising(60, 300),
        axis_min=0,
        queries=(Query(q.DB_OLDEST_TRANSACTION, "{{database}}"),),
    )


def db_waiting() -> Panel:
    return Panel(
        key="backends-db-waiting",
        title="Database: waiting and deadlocks",
        description=text("""
            Backends that wait for a lock (with PgBouncer: clients that wait for a server), and deadlocks in five
            minutes. Waiting that grows with load: one hot row, or a long transaction.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="db_pool",
        runbooks=("DatabaseLongTransaction",),
        width=6,
        axis_min=0,
        queries=(
            Query(q.DB_WAITING, "{{database}} waiting"),
            Query(q.DB_DEADLOCKS, "{{database}} deadlocks"),
        ),
    )


def db_ping() -> Panel:
    return Panel(
        key="backends-db-ping",
        title="Database: ping",
        description=text("""
            A SELECT 1 of the sidecar on a kept connection, over one minute. It rises with the load of the database's
            machine.
        """),
        unit="s",
        kind="timeseries",
        signal="db_pool",
        runbooks=("DatabaseDown",),
        width=6,
        axis_min=0,
        queries=(
            Query(q.DB_PING_P50, "{{database}} p50"),
            Query(q.DB_PING_P99, "{{database}} p99"),
        ),
    )


def db_size() -> Panel:
    return Panel(
        key="backends-db-size",
        title="Database: size on disk",
        description=text("""
            All databases of the server. Users who write make it grow; faster than they write: bloat, or a table that
            is never cleaned.
        """),
        unit="bytes",
        kind="timeseries",
        signal="disk",
        runbooks=("DiskGrowing", "DiskGrowingFast", "DiskDataMissing"),
        width=6,
        queries=(Query(q.DB_SIZE, "{{database}}"),),
    )
