"""Reads one container through the Docker API: what it uses, its limit, its state, and counts from the event stream."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests
from docker import APIClient
from docker.errors import DockerException, NotFound
from docker.utils import version_lt

from exporters.container_events import OOM, START, ContainerEvents
from exporters.container_stats import ContainerState, ContainerUse, state_of, use_of
from exporters.docker_engine import Engine
from exporters.poller import Unreadable
from exporters.redaction import redact

# From this API version on one sample is answered at once; before, the engine takes two, a second apart.
ONE_SHOT_VERSION = "1.41"


@dataclass(frozen=True)
class ContainerReading:
    """One look at a container. ``use``: None while it does not run. ``seen``: unix seconds.

    Attributes:
        oom_events, starts: since the sidecar began; None while the event stream is not open.
    """

    state: ContainerState
    use: ContainerUse | None
    oom_events: int | None
    starts: int | None
    seen: float
    problems: tuple[str, ...] = ()


class Container:
    """The source behind one container's metrics; see poller.Source."""

    def __init__(
        self, name: str, engine: Engine, events: ContainerEvents, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._name = name
        self._engine = engine
        self._events = events
        self._wall_clock = wall_clock
        self._client: APIClient | None = None

    def read(self) -> ContainerReading:
        try:
            client = self._client = self._client or self._engine.connect()
            state = state_of(client.inspect_container(self._name))
            use = use_of(self._stats(client, state.identity)) if state.running else None
        except NotFound:
            raise Unreadable(f"the engine knows no container {self._name!r}") from None
        except (DockerException, requests.RequestException, OSError, KeyError, ValueError) as error:
            self.close()
            raise Unreadable(f"{type(error).__name__}: {redact(error)}") from None
        problems = []
        if use is None:
            problems.append(f"not running: {state.status}, exit code {state.exit_code}")
        elif use.missing:
            problems.append(f"the engine reports no {', '.join(use.missing)}")
        if not self._events.connected:
            problems.append(f"event stream: {self._events.problem}")
        return ContainerReading(
            state=state,
            use=use,
            oom_events=self._events.count(self._name, OOM),
            starts=self._events.count(self._name, START),
            seen=self._wall_clock(),
            problems=tuple(problems),
        )

    def ping(self) -> None:
        """Nothing to probe."""

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _stats(self, client: APIClient, identity: str) -> dict[str, object]:
        one_shot = None if version_lt(client.api_version, ONE_SHOT_VERSION) else True
        stats: dict[str, object] = client.stats(identity, stream=False, one_shot=one_shot)
        return stats
