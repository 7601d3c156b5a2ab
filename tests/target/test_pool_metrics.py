from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, create_engine, exc, text
from sqlalchemy.pool import NullPool

from exporters import metric_names
from target import pool_metrics
from target.pool_metrics import instrument_pool
from tests.servers import RedisServer, mingus_server, wait_until
from tests.target.clients import samples, value
from tests.target.conftest import TOKEN


def engine_on(url: str, **options: object) -> Engine:
    return create_engine("postgresql+psycopg://" + url.partition("://")[2], **options)  # type: ignore[arg-type]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = engine_on(database_url, pool_size=1, max_overflow=1, pool_timeout=0.3)
    yield made
    made.dispose()


def read(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, {"pool": "main", **labels})


def test_names_are_those_of_the_rules() -> None:
    assert pool_metrics.CONNECTIONS == metric_names.POOL_CONNECTIONS
    assert pool_metrics.SIZE == metric_names.POOL_SIZE
    assert pool_metrics.WAITING == metric_names.POOL_WAITING
    assert pool_metrics.CHECKOUT == metric_names.POOL_CHECKOUT
    assert pool_metrics.TIMEOUTS == metric_names.POOL_TIMEOUTS


def test_a_pool_without_connections_says_zero_and_its_size(engine: Engine, registry: CollectorRegistry) -> None:
    instrument_pool(engine, registry=registry)
    assert read(registry, "db_pool_connections", state="in_use") == 0
    assert read(registry, "db_pool_connections", state="idle") == 0
    assert read(registry, "db_pool_size") == 2
    assert read(registry, "db_pool_waiting") == 0
    assert read(registry, "db_pool_timeouts_total") == 0
    assert read(registry, "db_pool_checkout_duration_seconds_count") == 0


def test_connections_follow_check_out_return_overflow_and_invalidation(
    engine: Engine, registry: CollectorRegistry
) -> None:
    instrument_pool(engine, registry=registry)

    def states() -> tuple[float | None, float | None]:
        return read(registry, "db_pool_connections", state="in_use"), read(
            registry, "db_pool_connections", state="idle"
        )

    first, second = engine.connect(), engine.connect()
    assert states() == (2, 0)
    first.close()
    assert states() == (1, 1)
    second.close()  # the overflow connection is closed, not kept
    assert states() == (0, 1)
    broken = engine.connect()
    broken.invalidate()
    broken.close()
    dropped = engine.raw_connection()
    assert states()[0] == 1
    del dropped  # never closed: SQLAlchemy takes it back when it is collected
    assert states()[0] == 0
    detached = engine.raw_connection()
    detached.detach()
    assert states()[0] == 0
    detached.close()
    assert read(registry, "db_pool_checkout_duration_seconds_count") == 5


def test_waiting_and_time_out_are_counted_once(engine: Engine, registry: CollectorRegistry) -> None:
    instrument_pool(engine, registry=registry)
    held = [engine.connect(), engine.connect()]
    errors: list[exc.TimeoutError] = []

    def ask() -> None:
        try:
            engine.connect().close()
        except exc.TimeoutError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: read(registry, "db_pool_waiting") == 3, "three waiting threads", seconds=0.25)
    for thread in threads:
        thread.join()
    assert len(errors) == 3
    assert read(registry, "db_pool_waiting") == 0
    assert read(registry, "db_pool_timeouts_total") == 3
    # Those who gave up are in the histogram with the time they lost: the two that got one took far less than 0.25 s.
    assert read(registry, "db_pool_checkout_duration_seconds_count") == 5
    assert read(registry, "db_pool_checkout_duration_seconds_bucket", le="0.25") == 2
    assert read(registry, "db_pool_checkout_duration_seconds_bucket", le="1.0") == 5
    for connection in held:
        connection.close()


def test_an_unreachable_database_leaves_no_connection_behind(registry: CollectorRegistry) -> None:
    engine = engine_on("postgresql://nobody@127.0.0.1:1/none", pool_size=1, max_overflow=0)
    instrument_pool(engine, registry=registry)
    for _ in range(3):
        with pytest.raises(exc.OperationalError):
            engine.connect()
    assert read(registry, "db_pool_connections", state="in_use") == 0
    assert read(registry, "db_pool_timeouts_total") == 0
    assert read(registry, "db_pool_checkout_duration_seconds_count") == 3


def test_a_disposed_engine_goes_on_with_its_new_pool(engine: Engine, registry: CollectorRegistry) -> None:
    instrument_pool(engine, registry=registry)
    late = engine.connect()
    engine.dispose()
    assert read(registry, "db_pool_connections", state="in_use") == 0
    with engine.connect():
        late.close()  # goes back to the pool that is no more
        assert read(registry, "db_pool_connections", state="in_use") == 1
    assert read(registry, "db_pool_connections", state="idle") == 1


