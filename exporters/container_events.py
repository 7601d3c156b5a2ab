"""Counts out-of-memory kills and starts of containers from Docker's event stream.

``State.OOMKilled`` misses the kill of a worker process inside a container; the event does not. A broken stream is
resumed from the newest event seen (``since``), and events seen before are left out: none is lost or counted twice.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException
from urllib3.exceptions import ReadTimeoutError

from exporters.docker_engine import Engine
from exporters.redaction import redact

OOM, START = "oom", "start"
RETRY_SECONDS = 1.0
# A quiet stream is taken up anew after this long: over TCP a dead engine looks like a quiet one.
QUIET_SECONDS = 15.0
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

    @property
    def resume_from(self) -> str | None:
        """The newest event's time, as the engine takes it; that event itself will be sent again."""
        return None if self.newest is None else f"{self.newest // 10**9}.{self.newest % 10**9:09d}"

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
        self._since: str | None = None  # when the first stream was opened
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
        client: APIClient | None = None
        while not self._stop.is_set():
            try:
                client = client or self._engine.connect()
                self._follow(client)
                continue  # only quiet: take it up again at once
            except (DockerException, requests.RequestException, OSError, ValueError) as error:
                self._lost(f"{type(error).__name__}: {redact(error)}")
            except Exception as error:  # noqa: BLE001 - the thread's edge: were it to end, old counts would pass for new
                self._lost(f"internal error {type(error).__name__}")
            if client is not None:
                client.close()
                client = None
            self._stop.wait(RETRY_SECONDS)

    def _follow(self, client: APIClient) -> None:
        """Reads until the stream has been quiet for QUIET_SECONDS. Raises when it breaks."""
        filters = {"type": ["container"], "event": [OOM, START], "container": self._names}
        parameters = {"filters": json.dumps(filters)}
        if self._since is not None:
            parameters["since"] = self._counts.resume_from or self._since
        # Not APIClient.events: that one sets no time-out, and does not show the Date by which to resume.
        with client.get(
            f"{client.base_url}/v{client.api_version}/events",
            params=parameters,
            stream=True,
            timeout=(self._engine.timeout, QUIET_SECONDS),
        ) as response:
            response.raise_for_status()
            self._since = self._since or _engine_time(response)
            self._connected.set()
            if self.problem:
                log.info("docker events: connected")
            self.problem = ""
            try:
                for line in response.iter_lines():
                    if line:
                        self._counts.add(json.loads(line))
                    if self._stop.is_set():
                        break
            except requests.ConnectionError as error:
                # So requests wraps a read time-out in the middle of a body.
                if not (error.args and isinstance(error.args[0], ReadTimeoutError)):
                    raise
            else:
                if not self._stop.is_set():
                    raise requests.ConnectionError("the engine closed the event stream")

    def _lost(self, problem: str) -> None:
        self._connected.clear()
        if problem != self.problem:
            log.warning("docker events: %s", problem)
        self.problem = problem


def _engine_time(response: requests.Response) -> str:
    """Unix seconds by the engine's own clock: from where the first stream is resumed before any event was seen."""
    date = response.headers.get("Date")
    if date is None:
        raise ValueError("the answer to /events has no Date")
    return str(int(parsedate_to_datetime(date).timestamp()))
