"""One line that makes any SQLAlchemy application export its connection pool:

    instrument_pool(engine)

The series go where the application's other prometheus_client metrics go. Under gunicorn with PROMETHEUS_MULTIPROC_DIR
they are summed over the workers: serve them with ``target.multiprocess.exposition_registry``, so that the gauges of
dead workers vanish.

    db_pool_connections{pool,state}             connections in_use and idle now
    db_pool_size{pool}                          most connections the pool may open: size + max_overflow (+Inf: no limit)
    db_pool_waiting{pool}                       threads blocked now because every connection is taken
    db_pool_checkout_duration_seconds{pool}     histogram: from asking to holding a usable connection, or giving up
    db_pool_timeouts_total{pool}                requests for a connection that gave up

Call it in the process that uses the engine (gunicorn with ``preload_app``: in ``post_fork``, where SQLAlchemy wants
``engine.dispose(close=False)`` anyway). Imports nothing of ours.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Engine, event, exc
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

CONNECTIONS = "db_pool_connections"
SIZE = "db_pool_size"
WAITING = "db_pool_waiting"
CHECKOUT = "db_pool_checkout_duration_seconds"
TIMEOUTS = "db_pool_timeouts_total"

# A pooled connection comes in tens of microseconds, a new one in milliseconds; SQLAlchemy gives up after 30 s.
CHECKOUT_EDGES = (
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip


class PoolMetrics:
    """The metric families of one registry; several pools may share them.

    Args:
        registry: where the families are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        pool = ["pool"]
        self.connections = Gauge(
            CONNECTIONS,
            "Connections of the pool by state.",
            ["pool", "state"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.size = Gauge(
            SIZE, "Most connections the pool may open.", pool, registry=registry, multiprocess_mode="livesum"
        )
        self.waiting = Gauge(
            WAITING, "Threads that wait for a connection.", pool, registry=registry, multiprocess_mode="livesum"
        )
        self.checkout = Histogram(
            CHECKOUT, "Time to get a connection.", pool, registry=registry, buckets=CHECKOUT_EDGES
        )
        self.timeouts = Counter(TIMEOUTS, "Requests for a connection that gave up.", pool, registry=registry)


class _InstrumentedPool:
    """Watches one QueuePool object: the four hooks below are the only ones through which connections come and go."""

    def __init__(self, pool: QueuePool, metrics: PoolMetrics, name: str) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._blocked: set[int] = set()  # by thread: QueuePool calls its own _do_get again when it lost a race
        self.retired = False
        self._in_use = metrics.connections.labels(name, "in_use")
        self._idle = metrics.connections.labels(name, "idle")
        self._size = metrics.size.labels(name)
        self._waiting = metrics.waiting.labels(name)
        self._checkout = metrics.checkout.labels(name)
        self._timeouts = metrics.timeouts.labels(name)
        self._connect, self._do_get, self._do_return = pool.connect, pool._do_get, pool._do_return_conn
        pool.connect = self.connect  # type: ignore[method-assign]
        pool._do_get = self.do_get  # type: ignore[method-assign]
        pool._do_return_conn = self.do_return  # type: ignore[method-assign]
        self._size.set(self.capacity())
        self._waiting.set(0)
        self.refresh()

    def capacity(self) -> float:
        """size + max_overflow; infinite where SQLAlchemy sets no limit."""
        overflow = self._pool._max_overflow
        return math.inf if overflow < 0 else self._pool.size() + overflow

    def refresh(self) -> None:
        """Publish what the pool holds. Under a lock, so that of two threads the later publishes both changes."""
        if self.retired:
            return
        with self._lock:
            self._in_use.set(self._pool.checkedout())
            self._idle.set(self._pool.checkedin())

    def connect(self) -> PoolProxiedConnection:
        """Pool.connect: the whole time a caller waits, connecting and pre-ping included, and also when it fails."""
        began = time.perf_counter()
        try:
            return self._connect()
        except exc.TimeoutError:
            self._timeouts.inc()
            raise
        finally:
            self._checkout.observe(time.perf_counter() - began)

    def do_get(self) -> ConnectionPoolEntry:
        """Pool._do_get: blocks while every connection is taken."""
        # Only one who must really wait counts: a connection that is merely being opened is no shortage.
        blocked = self._pool.checkedout() >= self.capacity()
        if blocked:
            self._set_blocked(True)
        try:
            return self._do_get()
        finally:
            if blocked:
                self._set_blocked(False)
            self.refresh()

    def do_return(self, record: ConnectionPoolEntry) -> None:
        """Pool._do_return_conn: every way back, also of a connection that was dropped without being closed."""
        try:
            self._do_return(record)
        finally:
            self.refresh()

    def _set_blocked(self, blocked: bool) -> None:
        with self._lock:
            (self._blocked.add if blocked else self._blocked.discard)(threading.get_ident())
            if not self.retired:
                self._waiting.set(len(self._blocked))


def instrument_pool(
    engine: Engine,
    pool: str = "main",
    *,
    metrics: PoolMetrics | None = None,
    registry: CollectorRegistry = REGISTRY,
) -> PoolMetrics:
    """Export the connection pool of an engine from now on, over ``engine.dispose()`` too.

    Args:
        engine: of an asyncio engine pass its ``sync_engine``.
        pool: label of this pool's series.
        metrics: what an earlier call returned, when a second pool shares its registry.
        registry: where the families are registered by the first call.

    Raises:
        TypeError: the engine's pool keeps no count (NullPool, StaticPool ...): there is nothing true to export.
    """
    if not isinstance(engine.pool, QueuePool):
        raise TypeError(f"{type(engine.pool).__name__} has no size to export; instrument_pool needs a QueuePool")
    families = metrics or PoolMetrics(registry)

    watched: _InstrumentedPool | None = None

    def watch(*_: Any) -> None:
        nonlocal watched
        if watched is not None:
            watched.retired = True  # connections that come back late to a disposed pool are not the new pool's
        current = engine.pool
        watched = _InstrumentedPool(current, families, pool) if isinstance(current, QueuePool) else None

    watch()
    event.listen(engine, "engine_disposed", watch)
    return families
