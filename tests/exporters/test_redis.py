"""The Redis collector against a real server."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from exporters import metric_names as names
from exporters import redis_metrics
from exporters.families import Families
from exporters.poller import Unreadable
from exporters.redis import RedisReading, RedisServer, client_of
from tests import servers
from tests.servers import redis_server


@pytest.fixture
def client(redis_cache: servers.RedisServer) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_cache.url)
    client.flushall()
    client.config_resetstat()
    client.slowlog_reset()
    yield client
    client.close()


@pytest.fixture
def source(redis_cache: servers.RedisServer) -> Iterator[RedisServer]:
    source = RedisServer(redis_cache.url, 5)
    yield source
    source.close()


def exposed(reading: RedisReading | None) -> dict[tuple[str, ...], float]:
    families = Families()
    redis_metrics.expose(families, "cache", reading)
    found: dict[tuple[str, ...], float] = {}
    for family in families:
        for sample in family.samples:
            assert sample.labels.pop("redis") == "cache"
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_unread_is_down_and_nothing_else() -> None:
    assert exposed(None) == {("redis_up",): 0}


def test_info_is_what_redis_says(client: redis.Redis, source: RedisServer) -> None:
    client.set("a", "1")
    client.get("a")
    client.get("missing")
    client.get("missing")
    reading = source.read()
    found = exposed(reading)
    assert reading.problems == ()
    assert found[names.REDIS_UP,] == 1
    assert found[names.REDIS_CLIENTS,] == 2
    assert found[names.REDIS_BLOCKED_CLIENTS,] == 0
    assert found[names.REDIS_MEMORY_MAX,] == 64 * 2**20
    assert found[names.REDIS_MEMORY,] == pytest.approx(client.info("memory")["used_memory"], rel=0.1)
    assert found[names.REDIS_HITS,] == 1
    assert found[names.REDIS_MISSES,] == 2
    assert found[names.REDIS_EVICTED,] == 0
    assert found[names.REDIS_COMMANDS, "get"] == 3
    usec = client.info("commandstats")["cmdstat_get"]["usec"]
    assert found[names.REDIS_COMMANDS_DURATION, "get"] == pytest.approx(usec / 1e6)
    assert found["redis_ping_duration_seconds_count",] == 1


def test_the_start_is_now_less_the_uptime(client: redis.Redis, redis_cache: servers.RedisServer) -> None:
    source = RedisServer(redis_cache.url, 5, wall=lambda: 1_700_000_000.9)
    found = exposed(source.read())
    source.close()
    assert 0 <= found[names.REDIS_UPTIME,] <= client.info("server")["uptime_in_seconds"]
    assert found[names.REDIS_START,] == 1_700_000_000 - found[names.REDIS_UPTIME,]


def test_the_start_moves_by_a_second_and_by_more_only_when_another_server_answers(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        source = RedisServer(server.url, 5)
        began = exposed(source.read())[names.REDIS_START,]
        time.sleep(2.2)
        assert abs(exposed(source.read())[names.REDIS_START,] - began) <= 1
    with pytest.raises(Unreadable):
        source.read()
    source.close()
    with redis_server(tmp_path) as again:
        source = RedisServer(again.url, 5)
        assert exposed(source.read())[names.REDIS_START,] >= began + 1
        source.close()


def test_evictions_are_counted(client: redis.Redis, source: RedisServer) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with client.pipeline(transaction=False) as pipe:
            for number in range(90):
                pipe.set(f"key{number}", b"x" * 2**20)
            pipe.execute()
        assert exposed(source.read())[names.REDIS_EVICTED,] == client.info("stats")["evicted_keys"] > 20
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_slow_log_length_and_last_id(client: redis.Redis, source: RedisServer) -> None:
    client.set("slow", "x")
    expected = client.slowlog_get(1)[0]["id"]
    reading = source.read()
    assert reading.slowlog_last_id is not None and reading.slowlog_last_id >= expected
    assert reading.slowlog_length is not None and reading.slowlog_length >= 2


def test_an_empty_slow_log_has_no_last_id(tmp_path: Path) -> None:
    with redis_server(tmp_path, args=["--slowlog-log-slower-than", "-1"]) as server:
        source = RedisServer(server.url, 5)
        found = exposed(source.read())
        source.close()
    assert found[names.REDIS_SLOWLOG_LENGTH,] == 0
    assert (names.REDIS_SLOWLOG_LAST_ID,) not in found
    assert found[names.REDIS_MEMORY_MAX,] == 0


def test_pings_add_up_and_one_connection_is_kept(client: redis.Redis, source: RedisServer) -> None:
    source.read()
    before = client.info("stats")["total_connections_received"]
    for _ in range(10):
        source.ping()
    reading = source.read()
    assert reading.ping.buckets[-1][1] == 12
    assert client.info("stats")["total_connections_received"] == before
    assert 0 < reading.ping.total < 5


def test_a_user_without_rights_loses_only_those_parts(client: redis.Redis, redis_cache: servers.RedisServer) -> None:
    client.execute_command("ACL", "SETUSER", "meter", "on", ">hunter2", "+ping", "+info", "+client")
    source = RedisServer(redis_cache.url.replace("://", "://meter:hunter2@"), 5)
    reading = source.read()
    source.close()
    found = exposed(reading)
    assert found[names.REDIS_UP,] == 1
    assert (names.REDIS_SLOWLOG_LENGTH,) not in found
    assert found[names.REDIS_COMMANDS, "ping"] >= 1
    [problem] = reading.problems
    assert problem.startswith("slow log:")


def test_a_wrong_password_is_said_and_not_quoted(client: redis.Redis, redis_cache: servers.RedisServer) -> None:
    source = RedisServer(redis_cache.url.replace("://", "://default:hunter2@"), 5)
    client.config_set("requirepass", "right")
    try:
        with pytest.raises(Unreadable) as caught:
            source.read()
    finally:
        client.config_set("requirepass", "")
    assert "AuthenticationError" in str(caught.value)
    assert "hunter2" not in str(caught.value) + repr(source)


def test_a_frozen_server_ends_in_time_counts_its_ping_and_recovers(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        source = RedisServer(server.url, 1.0)
        source.read()
        server.process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Unreadable, match="TimeoutError"):
                source.ping()
            assert 0.8 < time.monotonic() - began < 6
            with pytest.raises(Unreadable, match="TimeoutError"):
                source.read()
        finally:
            server.process.send_signal(signal.SIGCONT)
        reading = source.read()
        source.close()
    # Before and after, the one that hung, and the one on a new connection, which hung as well.
    assert reading.ping.buckets[-1][1] == 4
    assert reading.ping.total >= 2.0


def test_a_server_that_hangs_for_a_minute_is_slow_in_every_second_of_it(tmp_path: Path) -> None:
    """Each attempt is one on a new connection and takes its whole time-out: else one slow ping in all would be left."""
    with redis_server(tmp_path) as server:
        source = RedisServer(server.url, 0.5, pace=0.1)
        source.read()
        server.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                with pytest.raises(Unreadable, match="TimeoutError"):
                    source.read()
        finally:
            server.process.send_signal(signal.SIGCONT)
        pings = source.read().ping
        source.close()
    slow = pings.buckets[-1][1] - dict(pings.buckets)[0.25]
    assert slow >= 3 * 3  # of 0.5, 0.4 and 0.3 s


def test_a_listener_that_never_answers_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = RedisServer(f"redis://:hunter2@127.0.0.1:{listener.getsockname()[1]}/0", 0.5)
        began = time.monotonic()
        with pytest.raises(Unreadable) as caught:
            source.read()
        assert time.monotonic() - began < 6
        assert "hunter2" not in str(caught.value)


def test_a_url_cannot_take_our_time_outs() -> None:
    with pytest.raises(ValueError, match="socket_timeout"):
        client_of("redis://h/0?socket_timeout=900", 1.0)
    with pytest.raises(ValueError) as caught:
        client_of("redis://:hunter2@h:port/0", 1.0)
    assert "hunter2" not in str(caught.value)
    client_of("redis://h/0", 1.0).close()
    client_of("unix:///tmp/redis.sock", 1.0).close()
