"""Faults of Redis: a server kept busy, and one that is filled past its memory limit. One worker does it for all."""

from __future__ import annotations

import json
import logging
import os
import threading
import time

import redis

from target.fault_amounts import units_due
from target.fault_effects.base import ActiveFault, World
from target.faults import FaultSpec

_log = logging.getLogger("mingus.faults")
FILL_UNIT_BYTES = 64 * 1024
FILL_PREFIX = "fault:fill:"
LIMITS = ("maxmemory", "maxmemory-policy")
CLIENT_SECONDS = 10.0  # longer than the longest command
# Redis runs one command at a time: while this one counts, every other waits. A script cannot tell the time (its clock
# stands still), so what counts is how far it counts.
BUSY = "local n = tonumber(ARGV[1]) for i = 1, n do end return n"
FIRST_COUNT = 200_000  # a few milliseconds: from it the server's pace is learnt


def _client(world: World) -> redis.Redis:
    client: redis.Redis = redis.Redis.from_url(
        world.redis_url, socket_timeout=CLIENT_SECONDS, socket_connect_timeout=CLIENT_SECONDS
    )
    return client


class RedisBusy(ActiveFault):
    """One expensive command after the other, in a thread of its own: the tick of the other faults must not wait."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._ended = threading.Event()
        self._elapsed = joined
        if world.leads:
            threading.Thread(target=self._run, name="redis-busy", daemon=True).start()

    def tick(self, elapsed: float) -> None:
        self._elapsed = elapsed

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        client = _client(self.world)
        count, pace = FIRST_COUNT, 0.0
        while not self._ended.wait(self.spec["every"]):
            if not self.on(self._elapsed):
                continue
            began = time.monotonic()
            try:
                client.eval(BUSY, 0, str(count))
            except redis.RedisError as error:
                _log.warning("redis_busy: %s", error)
                continue
            # The fastest pace seen: a machine that was busy with something else must not make commands too short.
            pace = max(pace, count / (time.monotonic() - began))
            count = int(pace * self.spec["ms"] / 1000)
        client.close()


class RedisEvictions(ActiveFault):
    """Fills Redis with keys at a rate, past a memory limit: it drives out the application's own keys.

    The limit that was there before is kept in a file, so that also a worker that joins later can restore it.
    """

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._before = world.directory / "redis-limits.json"
        self._written = units_due(joined, spec["delay"], self._per_second)
        self._limited = False
        self._client = _client(world) if world.leads else None

    @property
    def _per_second(self) -> float:
        return self.spec["mb_per_s"] * 1e6 / FILL_UNIT_BYTES

    def tick(self, elapsed: float) -> None:
        if self._client is None or not self.on(elapsed):
            return
        try:
            self._limit(self._client)
            due = units_due(elapsed, self.spec["delay"], self._per_second)
            while self._written < due:
                self._client.set(f"{FILL_PREFIX}{self._written}", os.urandom(FILL_UNIT_BYTES))
                self._written += 1
        except redis.RedisError as error:
            _log.warning("redis_evictions: %s", error)

    def stop(self) -> None:
        if self._client is None:
            return
        try:
            for key in self._client.scan_iter(FILL_PREFIX + "*", count=1000):
                self._client.unlink(key)
            if self._before.exists():
                for name, value in json.loads(self._before.read_text()).items():
                    self._client.config_set(name, value)
                self._before.unlink()
        except redis.RedisError as error:
            _log.warning("redis_evictions: Redis keeps the limit of the fault: %s", error)
        self._client.close()

    def _limit(self, client: redis.Redis) -> None:
        if self._limited:
            return
        if not self._before.exists():
            self._before.write_text(json.dumps({name: client.config_get(name)[name] for name in LIMITS}))
        client.config_set("maxmemory", int(self.spec["cap_mb"] * 1e6))
        client.config_set("maxmemory-policy", "allkeys-lru")
        self._limited = True
