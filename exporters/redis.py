"""Reads a Redis over one kept connection: INFO, commandstats, slow log, ping latency."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exporters.latency_histogram import HistogramSnapshot, LatencyHistogram
from exporters.poller import Unreadable
from exporters.redaction import redact, secrets_of

# A plan's URL could set these and win over ours (redis-py: "querystring arguments always win").
_OURS = frozenset({"socket_timeout", "socket_connect_timeout", "retry_on_timeout", "protocol", "decode_responses"})


@dataclass(frozen=True)
class CommandUse:
    calls: int
    seconds: float


@dataclass(frozen=True)
class RedisReading:
    """One look at a Redis. Sizes in bytes. None: this server does not say, or may not be asked.

    Attributes:
        info: INFO's fields that are exported, by their names there.
        commands: command, lower case -> calls and seconds since the server began.
        slowlog_last_id: None also while the slow log never had an entry (ids begin at 0).
        started: Unix time when the server began, from its uptime: exact to a second.
    """

    info: Mapping[str, float]
    commands: Mapping[str, CommandUse]
    slowlog_length: int | None
    slowlog_last_id: int | None
    ping: HistogramSnapshot
    started: float | None = None
    problems: tuple[str, ...] = ()


INFO_FIELDS = (
    "connected_clients",
    "blocked_clients",
    "used_memory",
    "maxmemory",
    "evicted_keys",
    "keyspace_hits",
    "keyspace_misses",
    "uptime_in_seconds",
)


def client_of(url: str, timeout: float) -> redis.Redis:
    """A client of one connection that neither retries nor outwaits ``timeout`` seconds. Raises ValueError, redacted."""
    secrets = secrets_of(url)
    try:
        client: redis.Redis = redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            max_connections=1,
        )
    except (ValueError, TypeError, redis.RedisError) as error:
        raise ValueError(redact(error, secrets)) from None
    taken = _OURS & {
        key for key, value in client.connection_pool.connection_kwargs.items() if _differs(key, value, timeout)
    }
    if taken:
        raise ValueError(f"the sidecar sets {', '.join(sorted(taken))} itself; leave it out of the URL")
    return client


def _differs(key: str, value: object, timeout: float) -> bool:
    ours: dict[str, object] = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "protocol": 2}
    return value != ours.get(key, False)


@dataclass
class RedisServer:
    """The source behind one Redis' metrics; see poller.Source. Does not connect when made; raises ValueError."""

    url: str = field(repr=False)
    timeout: float
    pace: float = 1.0  # seconds between two pings
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._client = client_of(self.url, self.timeout)
        self._secrets = secrets_of(self.url)
        self._ping = LatencyHistogram()
        self._connected = False
        self._answered = False  # ever

    def ping(self) -> None:
        try:
            if not self._connected:
                # The first command pays for the connection, which is not the latency of a ping.
                self._client.ping()
                self._connected = self._answered = True
            began = self.clock()
            self._client.ping()
            self._ping.observe_paced(self.clock() - began, self.pace)
        except (redis.RedisError, OSError) as error:
            raise self._broken(error) from None

    def read(self) -> RedisReading:
        self.ping()
        problems: list[str] = []
        try:
            # Before it is asked: a server that is blocked meanwhile must not look as if it had begun later.
            asked = self.wall()
            info = self._client.info()
            commands = self._part(problems, "commandstats", lambda: self._client.info("commandstats"))
            length = self._part(problems, "slow log", self._client.slowlog_len)
            entries = self._part(problems, "slow log", lambda: self._client.slowlog_get(1)) if length else None
        except (redis.RedisError, OSError) as error:
            raise self._broken(error) from None
        fields = {name: float(info[name]) for name in INFO_FIELDS if isinstance(info.get(name), int | float)}
        missing = [name for name in INFO_FIELDS if name not in fields]
        if missing:
            problems.append(f"INFO lacks {', '.join(missing)}")
        uptime = fields.get("uptime_in_seconds")
        return RedisReading(
            info=fields,
            commands=_commands(commands or {}),
            slowlog_length=length,
            slowlog_last_id=int(entries[0]["id"]) if entries else None,
            ping=self._ping.snapshot(),
            started=None if uptime is None else math.floor(asked) - uptime,
            problems=tuple(dict.fromkeys(problems)),
        )

    def close(self) -> None:
        self._client.close()

    def _part(self, problems: list[str], what: str, ask: Callable[[], Any]) -> Any:
        """Of a command that this user may not use only its own part is lost."""
        try:
            return ask()
        except redis.ResponseError as error:
            problems.append(f"{what}: {redact(error, self._secrets)}")
            return None

    def _broken(self, error: BaseException) -> Unreadable:
        if isinstance(error, redis.TimeoutError) and self._answered:
            # A ping took, or would have taken, at least that long; left out it would flatter the quantiles. That of a
            # new connection too: a server that hangs for minutes is asked on new ones.
            self._ping.observe_paced(self.timeout, self.pace)
        self._connected = False
        self._client.connection_pool.disconnect()
        return Unreadable(f"{type(error).__name__}: {redact(error, self._secrets)}")


def _commands(stats: Mapping[str, Any]) -> dict[str, CommandUse]:
    """INFO commandstats: ``cmdstat_get:calls=21,usec=175,...``; sub-commands keep their bar (``config|get``)."""
    commands = {}
    for key, value in stats.items():
        if key.startswith("cmdstat_") and isinstance(value, Mapping):
            commands[key.removeprefix("cmdstat_")] = CommandUse(int(value["calls"]), float(value["usec"]) / 1e6)
    return commands
