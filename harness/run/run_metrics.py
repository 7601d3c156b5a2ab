"""What the harness process itself exports: which run this is, its phase, its objectives, its workers, its own health.

The objectives are series (DESIGN: principle 3): alert rules and dashboards read the limit where they read the values.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import start_wsgi_server
from prometheus_client.registry import Collector

from exporters.metric_names import (
    PART_PROMETHEUS,
    PART_RESTARTS,
    PART_SIDECAR,
    PHASES,
    RUN_INFO,
    RUN_LOAD_END,
    RUN_LOAD_START,
    RUN_PHASE,
    WATCH_LAG,
    WORKER_RESTARTS,
    WORKERS_EXPECTED,
)
from harness.errors import HarnessError
from harness.plan.model import Plan
from harness.prom.objectives import objective_series
from harness.run.phases import Phase, Schedule
from harness.run.ports import LOOPBACK

_LAG_SECONDS = 60.0
_MOST_LOOKS = 1000


@dataclass(frozen=True)
class _State:
    phase: Phase = "warmup"
    restarts: int = 0
    parts: Mapping[str, int] = field(default_factory=lambda: {PART_SIDECAR: 0, PART_PROMETHEUS: 0})


class RunMetrics(Collector):
    """The run's series. ``set`` is called by the session, ``collect`` by scrapes in other threads."""

    def __init__(self, plan: Plan, run_id: str, edges: Sequence[float]) -> None:
        self._plan = plan
        self._run_id = run_id
        self._objectives = tuple(objective_series(plan, edges))
        self._state = _State()
        self._schedule: Schedule | None = None
        self._looks: deque[tuple[float, float]] = deque()
        self._lock = threading.Lock()

    def set(self, *, phase: Phase, restarts: int, parts: Mapping[str, int] | None = None) -> None:
        """What changes during a run; the restarts of workers and of other ``parts`` never go back."""
        with self._lock:
            before = self._state
            counted = {part: max(n, before.parts.get(part, 0)) for part, n in (parts or {}).items()}
            self._state = _State(phase, max(restarts, before.restarts), {**before.parts, **counted})

    def looked(self, now: float, since_last: float) -> None:
        """A look at the run was done, ``since_last`` seconds after the one before; ``now``: monotonic seconds."""
        with self._lock:
            while self._looks and (self._looks[0][0] < now - _LAG_SECONDS or len(self._looks) >= _MOST_LOOKS):
                self._looks.popleft()
            self._looks.append((now, since_last))

    def load_began(self, schedule: Schedule) -> None:
        """When the load began and when it ends by plan: dashboards show the time that is left."""
        with self._lock:
            self._schedule = schedule

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            state, schedule = self._state, self._schedule
            lag = max((since for _, since in self._looks), default=None)
        info = GaugeMetricFamily(RUN_INFO, "The run that is on.", labels=["run_id", "plan", "target"])
        info.add_metric([self._run_id, self._plan.name, public_url(self._plan.target.url)], 1)
        yield info
        phases = GaugeMetricFamily(RUN_PHASE, "1 for the phase that is on.", labels=["phase"])
        for phase in PHASES:
            phases.add_metric([phase], float(phase == state.phase))
        yield phases
        if schedule is not None:
            yield GaugeMetricFamily(RUN_LOAD_START, "Unix time when the load began.", value=schedule.load_from)
            yield GaugeMetricFamily(RUN_LOAD_END, "Unix time when the load ends by plan.", value=schedule.load_to)
        yield GaugeMetricFamily(
            WORKERS_EXPECTED, "Locust workers that the plan asks for.", value=self._plan.load.workers
        )
        restarts = CounterMetricFamily(WORKER_RESTARTS.removesuffix("_total"), "Locust workers started again.")
        restarts.add_metric([], state.restarts)
        yield restarts
        parts = CounterMetricFamily(
            PART_RESTARTS.removesuffix("_total"), "Parts of the run started again.", labels=["part"]
        )
        for part, count in state.parts.items():
            parts.add_metric([part], count)
        yield parts
        if lag is not None:
            yield GaugeMetricFamily(WATCH_LAG, "Longest time between two looks at the run, last minute.", value=lag)
        yield from self._objective_families()

    def _objective_families(self) -> Iterator[Metric]:
        by_name: dict[str, Metric] = {}
        for name, labels, value in self._objectives:
            family = by_name.setdefault(name, Metric(name, "A limit of the plan.", "gauge"))
            family.add_sample(name, dict(labels), value)
        yield from by_name.values()


@contextmanager
def serve_run_metrics(metrics: RunMetrics, host: str = LOOPBACK, port: int = 0) -> Iterator[str]:
    """Serves them, with this process's own process_* series; yields "host:port".

    Raises:
        HarnessError: the address cannot be listened on.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    ProcessCollector(registry=registry)
    try:
        server, thread = start_wsgi_server(port, addr=host, registry=registry)
    except OSError as error:
        raise HarnessError(f"the run's own metrics cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def public_url(url: str) -> str:
    """A URL without user, password, query and fragment, for a label. Pure."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path.rstrip("/"), "", ""))
