"""The PostgreSQL collector against a real server."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from exporters import database_metrics
from exporters import metric_names as names
from exporters.database import SIZE_SECONDS, STATES, Database, DatabaseReading, connection_options
from exporters.families import Families
from exporters.poller import Unreadable
from tests.servers import PostgresServer, postgres_server, wait_until


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    source = Database(postgres.url, timeout=5)
    yield source
    source.close()


def exposed(reading: DatabaseReading | None) -> dict[tuple[str, ...], float]:
    families = Families()
    database_metrics.expose(families, "main", reading)
    found: dict[tuple[str, ...], float] = {}
    for family in families:
        for sample in family.samples:
            assert sample.labels.pop("database") == "main"
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_unread_is_down_and_nothing_else() -> None:
    assert exposed(None) == {("pg_up",): 0}


def test_an_idle_server(database: Database) -> None:
    reading = database.read()
    assert reading.problems == ()
    assert reading.max_connections == 23
    assert reading.datname == "mingus"
    # Nobody but the sidecar is connected, and it does not count itself.
    assert reading.backends == {("mingus", state): 0 for state in STATES}
    assert set(reading.transactions.values()) == {0.0}
    assert reading.waiting == {"Lock": 0, "LWLock": 0, "BufferPin": 0}
    assert reading.deadlocks == 0


def test_names_are_postgres_exporters(database: Database) -> None:
    found = exposed(database.read())
    assert found[names.PG_UP,] == 1
    assert found[names.PG_MAX_CONNECTIONS,] == 23
    assert found[names.PG_ACTIVITY, "mingus", "idle in transaction"] == 0
    assert found[names.PG_MAX_TX_DURATION, "mingus", "active"] == 0
    assert found[names.PG_WAITING, "Lock"] == 0
    assert found["pg_stat_database_deadlocks", "mingus"] == 0
    assert found["db_ping_duration_seconds_count",] == 1
    assert found[names.PG_DATABASE_SIZE, "mingus"] > 1e6


def test_the_crash_of_a_backend_is_a_start_of_the_checkpointer(tmp_path: Path) -> None:
    """The postmaster survives it, so its start says nothing."""
    with postgres_server(tmp_path, settings={"restart_after_crash": "on"}) as server:
        source = Database(server.url, timeout=5)
        before = exposed(source.read())
        assert before[names.PG_START, "postmaster"] == pytest.approx(time.time(), abs=60)
        assert 0 <= before[names.PG_CHECKPOINTER_START,] - before[names.PG_START, "postmaster"] < 30
        assert exposed(source.read())[names.PG_CHECKPOINTER_START,] == before[names.PG_CHECKPOINTER_START,]
        with psycopg.connect(server.url) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            after: dict[tuple[str, ...], float] = {}

            def recovered() -> bool:
                try:
                    after.update(exposed(source.read()))
                except Unreadable:
                    return False
                return after[names.PG_CHECKPOINTER_START,] > before[names.PG_CHECKPOINTER_START,]

            wait_until(recovered, "the recovery", log=server.log)
            victim.close()
        source.close()
    assert after[names.PG_START, "postmaster"] == before[names.PG_START, "postmaster"]


def test_a_role_that_may_see_little_and_a_server_without_the_function(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE nobody_special LOGIN")
        try:
            source = Database(postgres.url.replace("postgres@", "nobody_special@"), timeout=5)
            found = exposed(source.read())
            source.close()
            assert (names.PG_CHECKPOINTER_START,) not in found
            assert found[names.PG_START, "postmaster"] == pytest.approx(time.time(), abs=3600)
            admin.execute("REVOKE EXECUTE ON FUNCTION pg_postmaster_start_time() FROM PUBLIC")
            source = Database(postgres.url.replace("postgres@", "nobody_special@"), timeout=5)
            reading = source.read()
            source.close()
            assert (reading.started, reading.max_connections) == (None, 23)
            assert any("start time: permission denied" in problem for problem in reading.problems)
        finally:
            admin.execute("GRANT EXECUTE ON FUNCTION pg_postmaster_start_time() TO PUBLIC")
            admin.execute("DROP ROLE nobody_special")


def test_states_waiting_and_the_oldest_transaction(postgres: PostgresServer, database: Database) -> None:
    with (
        psycopg.connect(postgres.url) as holder,
        psycopg.connect(postgres.url, autocommit=True) as idle,
        psycopg.connect(postgres.url) as waiter,
    ):
        holder.execute("SELECT pg_advisory_xact_lock(42)")
        idle.execute("SELECT 1")
        thread = threading.Thread(target=lambda: waiter.execute("SELECT pg_advisory_xact_lock(42)"))
        thread.start()
        time.sleep(0.6)
        reading = database.read()
        holder.rollback()
        thread.join(5)
    assert reading.backends["mingus", "idle in transaction"] == 1
    assert reading.backends["mingus", "idle"] == 1
    assert reading.backends["mingus", "active"] == 1
    assert sum(reading.backends.values()) == 3
    assert reading.waiting["Lock"] == 1
    assert 0.5 < reading.transactions["mingus", "idle in transaction"] < 10
    assert reading.transactions["mingus", "idle"] == 0


def test_a_database_once_seen_is_reported_as_empty_afterwards(postgres: PostgresServer, database: Database) -> None:
    with psycopg.connect(postgres.url, dbname="postgres", autocommit=True):
        assert database.read().backends["postgres", "idle"] == 1
    wait_until(lambda: database.read().backends["postgres", "idle"] == 0, "the backend's end", seconds=5)


def test_deadlocks_and_size(postgres: PostgresServer) -> None:
    now = [0.0]
    source = Database(postgres.url, timeout=5, clock=lambda: now[0])
    before = source.read()
    with psycopg.connect(postgres.url) as one, psycopg.connect(postgres.url) as two:
        one.execute("CREATE TABLE grown AS SELECT g, repeat('x', 500) FROM generate_series(1, 10000) g")
        one.commit()
        one.execute("SELECT pg_advisory_xact_lock(1)")
        two.execute("SELECT pg_advisory_xact_lock(2)")
        thread = threading.Thread(target=lambda: _ignore_deadlock(one, "SELECT pg_advisory_xact_lock(2)"))
        thread.start()
        time.sleep(0.3)
        _ignore_deadlock(two, "SELECT pg_advisory_xact_lock(1)")
        thread.join(10)
    wait_until(lambda: source.read().deadlocks == 1, "the deadlock's count", seconds=10)
    assert source.read().size == before.size, "the size is read seldom"
    now[0] += SIZE_SECONDS
    after = source.read().size
    source.close()
    assert before.size is not None and after is not None
    assert 5e6 < after - before.size < 8e6


def _ignore_deadlock(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    try:
        connection.execute(statement)
    except psycopg.errors.DeadlockDetected:
        connection.rollback()


def test_one_connection_is_kept_and_named(postgres: PostgresServer, database: Database) -> None:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'harness-sidecar'"
    with psycopg.connect(postgres.url, autocommit=True) as other:
        database.read()
        first = other.execute(query).fetchall()
        for _ in range(5):
            database.ping()
            reading = database.read()
        assert other.execute(query).fetchall() == first
        assert len(first) == 1
    assert reading.ping.buckets[-1][1] == 11
    assert 0 < reading.ping.total < 5


def test_a_role_that_may_not_see_others_says_so(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS blind")
        admin.execute("CREATE ROLE blind LOGIN")
        source = Database(postgres.url.replace("postgres@", "blind@"), timeout=5)
        reading = source.read()
        source.close()
        admin.execute("DROP ROLE blind")
    assert reading.backends["mingus", "unknown"] >= 1
    assert ("mingus", "unknown") not in reading.transactions
    [problem] = reading.problems
    assert "pg_monitor" in problem


def test_a_cut_connection_fails_once_and_is_made_again(postgres: PostgresServer, database: Database) -> None:
    database.read()
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'harness-sidecar'"
        )
    with pytest.raises(Unreadable, match=r"AdminShutdown|OperationalError"):
        database.read()
    assert database.read().max_connections == 23


def test_a_frozen_server_ends_in_time_and_its_ping_counts(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        source = Database(server.url, timeout=2)
        source.read()
        backend = source._link.connection
        assert backend is not None
        pid = backend.info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Unreadable):
                source.ping()
            took = time.monotonic() - began
        finally:
            os.kill(pid, signal.SIGCONT)
        assert 1.5 < took < 8
        reading = source.read()
        source.close()
    # One good ping, one of two seconds, one good.
    assert reading.ping.buckets[-1][1] == 3
    assert 1.5 < reading.ping.total < 8


def test_a_listener_that_never_answers_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = Database(f"postgresql://u:hunter2@127.0.0.1:{listener.getsockname()[1]}/x", timeout=2)
        began = time.monotonic()
        with pytest.raises(Unreadable) as caught:
            source.read()
        assert time.monotonic() - began < 10
    assert "hunter2" not in str(caught.value)


def test_refused_names_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(Unreadable) as caught:
        Database("postgresql://app:hunter2@127.0.0.1:1/x", timeout=2).read()
    assert "refused" in str(caught.value)
    assert "hunter2" not in str(caught.value) + caplog.text


def test_options_carry_time_outs_and_keep_the_urls_own() -> None:
    options = connection_options("postgresql://u@h/x?options=-c%20search_path%3Dapp", 5)
    assert options["options"] == "-c search_path=app -c statement_timeout=5000"
    assert options["application_name"] == "harness-sidecar"
    assert options["connect_timeout"] == 5
    with pytest.raises(ValueError) as caught:
        connection_options("postgresql://u:hunter2@h:notaport]/x?nonsense=1", 5)
    assert "hunter2" not in str(caught.value)
