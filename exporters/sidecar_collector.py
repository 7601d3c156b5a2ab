"""All collectors of one sidecar: builds them from the configuration, and is what /metrics asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic

from prometheus_client import Metric
from prometheus_client.registry import Collector

from exporters import (
    container_metrics,
    database_metrics,
    pgbouncer_metrics,
    process_metrics,
    redis_metrics,
)
from exporters import metric_names as names
from exporters.container import Container
from exporters.container_events import ContainerEvents
from exporters.database import Database
from exporters.docker_engine import Engine
from exporters.families import Families
from exporters.pgbouncer import SCHEME as PGBOUNCER
from exporters.pgbouncer import PgBouncer
from exporters.poller import PING_SECONDS, Poller, R, Source, io_timeout
from exporters.process import ProcessGroup
from exporters.process_members import Members, own_processes
from exporters.redis import RedisServer
from exporters.sidecar_config import SidecarConfig


@dataclass(frozen=True)
class Watch(Generic[R]):
    """One collector: where it reads, and how the reading becomes metrics."""

    poller: Poller[R]
    expose: Callable[[Families, R | None], None]

    def collect(self, families: Families) -> None:
        snapshot = self.poller.snapshot()
        self.expose(families, snapshot.reading)
        labels = {"collector": self.poller.name}
        families.gauge(names.COLLECTOR_UP, "1 when everything asked for was read.", labels, float(snapshot.up))
        families.gauge(names.COLLECTOR_DURATION, "Seconds of the last reading.", labels, snapshot.duration)


class SidecarCollector(Collector):
    """Serves what the pollers know; never waits for one of them."""

    def __init__(self, config: SidecarConfig) -> None:
        """Starts nothing. Raises ValueError for a URL that cannot be one."""
        self._events: ContainerEvents | None = None
        # Each watch has a reading type of its own; the list only collects, starts and stops them.
        self._watches: list[Watch[Any]] = [*_processes(config), *_databases(config), *_redis(config)]
        if config.containers:
            engine = Engine(config.docker_url, io_timeout(config.interval))
            self._events = ContainerEvents(engine, config.containers)
            self._watches += _containers(config, engine, self._events)

    def start(self, *, patience: float) -> None:
        """Starts all threads; waits up to ``patience`` seconds in all for the first readings."""
        until = time.monotonic() + patience
        if self._events is not None:
            self._events.start()
            # Else the first reading of each container would say that the stream is not open yet.
            self._events.wait_connected(min(patience, 1.0))
        for watch in self._watches:
            watch.poller.start()
        for watch in self._watches:
            watch.poller.wait_first(max(0.0, until - time.monotonic()))

    def stop(self, *, patience: float) -> None:
        """Asks all threads to end and waits up to ``patience`` seconds in all; one that hangs is left (daemon)."""
        until = time.monotonic() + patience
        if self._events is not None:
            self._events.stop()
        for watch in self._watches:
            watch.poller.stop()
        for watch in self._watches:
            watch.poller.join(max(0.0, until - time.monotonic()))

    def collect(self) -> Iterable[Metric]:
        families = Families()
        for watch in self._watches:
            watch.collect(families)
        return families


def _watch(
    name: str,
    source: Source[R],
    expose: Callable[[Families, R | None], None],
    config: SidecarConfig,
    *,
    ping: bool = False,
) -> Watch[R]:
    return Watch(Poller(name, source, interval=config.interval, ping=ping), expose)


def _processes(config: SidecarConfig) -> Iterator[Watch[Any]]:
    excluded = own_processes() if config.processes else frozenset()
    for entry in config.processes:
        group = ProcessGroup(Members(entry.selector, excluded=excluded), interval=config.interval)
        yield _watch(f"process:{entry.name}", group, _as(process_metrics.expose, entry.name), config)


def _databases(config: SidecarConfig) -> Iterator[Watch[Any]]:
    timeout = io_timeout(config.interval)
    for entry in config.databases:
        name = f"database:{entry.name}"
        if entry.scheme == PGBOUNCER:
            bouncer = PgBouncer(entry.url, timeout=timeout)
            yield _watch(name, bouncer, _as(pgbouncer_metrics.expose, entry.name), config)
        else:
            database = Database(entry.url, timeout=timeout)
            yield _watch(name, database, _as(database_metrics.expose, entry.name), config, ping=True)


def _redis(config: SidecarConfig) -> Iterator[Watch[Any]]:
    for entry in config.redis:
        server = RedisServer(entry.url, io_timeout(config.interval), min(PING_SECONDS, config.interval))
        yield _watch(f"redis:{entry.name}", server, _as(redis_metrics.expose, entry.name), config, ping=True)


def _containers(config: SidecarConfig, engine: Engine, events: ContainerEvents) -> Iterator[Watch[Any]]:
    for name in config.containers:
        container = Container(name, engine, events)
        yield _watch(f"container:{name}", container, _as(container_metrics.expose, name), config)


def _as(expose: Callable[[Families, str, R | None], None], name: str) -> Callable[[Families, R | None], None]:
    """``expose`` for the object of that name."""

    def named(families: Families, reading: R | None) -> None:
        expose(families, name, reading)

    return named
