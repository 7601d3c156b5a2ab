"""PgBouncer's pools from a real PgBouncer before a real PostgreSQL."""

from __future__ import annotations

import contextlib
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from exporters import metric_names as names
from exporters import pgbouncer_metrics
from exporters.database import Database
from exporters.families import Families
from exporters.pgbouncer import PgBouncer, PgBouncerReading, console_options
from exporters.poller import Unreadable
from tests.servers import PostgresServer, free_port, stop, wait_until

BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@pytest.fixture(scope="module")
def bouncer(postgres: PostgresServer) -> Iterator[int]:
    """A PgBouncer of two server connections; yields its port."""
    if BINARY is None:
        pytest.skip("PgBouncer is not installed (package pgbouncer)")
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
    (home / "users").write_text('"postgres" "secret"\n"stats" "hunter2"\n')
    (home / "ini").write_text(
        f"[databases]\nmingus = host=127.0.0.1 port={postgres.port} dbname=mingus user=postgres pool_size=2\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=plain\nauth_file={home}/users\n"
        "pool_mode=transaction\nstats_users=stats\nunix_socket_dir=\n"
    )
    user = pwd.getpwnam("postgres")  # PgBouncer refuses root
    for path in (home, home / "users", home / "ini"):
        shutil.chown(path, user.pw_uid, user.pw_gid)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [BINARY, home / "ini"], stdout=log, stderr=log, user=user.pw_uid, group=user.pw_gid, extra_groups=[]
        )
    try:
        wait_until(lambda: _answers(port), "PgBouncer", log=home / "log", seconds=10)
        yield port
    finally:
        stop(process)
        shutil.rmtree(home, ignore_errors=True)


def _answers(port: int) -> bool:
    with contextlib.suppress(psycopg.OperationalError), _client(port):
        return True
    return False


def _client(port: int) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        f"postgresql://postgres:secret@127.0.0.1:{port}/mingus", connect_timeout=5, prepare_threshold=None
    )


def exposed(reading: PgBouncerReading | None) -> dict[tuple[str, ...], float]:
    families = Families()
    pgbouncer_metrics.expose(families, "pool", reading)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_unread_is_down_and_nothing_else() -> None:
    assert exposed(None) == {(names.PGBOUNCER_UP, "pool"): 0}


def test_active_and_waiting_clients(bouncer: int) -> None:
    source = PgBouncer(f"pgbouncer://stats:hunter2@127.0.0.1:{bouncer}", timeout=5)
    one, two, three = (_client(bouncer) for _ in range(3))
    one.execute("SELECT 1")
    two.execute("SELECT 1")
    thread = threading.Thread(target=lambda: three.execute("SELECT 1"))
    thread.start()
    try:
        time.sleep(1.2)
        reading = source.read()
    finally:
        one.rollback()
        thread.join(5)
        for connection in (one, two, three):
            connection.close()
    found = exposed(reading)
    labels = ("pool", "mingus", "postgres")
    assert found[names.PGBOUNCER_UP, "pool"] == 1
    assert found[names.PGBOUNCER_CLIENT_ACTIVE, *labels] == 2
    assert found[names.PGBOUNCER_CLIENT_WAITING, *labels] == 1
    assert found[names.PGBOUNCER_SERVER_ACTIVE, *labels] == 2
    assert 0.5 < found[names.PGBOUNCER_MAXWAIT, *labels] < 10
    assert {pool.datname for pool in reading.pools} == {"mingus"}, "the console itself is no pool"

    def settled() -> bool:
        return exposed(source.read())[names.PGBOUNCER_CLIENT_ACTIVE, *labels] == 0

    wait_until(settled, "the clients' end", seconds=5)
    source.close()


def test_a_postgresql_url_may_lead_through_pgbouncer(bouncer: int) -> None:
    source = Database(f"postgresql://postgres:secret@127.0.0.1:{bouncer}/mingus", timeout=5)
    readings = [source.read() for _ in range(3)]
    source.close()
    assert [reading.max_connections for reading in readings] == [23, 23, 23]
    assert readings[-1].problems == ()


def test_a_wrong_password_is_said_and_not_quoted(bouncer: int) -> None:
    source = PgBouncer(f"pgbouncer://stats:wr0ngsecret@127.0.0.1:{bouncer}", timeout=5)
    with pytest.raises(Unreadable) as caught:
        source.read()
    assert "wr0ngsecret" not in str(caught.value)
    assert "authentication failed" in str(caught.value)


def test_the_console_is_asked_without_start_up_options() -> None:
    options = console_options("pgbouncer://stats@h:6432/ignored", 5)
    assert (options["dbname"], options["port"], options["user"]) == ("pgbouncer", "6432", "stats")
    assert "options" not in options
