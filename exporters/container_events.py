"""Counts out-of-memory kills and starts of containers from Docker's event stream.

``State.OOMKilled`` misses the kill of a worker process inside a container; the event does not. A broken stream is
resumed from the newest event seen (``since``), and events seen before are left out: none is lost or counted twice.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException

from exporters.docker_engine import Engine
from exporters.redaction import redact

OOM, START = "oom", "start"
RETRY_SECONDS = 1.0
# A quiet stream is taken up anew after this long: over TCP a dead engine looks like a quiet one.
QUIET_SECONDS = 30.0
# The engine replays at most 256 events (its own buffer).
REMEMBERED = 1024

log = logging.getLogger(__name__)


class EventCounts:
    """Events by container name, each counted once. Pure but for its lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seen: deque[tuple[int, str, str]] = deque(maxlen=REMEMBERED)
        self.newest: int | None = None  # unix nanoseconds by the engine's clock

    def add(self, event: Mapping[str, Any]) -> None:
        """One event of the stream; other actions, and events seen before, change nothing."""
        action, actor = event.get("Action"), event.get("Actor") or {}
        name = (actor.get("Attributes") or {}).get("name")
        moment = event.get("timeNano")
        if action not in (OOM, START) or not isinstance(name, str) or not isinstance(moment, int):
            return
        key = (moment, str(actor.get("ID")), action)
        with self._lock:
            if key in self._seen:
                return
            self._seen.append(key)
            self._counts[name, action] += 1
            self.newest = max(moment, self.newest or 0)

    def count(self, name: str, action: str) -> int:
        with self._lock:
            return self._counts[name, action]


class ContainerEvents:
    """Follows the stream for the named containers in a thread of its own.

    Attributes:
        connected: the stream is open now; while it is not, counts may be behind.
        problem: why it is not.
    """

    def __init__(self, engine: Engine, names: Iterable[str]) -> None:
        self._engine = engine
        self._names = sorted(names)
        self._counts = EventCounts()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docker-events", daemon=True)
        self._response: requests.Response | None = None
        self._connected = threading.Event()
        self.problem = "not connected yet"

    def start(self) -> None:
        self._thread.start()

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def wait_connected(self, timeout: float) -> bool:
        return self._connected.wait(timeout)

    def count(self, name: str, action: str) -> int | None:
        """Events since the stream was first opened; None while it is not open: the count may be behind."""
        return self._counts.count(name, action) if self.connected else None

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        since: str | None = None
        client: APIClient | None = None
        while not self._stop.is_set():
            try:
                client = client or self._engine.connect()
                since = self._follow(client, since)
                continue  # only quiet: take it up again at once
            except (DockerException, requests.RequestException, OSError, ValueError) as error:
                self._lost(f"{type(error).__name__}: {redact(error)}")
            if client is not None:
                client.close()
                client = None
            self._stop.wait(RETRY_SECONDS)

    def _follow(self, client: APIClient, since: str | None) -> str | None:
        """Reads until the stream is quiet for QUIET_SECONDS; returns where to resume. Raises when it breaks."""
        filters = {"type": ["container"], "event": [OOM, START], "container": self._names}
        parameters = {"filters": json.dumps(filters)}
        if since is not None:
            parameters["since"] = since
        # Not APIClient.events: that one sets no time-out, and does not show the Date by which to resume.
        with client.get(
            f"{client.base_url}/v{client.api_version}/events",
            params=parameters,
            stream=True,
            timeout=(self._engine.timeout, QUIET_SECONDS),
        ) as response:
            response.raise_for_status()
            since = since or _engine_time(response)
            self._connected.set()
            if self.problem:
                log.info("docker events: connected")
            self.problem = ""
            began = time.monotonic()
            try:
                for line in response.iter_lines():
                    if line:
                        self._counts.add(json.loads(line))
                    if self._stop.is_set():
                        break
            except requests.ConnectionError as error:
                # requests wraps a read time-out in the middle of a body as ConnectionError.
                if "timed out" not in str(error).lower() and time.monotonic() - began < QUIET_SECONDS:
                    raise
            else:
                if not self._stop.is_set():
                    raise requests.ConnectionError("the engine closed the event stream")
        return self._resume(since)

    def _resume(self, since: str | None) -> str | None:
        newest = self._counts.newest
        return since if newest is None else f"{newest // 10**9}.{newest % 10**9:09d}"

    def _lost(self, problem: str) -> None:
        self._connected.clear()
        if problem != self.problem:
            log.warning("docker events: %s", problem)
        self.problem = problem


def _engine_time(response: requests.Response) -> str:
    """Unix seconds by the engine's own clock: from where the first stream is resumed before any event was seen."""
    return str(int(parsedate_to_datetime(response.headers["Date"]).timestamp()))
