"""Database and Redis: the application's pool, PostgreSQL or PgBouncer, Redis."""

from __future__ import annotations

from dashboards import database, pool, redis
from dashboards.model import Dashboard, Row
from dashboards.variables import ALWAYS, POOL


def dashboard() -> Dashboard:
    """The dashboard *Database and Redis*."""
    return Dashboard(
        uid="harness-backends",
        title="Database and Redis",
        description="What the service leans on: its connection pool, PostgreSQL or PgBouncer, Redis.",
        rows=(
            Row(
                "Connection pool",
                (pool.pool(), pool.pool_use(), pool.pool_waiting(), pool.pool_checkout(), pool.pool_timeouts()),
            ),
            Row(
                "Database",
                (
                    database.db_up(),
                    database.db_states(),
                    database.db_use(),
                    database.db_oldest(),
                    database.db_waiting(),
                    database.db_ping(),
                    database.db_size(),
                ),
            ),
            Row(
                "Redis",
                (
                    redis.redis_up(),
                    redis.redis_ping(),
                    redis.redis_commands(),
                    redis.redis_memory(),
                    redis.redis_use(),
                    redis.redis_hits(),
                    redis.redis_evicted(),
                    redis.redis_clients(),
                    redis.stores_uptime(),
                ),
            ),
        ),
        variables=(*ALWAYS, POOL),
    )
