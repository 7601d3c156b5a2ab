from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine

from target.fault_board import FaultBoard, claim_slot
from target.fault_effects import reference_faults
from target.fault_effects.base import InjectedError, World
from target.fault_effects.database import ConnectionLeak
from target.fault_effects.memory import MEMORY_UNIT_BYTES, MemoryLeak
from target.fault_effects.request import ErrorBurst
from target.fault_runtime import FaultRunner
from target.faults import FAULT_PARAMETERS, parse_fault, parse_faults
from tests.servers import RedisServer, mingus_server, wait_until
from tests.target.clients import sign_up, value
from tests.target.conftest import TOKEN

GUARD = {"Authorization": f"Bearer {TOKEN}"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_world(url: str = "postgresql+psycopg://", *, slot: int = 0, slots: int = 1) -> World:
    return World(create_engine(url, pool_size=2, max_overflow=1, pool_timeout=0.2), "", Path(), slot, slots)


def test_the_board_is_empty_at_first_and_keeps_what_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    board = FaultBoard(tmp_path / "faults.json", clock)
    assert board.read() == {}
    board.set(parse_faults("memory_leak:mb_per_s=1;error_burst:ratio=0.5"))
    clock.now += 5
    board.set(parse_faults("memory_leak:mb_per_s=1;error_burst:ratio=0.6"))
    assert {name: since for name, (_, since) in board.read().items()} == {"memory_leak": 1000, "error_burst": 1005}
    board.set([])
    assert board.read() == {}


def test_slots_are_exclusive_and_come_free(tmp_path: Path) -> None:
    first, second = claim_slot(tmp_path, 2), claim_slot(tmp_path, 2)
    assert first is not None and second is not None
    assert (first[0], second[0]) == (0, 1)
    assert claim_slot(tmp_path, 2) is None
    first[1].close()
    again = claim_slot(tmp_path, 2)
    assert again is not None and again[0] == 0


def test_memory_leaks_at_the_rate_of_this_workers_share() -> None:
    spec = parse_fault(f"memory_leak:mb_per_s={MEMORY_UNIT_BYTES * 4 / 1e6},delay=10")  # four units a second
    leaks = [MemoryLeak(spec, a_world(slot=slot, slots=2), 0.0) for slot in range(2)]
    for leak in leaks:
        leak.tick(9)
        assert leak._blocks == []
        leak.tick(12)
    assert [len(leak._blocks) for leak in leaks] == [4, 4]
    block = leaks[0]._blocks[0]
    assert len(block) == MEMORY_UNIT_BYTES
    assert len(set(block[:4096])) > 200, "compressible memory could be swapped away"
    leaks[0].stop()
    assert leaks[0]._blocks == []


def test_a_recycled_worker_does_not_leak_the_past_again() -> None:
    spec = parse_fault(f"memory_leak:mb_per_s={MEMORY_UNIT_BYTES / 1e6}")
    leak = MemoryLeak(spec, a_world(), 100.0)
    leak.tick(103.5)
    assert len(leak._blocks) == 3


def test_connections_leak_until_the_pool_is_empty_and_come_back(database_url: str) -> None:
    world = a_world("postgresql+psycopg://" + database_url.partition("://")[2])
    leak = ConnectionLeak(parse_fault("connection_leak:per_minute=60"), world, 0.0)
    leak.tick(2.1)
    assert world.engine.pool.checkedout() == 2  # type: ignore[attr-defined]
    began = time.monotonic()
    leak.tick(60)
    assert world.engine.pool.checkedout() == 3  # type: ignore[attr-defined]
    assert time.monotonic() - began < 0.15, "the leak itself must not wait for connections"
    leak.stop()
    assert world.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    world.engine.dispose()


def test_a_burst_fails_its_share_while_it_lasts() -> None:
    burst = ErrorBurst(parse_fault("error_burst:ratio=0.25,delay=1,seconds=2"), a_world(), 0.0)
    burst.before_request(0.5)
    failed = 0
    for _ in range(40):
        try:
            burst.before_request(1.5)
        except InjectedError:
            failed += 1
    assert failed == 10
    burst.before_request(3.0)


def test_the_runner_follows_the_board(tmp_path: Path) -> None:
    clock = Clock()
    board = FaultBoard(tmp_path / "faults.json", clock)
    runner = FaultRunner(board, lambda slot: a_world(slot=slot), tmp_path, 1, reference_faults())
    runner.step()
    assert runner._active == {}
    board.set(parse_faults(f"memory_leak:mb_per_s={MEMORY_UNIT_BYTES / 1e6}"))
    runner.step()
    clock.now += 3
    runner.step()
    leak = runner._active["memory_leak"][2]
    assert isinstance(leak, MemoryLeak) and len(leak._blocks) == 3
    board.set([])
    runner.step()
    assert runner._active == {} and leak._blocks == []


def test_faults_need_the_token_and_good_numbers(stack) -> None:  # type: ignore[no-untyped-def]
    mingus = stack.mingus
    assert mingus.get("/faults").status_code == 403
    assert mingus.get("/faults", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert mingus.post("/faults", {"faults": ["error_burst:ratio=1"]}).status_code == 403
    for body in ({}, [], {"faults": "error_burst"}, {"faults": [1]}, {"faults": ["error_burst:ratio=2"]}):
        assert mingus.post("/faults", body, headers=GUARD).status_code == 400, body
    answer = mingus.get("/faults", headers=GUARD).json()
    assert answer["active"] == []
    assert set(answer["known"]) == set(FAULT_PARAMETERS)


def test_an_error_burst_spares_what_tells_and_heals(stack) -> None:  # type: ignore[no-untyped-def]
    mingus = stack.mingus
    _, session = sign_up(mingus)
    mingus.post("/faults", {"faults": ["error_burst:ratio=1"]}, headers=GUARD)
    try:
        # Every worker must have seen it: several answers in a row.
        wait_until(lambda: {mingus.get("/features", headers=session).status_code for _ in range(8)} == {500}, "errors")
        answer = mingus.get("/features", headers=session)
        assert answer.json() == {"error": "injected by the fault error_burst"}
        assert mingus.get("/health").status_code == 200
        assert mingus.get("/metrics").status_code == 200
    finally:
        assert mingus.post("/faults", {"faults": []}, headers=GUARD).json()["active"] == []
    wait_until(lambda: {mingus.get("/features", headers=session).status_code for _ in range(8)} == {200}, "healing")


def test_without_token_or_faults_there_is_nothing(work: Path, database_url: str, redis_cache: RedisServer) -> None:
    with mingus_server(work, database_url, redis_cache.url) as mingus:
        assert mingus.get("/faults", headers={"Authorization": "Bearer "}).status_code == 404
        assert mingus.post("/faults", {"faults": []}).status_code == 404


def test_faults_from_the_start_hold_their_rates(work: Path, database_url: str, redis_cache: RedisServer) -> None:
    faults = ["memory_leak:mb_per_s=8", "connection_leak:per_minute=600"]
    with mingus_server(
        work,
        database_url,
        redis_cache.url,
        pool_size=2,
        faults=faults,
        environ={"MINGUS_POOL_TIMEOUT": "0.3"},
    ) as mingus:
        # Without a token nothing can be changed while it runs.
        assert mingus.get("/faults", headers={"Authorization": "Bearer "}).status_code == 404
        master = psutil.Process(mingus.process.pid)

        def memory() -> float:
            return sum(worker.memory_info().rss for worker in master.children()) / 1e6

        time.sleep(1)
        began, start = time.monotonic(), memory()
        time.sleep(3)
        rate = (memory() - start) / (time.monotonic() - began)
        assert rate == pytest.approx(8, rel=0.3), "megabytes per second of both workers together"
        wait_until(lambda: value(mingus, "db_pool_connections", pool="main", state="in_use") == 8, "empty pools")
        answer = mingus.post("/login", {"email": "a@example.com", "password": "12345678"})
        assert answer.status_code == 503
        assert "connection" in answer.json()["error"]
        assert mingus.get("/system/health").json() == {"status": "down", "database": "pool exhausted", "redis": "ok"}
        assert value(mingus, "db_pool_timeouts_total", pool="main") == 2
