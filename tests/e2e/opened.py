"""A finished run's series as dashboards query them, every limit that a plan can name among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dashboards import expand
from harness.assets import rules_path
from harness.plan.loading import load_plan, load_plan_text
from harness.prom.private import RunData, open_run
from harness.prom.series import Series
from harness.run.record import RunDirectory

# The run keeps its own plan; its series are looked at with the limits of this one, so that each limit line has data.
EVERY_LIMIT = """
name: every-limit
target: {reference: mingus}
load: {stages: [{duration: 1h, users: 1}]}
objectives:
  latency_p50: 2s
  latency_p95: 5s
  latency_p99: 8s
  error_ratio: 1%
  throughput: ">= 1 rps"
  memory_growth: 5%
  fd_growth: 5%
  thread_growth: 5%
  connection_growth: 5%
  latency_growth: 5%
  cpu_growth: 5%
  disk_growth: 5%
  memory_limit: 4GiB
  cpu: 16 cores
  db_pool_use: 90%
  db_pool_waiting: 0
  redis_ping_p99: 1s
  restarts: 0
  endpoints: {ENDPOINT: {latency_p95: 5s}}
"""


@dataclass(frozen=True)
class Opened:
    """A run whose queries are asked over its steady state."""

    data: RunData
    start: float
    end: float

    def promql(self, template: str) -> str:
        return expand(template, stack=self.data.stack, start=self.start, end=self.end)

    def course(self, template: str) -> list[Series]:
        return self.data.api.query_range(self.promql(template), self.start, self.end, self.data.interval)

    def last(self, template: str) -> list[Series]:
        return self.data.api.query(self.promql(template), self.end)

    def value(self, template: str, **labels: str) -> float:
        """The one value at the end of steady state among the series with these labels."""
        found = [s for s in self.last(template) if labels.items() <= s.labels.items()]
        assert len(found) == 1, (template, [s.labels for s in found])
        return float(found[0].values[-1])

    def raw(self, selector: str, seconds: float) -> list[Series]:
        """The raw samples of the last seconds of steady state."""
        return self.data.api.raw(selector, self.end - seconds, self.end)

    def rate(self, selector: str, seconds: float = 60) -> float:
        """Counters' sum per second, from raw samples alone; no counter may have been reset."""
        rates = []
        for one in self.raw(selector, seconds):
            if len(one.values) > 1:
                assert (np.diff(one.values) >= 0).all(), "a reset: this sum would be wrong"
                rates.append((one.values[-1] - one.values[0]) / (one.times[-1] - one.times[0]))
        return float(sum(rates))


@contextmanager
def opened(path: Path, endpoint: str = "GET /dashboard") -> Iterator[Opened]:
    directory = RunDirectory(path)
    record = directory.read_record()
    assert record.steady_from is not None and record.steady_to is not None
    plan = load_plan(directory.plan_file, environ={}, judging=True)
    limits = load_plan_text(EVERY_LIMIT.replace("ENDPOINT", f'"{endpoint}"'), where="every-limit", environ={})
    with open_run(directory, plan.model_copy(update={"objectives": limits.objectives}), rules_path()) as data:
        # Evaluations stand on a grid: the last one within steady state.
        end = data.start + (record.steady_to - data.start) // data.interval * data.interval
        yield Opened(data, record.steady_from, end)
