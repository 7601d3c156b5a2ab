"""The application's connection pool, its database and its Redis."""

from __future__ import annotations

from dashboards.queries.select import POOL, by, limit, series
from exporters.metric_names import PG_DEADLOCKS, REDIS_BLOCKED_CLIENTS, REDIS_SLOWLOG_LENGTH, Recorded

POOL_IN_USE = series(Recorded.POOL_IN_USE, POOL)
POOL_SIZE = series(Recorded.POOL_SIZE, POOL)
POOL_USE = series(Recorded.POOL_USE, POOL)
POOL_USE_LIMIT = limit("db_pool_use")
POOL_WAITING = series(Recorded.POOL_WAITING, POOL)
POOL_WAITING_LIMIT = limit("db_pool_waiting")
POOL_CHECKOUT_P95 = series(Recorded.POOL_CHECKOUT_P95, POOL)
POOL_TIMEOUTS = series(Recorded.POOL_TIMEOUTS, POOL)

DB_UP = series(Recorded.DB_UP)
DB_CONNECTIONS = series(Recorded.DB_CONNECTIONS)
DB_CONNECTIONS_BY_STATE = series(Recorded.DB_CONNECTIONS_BY_STATE)
DB_CONNECTION_USE = series(Recorded.DB_CONNECTION_USE)
DB_WAITING = series(Recorded.DB_WAITING)
DB_OLDEST_TRANSACTION = series(Recorded.DB_OLDEST_TRANSACTION)
DB_SIZE = series(Recorded.DB_SIZE)
DB_PING_P50 = series(Recorded.DB_PING_P50)
DB_PING_P99 = series(Recorded.DB_PING_P99)
DB_DEADLOCKS = f"sum by {by('database')} (increase({series(PG_DEADLOCKS)}[5m]))"

REDIS_UP = series(Recorded.REDIS_UP)
REDIS_PING_P50 = series(Recorded.REDIS_PING_P50)
REDIS_PING_P99 = series(Recorded.REDIS_PING_P99)
REDIS_PING_LIMIT = limit("redis_ping_p99")
REDIS_COMMAND_MEAN = series(Recorded.REDIS_COMMAND_MEAN)
REDIS_MEMORY = series(Recorded.REDIS_MEMORY)
REDIS_MEMORY_USE = series(Recorded.REDIS_MEMORY_USE)
REDIS_CLIENTS = series(Recorded.REDIS_CLIENTS)
REDIS_BLOCKED = series(REDIS_BLOCKED_CLIENTS)
REDIS_SLOWLOG = series(REDIS_SLOWLOG_LENGTH)
REDIS_EVICTED = series(Recorded.REDIS_EVICTED)
REDIS_HIT_RATIO = series(Recorded.REDIS_HIT_RATIO)

# Falls to nothing where one began anew.
DB_UPTIME = f"time() - {series(Recorded.DB_START)}"
REDIS_UPTIME = f"time() - {series(Recorded.REDIS_START)}"
