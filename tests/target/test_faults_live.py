"""Faults switched on and off in a running Mingus behind gunicorn, with real PostgreSQL and Redis."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
import requests

from tests.servers import MingusServer, RedisServer, Stack, free_port, mingus_server, wait_until
from tests.target.clients import sign_up
from tests.target.conftest import TOKEN

GUARD = {"Authorization": f"Bearer {TOKEN}"}


@contextlib.contextmanager
def on(mingus: MingusServer, *faults: str) -> Iterator[None]:
    answer = mingus.post("/faults", {"faults": list(faults)}, headers=GUARD)
    assert answer.status_code == 200, answer.text
    try:
        yield
    finally:
        assert mingus.post("/faults", {"faults": []}, headers=GUARD).json()["active"] == []


def workers(mingus: MingusServer) -> set[int]:
    return {child.pid for child in psutil.Process(mingus.process.pid).children()}


def ask(url: str, path: str, headers: dict[str, str]) -> threading.Thread:
    """A request that nobody waits for."""

    def go() -> None:
        with contextlib.suppress(requests.RequestException):
            requests.get(url + path, headers=headers, timeout=20)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("fault", ["stall:every=60,pause=60", "latency_creep:ms_per_minute=60000"])
def test_what_tells_and_heals_answers_while_requests_wait(stack: Stack, fault: str) -> None:
    mingus = stack.mingus
    _, session = sign_up(mingus)
    with on(mingus, fault):
        wait_until(lambda: _waits(mingus, session), "requests that wait")
        assert mingus.get("/health").status_code == 200
        assert mingus.get("/metrics").status_code == 200
    wait_until(lambda: not _waits(mingus, session), "healing")


def _waits(mingus: MingusServer, session: dict[str, str]) -> bool:
    try:
        requests.get(mingus.url + "/features", headers=session, timeout=0.3)
    except requests.Timeout:
        return True
    return False


def test_requests_queue_for_the_lock(stack: Stack) -> None:
    mingus = stack.mingus
    _, session = sign_up(mingus)
    with on(mingus, "lock_contention:ms=400"), psycopg.connect(stack.database_url, autocommit=True) as observer:
        asked: list[threading.Thread] = []

        def queued() -> bool:
            asked.append(ask(mingus.url, "/features", session))
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE%'"
            row = observer.execute(query).fetchone()
            return row is not None and row[0] >= 2

        wait_until(queued, "two that wait for the lock")
    for thread in asked:
        thread.join()


def test_the_table_grows_by_requests_and_is_scanned(stack: Stack) -> None:
    mingus = stack.mingus
    _, session = sign_up(mingus)
    with psycopg.connect(stack.database_url, autocommit=True) as observer:

        def count() -> int:
            row = observer.execute("SELECT count(*) FROM activity").fetchone()
            return int(row[0]) if row else -1

        def scans() -> int:
            row = observer.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'activity'").fetchone()
            return int(row[0]) if row else -1

        assert mingus.get("/dashboard", headers=session).status_code == 200
        assert count() == 0, "a healthy Mingus writes nothing there"
        with on(mingus, "missing_index:rows=100"):
            wait_until(lambda: mingus.get("/features", headers=session).ok and count() >= 100, "rows")
            before = scans()
            for _ in range(5):
                assert mingus.get("/dashboard", headers=session).status_code == 200
            wait_until(lambda: scans() >= before + 5, "scans of the whole table")
        wait_until(lambda: count() == 0, "an empty table")
        row = observer.execute("SELECT to_regclass('activity_by_owner') IS NOT NULL").fetchone()
        wait_until(lambda: row == (True,), "the index")


def test_workers_crash_and_are_replaced(stack: Stack) -> None:
    mingus = stack.mingus
    first = workers(mingus)
    assert len(first) == 2
    with on(mingus, "crash_loop:every=1"):
        wait_until(lambda: not first & workers(mingus), "other workers")
    wait_until(lambda: len(workers(mingus)) == 2 and mingus.get("/health").status_code == 200, "healing")


def test_recycled_workers_lose_no_request(stack: Stack) -> None:
    mingus = stack.mingus
    _, session = sign_up(mingus)
    first = workers(mingus)
    asked = threading.Event()
    answers: list[int] = []

    def visit(_: int) -> None:
        while not asked.is_set():
            # A connection of its own, as gunicorn closes those of a worker that ends.
            answers.append(requests.get(mingus.url + "/features", headers=session, timeout=20).status_code)

    # Several at a time: of two idle workers the same one may take every connection.
    with on(mingus, "worker_recycling:requests=40"), ThreadPoolExecutor(8) as visitors:
        visits = [visitors.submit(visit, number) for number in range(8)]
        try:
            wait_until(lambda: not first & workers(mingus), "two other workers")
        finally:
            asked.set()
        for done in visits:
            done.result()
    assert set(answers) == {200}
    assert len(answers) >= 80


def test_an_operators_reload_keeps_what_the_workers_share(
    work: Path, database_url: str, redis_cache: RedisServer
) -> None:
    port = free_port()
    with mingus_server(
        work, database_url, redis_cache.url, fault_token=TOKEN, environ={"MINGUS_METRICS_PORT": str(port)}
    ) as mingus:
        _, session = sign_up(mingus)

        def answered() -> float:
            page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
            wanted = 'mingus_http_requests_total{method="POST",route="/login",status="200"}'
            return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(wanted))

        assert answered() == 1
        with on(mingus, "error_burst:ratio=0"):
            first = workers(mingus)
            os.kill(mingus.process.pid, signal.SIGHUP)
            wait_until(lambda: not first & workers(mingus) and len(workers(mingus)) == 2, "new workers")
            wait_until(lambda: mingus.get("/features", headers=session).status_code == 200, "answers")
            assert answered() == 1, "totals go on"
            active = mingus.get("/faults", headers=GUARD).json()["active"]
            assert [a["fault"].split(":")[0] for a in active] == ["error_burst"]
