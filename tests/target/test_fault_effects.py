"""Effects within one worker: what is taken, at which rate, and that it is given back."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text

from target.fault_effects.base import ActiveFault, World
from target.fault_effects.database import LongTransactions, MissingIndex
from target.fault_effects.memory import CappedCache, MemoryLumps, RequestLeak, SawTooth, UnboundedCache
from target.fault_effects.process import CrashLoop, DescriptorLeak, ThreadLeak, WorkerRecycling
from target.fault_effects.redis_server import RedisBusy, RedisEvictions
from target.fault_effects.request import burn
from target.faults import parse_fault
from target.schema import create_schema
from tests.servers import redis_server, wait_until

MIB_UNIT = 256 * 1024 / 1e6  # megabytes of one unit


def a_world(tmp: Path, *, database: str = "", redis_url: str = "", slot: int = 0, slots: int = 1) -> World:
    engine = create_engine("postgresql+psycopg://" + database.partition("://")[2], pool_size=2, max_overflow=1)
    return World(engine, redis_url, tmp, slot, slots)


def of(fault: Callable[..., ActiveFault], text: str, world: World, joined: float = 0.0) -> ActiveFault:
    return fault(parse_fault(text), world, joined)


def test_lumps_come_whole_and_in_turn(tmp_path: Path) -> None:
    leaks = [
        of(MemoryLumps, "memory_leak_lumps:mb=2,every=10,delay=5", a_world(tmp_path, slot=s, slots=2)) for s in (0, 1)
    ]
    for leak in leaks:
        leak.tick(36)  # lumps at 15, 25 and 35
    assert [[len(b) for b in leak._blocks] for leak in leaks] == [[2_000_000] * 2, [2_000_000]]  # type: ignore[attr-defined]
    leaks[0].stop()
    assert leaks[0]._blocks == []  # type: ignore[attr-defined]


def test_a_leak_by_requests_takes_something_of_each(tmp_path: Path) -> None:
    leak = of(RequestLeak, "memory_leak_requests:kb=10,delay=5", a_world(tmp_path))
    for elapsed in (4, 5, 6, 7):
        leak.before_request(elapsed)
    assert [len(b) for b in leak._blocks] == [10_000] * 3  # type: ignore[attr-defined]
    leak.stop()
    assert leak._blocks == []  # type: ignore[attr-defined]


def test_a_cache_without_bound_keeps_an_entry_of_each_request(tmp_path: Path) -> None:
    cache = of(UnboundedCache, "unbounded_cache:kb=10", a_world(tmp_path))
    for _ in range(5):
        cache.before_request(1)
    entries = cache._entries.values()  # type: ignore[attr-defined]
    assert len(entries) == 5
    assert all(sum(len(t) for t in texts) == 96 * 60 for texts in entries)
    cache.stop()
    assert cache._entries == {}  # type: ignore[attr-defined]


def test_a_capped_cache_fills_and_then_changes_without_growing(tmp_path: Path) -> None:
    fault = f"capped_cache:mb_per_s={MIB_UNIT * 4},cap_mb={MIB_UNIT * 10.5}"
    caches = [of(CappedCache, fault, a_world(tmp_path, slot=s, slots=2)) for s in (0, 1)]
    for cache in caches:
        cache.tick(2)
    assert [len(c._kept) for c in caches] == [4, 4]  # type: ignore[attr-defined]
    oldest = caches[0]._kept[0]  # type: ignore[attr-defined]
    for cache in caches:
        cache.tick(10)
    assert [len(c._kept) for c in caches] == [5, 5]  # type: ignore[attr-defined]
    assert oldest not in caches[0]._kept  # type: ignore[attr-defined]


def test_a_saw_tooth_falls_to_nothing_at_the_end_of_its_period(tmp_path: Path) -> None:
    tooth = of(SawTooth, f"gc_saw_tooth:mb_per_s={MIB_UNIT * 2},period=10,delay=1", a_world(tmp_path))
    sizes = []
    for elapsed in (0.5, 6, 10.9, 11.1, 16):
        tooth.tick(elapsed)
        sizes.append(len(tooth._garbage))  # type: ignore[attr-defined]
    assert sizes == [0, 10, 19, 0, 10]
    cycle = tooth._garbage[0]  # type: ignore[attr-defined]
    assert cycle in gc.get_referents(cycle) or cycle.itself is cycle, "only a collection frees it"
    tooth.stop()
    assert tooth._garbage == []  # type: ignore[attr-defined]


def test_descriptors_and_threads_leak_and_come_back(tmp_path: Path) -> None:
    me = psutil.Process()
    fds, threads = me.num_fds(), threading.active_count()
    files = of(DescriptorLeak, "fd_leak:per_minute=60", a_world(tmp_path))
    waiting = of(ThreadLeak, "thread_leak:per_minute=60", a_world(tmp_path))
    files.tick(7)
    waiting.tick(5)
    assert me.num_fds() - fds == 7
    assert threading.active_count() - threads == 5
    files.stop()
    waiting.stop()
    assert me.num_fds() == fds
    wait_until(lambda: threading.active_count() == threads, "the end of the leaked threads")


def test_descriptors_leak_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(24, "Too many open files")

    files = of(DescriptorLeak, "fd_leak:per_minute=60", a_world(tmp_path))
    monkeypatch.setattr(os, "open", full)
    files.tick(100)
    assert files._open == []  # type: ignore[attr-defined]


def test_workers_crash_in_turn_and_the_next_one_does_not_crash_for_the_past(tmp_path: Path) -> None:
    died: list[tuple[int, float]] = []
    now = 0.0

    class Counted(CrashLoop):
        die = staticmethod(lambda code: died.append((code, now)))

    workers = [of(Counted, "crash_loop:every=10,delay=5", a_world(tmp_path, slot=s, slots=2)) for s in (0, 1)]
    for second in range(0, 36):
        now = float(second)
        for worker in workers:
            worker.tick(now)
    assert died == [(1, 15.0), (1, 25.0), (1, 35.0)]
    of(Counted, "crash_loop:every=10,delay=5", a_world(tmp_path), joined=35.5).tick(36)
    assert len(died) == 3


def test_a_worker_is_recycled_once_and_not_all_at_the_same_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, signal: ended.append(signal))
    workers = [of(WorkerRecycling, "worker_recycling:requests=20", a_world(tmp_path, slot=s, slots=2)) for s in (0, 1)]
    served = []
    for worker in workers:
        count = 0
        while not ended:
            worker.before_request(1)
            count += 1
        for _ in range(100):
            worker.before_request(1)
        assert ended == [15], "SIGTERM, once"
        served.append(count)
        ended.clear()
    assert served == [20, 25]


def test_long_transactions_stay_open_for_their_time(tmp_path: Path, database_url: str) -> None:
    world = a_world(tmp_path, database=database_url)
    fault = of(LongTransactions, "long_transactions:count=2,hold=5", world)
    observer = create_engine(world.engine.url)

    def open_since() -> list[float]:
        with observer.connect() as connection:
            query = "SELECT extract(epoch FROM xact_start) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            return sorted(float(row[0]) for row in connection.execute(text(query)))

    fault.tick(1)
    first = open_since()
    assert len(first) == 2
    fault.tick(5.9)
    assert open_since() == first
    fault.tick(6)
    again = open_since()
    assert len(again) == 2 and min(again) > max(first)
    fault.stop()
    assert open_since() == []
    observer.dispose()
    world.engine.dispose()


def test_a_share_of_the_transactions_falls_to_each_worker(tmp_path: Path) -> None:
    shares = [
        of(LongTransactions, "long_transactions:count=5", a_world(tmp_path, slot=s, slots=3))._share for s in range(3)
    ]  # type: ignore[attr-defined]
    assert shares == [2, 2, 1]


def test_the_index_goes_and_comes_back_with_the_fault(tmp_path: Path, database_url: str) -> None:
    world = a_world(tmp_path, database=database_url)
    create_schema(world.engine)

    def indexed() -> bool:
        with world.engine.connect() as connection:
            return bool(connection.execute(text("SELECT to_regclass('activity_by_owner') IS NOT NULL")).scalar_one())

    fault = of(MissingIndex, "missing_index:rows=10,delay=5,seconds=10", world)
    fault.tick(4)
    assert indexed()
    fault.tick(5)
    assert not indexed()
    with world.engine.begin() as connection:
        connection.execute(text("INSERT INTO activity (owner, note) VALUES (1, 'x')"))
    fault.tick(16)
    assert indexed(), "it ended by itself"
    with world.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM activity")).scalar_one() == 0

    fault = of(MissingIndex, "missing_index:rows=10", world)
    fault.tick(0)
    assert not indexed()
    create_schema(world.engine)
    assert indexed(), "a start of Mingus heals what a killed one left"
    fault.stop()
    world.engine.dispose()


def test_redis_is_kept_busy_by_one_worker_alone(tmp_path: Path) -> None:
    with redis_server(tmp_path, args=["--slowlog-log-slower-than", "10000"]) as server:
        world = a_world(tmp_path, redis_url=server.url)
        faults = [
            of(RedisBusy, "redis_busy:ms=50,every=0.05,delay=5", World(world.engine, server.url, tmp_path, s, 2))
            for s in (0, 1)
        ]
        import redis

        client = redis.Redis.from_url(server.url)
        assert client.slowlog_len() == 0
        for fault in faults:
            fault.tick(6)
        wait_until(lambda: client.slowlog_len() >= 3, "slow commands")
        slow = client.slowlog_get(1)[0]
        assert b"EVAL" in slow["command"] and slow["duration"] >= 20_000
        assert len(client.client_list()) == 2, "the fault's one and ours"
        for fault in faults:
            fault.stop()
        wait_until(lambda: len(client.client_list()) == 1, "the end of the fault")
        client.close()


def test_redis_is_filled_past_a_limit_and_restored(tmp_path: Path) -> None:
    import redis

    with redis_server(tmp_path) as server:
        client = redis.Redis.from_url(server.url)
        client.config_set("maxmemory", 100_000_000)
        client.set("dashboard:1", "{}")
        world = World(a_world(tmp_path).engine, server.url, tmp_path, 0, 1)
        fault = of(RedisEvictions, "redis_evictions:mb_per_s=4,cap_mb=4", world)
        fault.tick(3)
        assert client.info("stats")["evicted_keys"] > 0
        assert client.info("memory")["used_memory"] < 5e6
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lru"
        # The worker dies; the one that follows heals.
        follower = of(RedisEvictions, "redis_evictions:mb_per_s=4,cap_mb=4", world, joined=3.0)
        follower.tick(3.1)
        follower.stop()
        assert client.config_get("maxmemory")["maxmemory"] == "100000000"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert list(client.scan_iter("fault:*")) == []
        client.close()


def test_burning_takes_cpu_time_of_the_thread() -> None:
    from time import thread_time

    began = thread_time()
    burn(0.03)
    assert 0.03 <= thread_time() - began < 0.3