def test_two_pools_share_a_registry(engine: Engine, database_url: str, registry: CollectorRegistry) -> None:
    unlimited = engine_on(database_url, pool_size=1, max_overflow=-1)
    metrics = instrument_pool(engine, registry=registry)
    instrument_pool(unlimited, pool="replica", metrics=metrics)
    with unlimited.connect():
        assert registry.get_sample_value("db_pool_connections", {"pool": "replica", "state": "in_use"}) == 1
        assert read(registry, "db_pool_connections", state="in_use") == 0
    assert registry.get_sample_value("db_pool_size", {"pool": "replica"}) == math.inf
    unlimited.dispose()


def test_a_pool_that_keeps_no_count_is_refused(database_url: str, registry: CollectorRegistry) -> None:
    with pytest.raises(TypeError, match="NullPool"):
        instrument_pool(engine_on(database_url, poolclass=NullPool), registry=registry)


def test_counts_stay_right_under_many_threads(database_url: str, registry: CollectorRegistry) -> None:
    engine = engine_on(database_url, pool_size=3, max_overflow=1, pool_timeout=20)
    instrument_pool(engine, registry=registry)

    def work() -> None:
        for _ in range(40):
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(registry, "db_pool_connections", state="in_use") == 0
    assert read(registry, "db_pool_connections", state="idle") == engine.pool.checkedin()  # type: ignore[attr-defined]
    assert read(registry, "db_pool_waiting") == 0
    assert read(registry, "db_pool_checkout_duration_seconds_count") == 400
    engine.dispose()


def test_a_killed_worker_leaves_no_gauge_and_takes_no_count(
    work: Path, database_url: str, redis_cache: RedisServer
) -> None:
    with mingus_server(
        work, database_url, redis_cache.url, workers=3, pool_size=2, fault_token=TOKEN
    ) as mingus:  # capacity of a worker: 2 + 2 overflow
        master = psutil.Process(mingus.process.pid)
        wait_until(lambda: value(mingus, "db_pool_size", pool="main") == 12, "three workers", seconds=10)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        # The leak fills every pool at once: each worker then holds 4 connections for sure.
        mingus.post("/faults", {"faults": ["connection_leak:per_minute=6000"]}, headers=headers)
        wait_until(lambda: value(mingus, "db_pool_connections", pool="main", state="in_use") == 12, "a full leak")
        mingus.post("/faults", {"faults": []}, headers=headers)
        wait_until(lambda: value(mingus, "db_pool_connections", pool="main", state="in_use") == 0, "the leak's end")

        mingus.post("/faults", {"faults": ["connection_leak:per_minute=6000"]}, headers=headers)
        wait_until(lambda: value(mingus, "db_pool_connections", pool="main", state="in_use") == 12, "a full leak")
        before = samples(mingus)
        mingus.post("/faults", {"faults": []}, headers=headers)
        for round_ in range(3):
            victim = master.children()[0]
            os.kill(victim.pid, signal.SIGKILL)
            wait_until(lambda pid=victim.pid: not psutil.pid_exists(pid), "the kill")  # type: ignore[misc]
            after = samples(mingus)
            # Never more than the live workers' (two, or three when the next one is up), whatever the dead one held.
            assert after["db_pool_size", (("pool", "main"),)] <= 12, round_
            for (name, labels), count in before.items():
                if name.endswith(("_total", "_count", "_bucket", "_sum")):
                    assert after[name, labels] >= count, (name, labels)
            before = after
            wait_until(lambda: len(master.children()) == 3, "a new worker")
        wait_until(
            lambda: (
                value(mingus, "db_pool_size", pool="main") == 12
                and value(mingus, "db_pool_connections", pool="main", state="in_use") == 0
            ),
            "three pools at rest",
        )
        files = sorted(path.name for path in metrics_directory(master).glob("*.db"))
        # Of each kind one file per live worker, and the archive of the dead.
        assert sum(name.startswith("histogram_") for name in files) <= 4, files
        assert "histogram_archive.db" in files


def metrics_directory(master: psutil.Process) -> Path:
    """PROMETHEUS_MULTIPROC_DIR, which the master sets after its start: from a worker's open file."""
    for worker in master.children():
        for file in worker.memory_maps():
            if file.path.endswith(".db"):
                return Path(file.path).parent
    time.sleep(0)
    raise AssertionError("no worker maps a metrics file")
