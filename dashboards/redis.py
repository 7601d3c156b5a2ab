"""Redis: panels of Database and Redis."""

from __future__ import annotations

from dashboards.levels import UP_STATES, rising
from dashboards.model import Panel, Query
from dashboards.queries import backends as q
from dashboards.wording import text

NO_MAXMEMORY = "this Redis has no maxmemory; without one there is no share of it"


def redis_up() -> Panel:
    return Panel(
        key="backends-redis-up",
        title="Redis",
        description=text("""
            Whether Redis answered the sidecar. Down: most services get slow before they fail; look at the cache's
            fallback.
        """),
        unit="none",
        decimals=0,
        kind="stat",
        signal="redis",
        runbooks=("RedisDown", "RedisDataMissing"),
        width=4,
        mappings=UP_STATES,
        queries=(Query(q.REDIS_UP, "{{redis}}"),),
    )


def redis_ping() -> Panel:
    return Panel(
        key="backends-redis-ping",
        title="Redis: ping",
        description=text("""
            PING of the sidecar on a kept connection, over one minute. Redis serves one command at a time: a slow ping
            means that a slow command (KEYS, a huge value) blocks everybody. See its slow log.
        """),
        unit="s",
        kind="timeseries",
        signal="redis",
        runbooks=("RedisPingOverLimit", "RedisSlow", "RedisSlowFast"),
        width=10,
        axis_min=0,
        queries=(
            Query(q.REDIS_PING_P50, "{{redis}} p50"),
            Query(q.REDIS_PING_P99, "{{redis}} p99"),
            Query(q.REDIS_PING_LIMIT, "limit p99", "limit"),
        ),
    )


def redis_commands() -> Panel:
    return Panel(
        key="backends-redis-commands",
        title="Redis: mean time per command",
        description=text("""
            Time inside Redis per command, over one minute. A command that gets slower works on a value that grows: a
            list or set that is never trimmed.
        """),
        unit="s",
        kind="timeseries",
        signal="redis",
        runbooks=("RedisSlow",),
        width=10,
        axis_min=0,
        queries=(Query(q.REDIS_COMMAND_MEAN, "{{cmd}}"),),
    )


def redis_memory() -> Panel:
    return Panel(
        key="backends-redis-memory",
        title="Redis: memory",
        description="Memory that Redis has allocated. A steady rise: keys without an expiry.",
        unit="bytes",
        kind="timeseries",
        signal="redis",
        runbooks=("RedisMemoryNearLimit",),
        width=6,
        axis_min=0,
        queries=(Query(q.REDIS_MEMORY, "{{redis}}"),),
    )


def redis_use() -> Panel:
    return Panel(
        key="backends-redis-memory-use",
        title="Redis: memory of its maximum",
        description=text("""
            Memory over maxmemory. At 100 % keys are evicted or writes fail, as maxmemory-policy says: set expiries or
            give more. Empty without a maxmemory.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="redis",
        runbooks=("RedisMemoryNearLimit",),
        width=6,
        thresholds=rising(0.8, 0.9),
        axis_min=0,
        axis_max=1,
        queries=(Query(q.REDIS_MEMORY_USE, "{{redis}}", empty_when_healthy=NO_MAXMEMORY),),
    )


def redis_hits() -> Panel:
    return Panel(
        key="backends-redis-hits",
        title="Redis: hit ratio",
        description=text("""
            Look-ups that found their key, over one minute. A fall sends the load to the database: expiries too short,
            or keys evicted.
        """),
        unit="percentunit",
        decimals=0,
        kind="timeseries",
        signal="redis",
        runbooks=("RedisMemoryNearLimit",),
        width=6,
        axis_min=0,
        axis_max=1,
        queries=(Query(q.REDIS_HIT_RATIO, "{{redis}}"),),
    )


def redis_evicted() -> Panel:
    return Panel(
        key="backends-redis-evicted",
        title="Redis: keys evicted per second",
        description="Keys thrown out because memory is full. Any: the cache is too small for the working set.",
        unit="ops",
        decimals=2,
        kind="timeseries",
        signal="redis",
        runbooks=("RedisMemoryNearLimit",),
        width=6,
        thresholds=rising(0.001, None),
        axis_min=0,
        queries=(Query(q.REDIS_EVICTED, "{{redis}}"),),
    )


def redis_clients() -> Panel:
    return Panel(
        key="backends-redis-clients",
        title="Redis: clients and slow log",
        description=text("""
            Connected and blocked clients, and entries of the slow log. Clients that rise without end are a pool that
            leaks; new slow-log entries name the slow command.
        """),
        unit="none",
        decimals=0,
        kind="timeseries",
        signal="redis",
        runbooks=("RedisSlow",),
        width=12,
        height=6,
        axis_min=0,
        queries=(
            Query(q.REDIS_CLIENTS, "{{redis}} clients"),
            Query(q.REDIS_BLOCKED, "{{redis}} blocked"),
            Query(q.REDIS_SLOWLOG, "{{redis}} slow log entries"),
        ),
    )


def stores_uptime() -> Panel:
    return Panel(
        key="backends-uptime",
        title="Database and Redis: time since their start",
        description=text("""
            Falls to nothing where a server began anew, or all of PostgreSQL's processes after a crash. Steady state
            only. Read the server's log from just before.
        """),
        unit="s",
        kind="timeseries",
        signal="restarts",
        runbooks=("RedisRestarted", "DatabaseRestarted"),
        width=12,
        height=6,
        axis_min=0,
        queries=(Query(q.DB_UPTIME, "{{database}}"), Query(q.REDIS_UPTIME, "{{redis}}")),
    )
