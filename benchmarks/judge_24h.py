"""From the end of a 24 h run (5 s, 2,000 raw series) to its verdict: the archive opened, rules evaluated, judged.

The run is made up: a healthy load of ten endpoints, whose histograms' buckets are most of the series, as in real runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.stats import lognorm

from exporters import metric_names as m
from exporters.load_histogram import edges
from harness.assets import data_path
from harness.judge import judge_run, session
from harness.plan.model import Plan
from harness.plan.objectives import Objective
from harness.prom.block_writer import BlockWriter
from harness.prom.private import open_run
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory, RunRecord

HOURS = 24
INTERVAL = 5.0
SERIES = 2000
ENDPOINTS = tuple(("GET" if i % 3 else "POST", f"/api/page{i}") for i in range(10))
USERS = 100
END = 1_750_000_000.0
START = END - HOURS * 3600
WARMUP = 900.0
_BLOCK_SECONDS = 7200.0

Row = tuple[str, float, str, str, bool | None]


def plan(interval: float = INTERVAL) -> Plan:
    objectives = (
        Objective("latency_p95", 0.8, "<="),
        Objective("latency_p99", 2.0, "<="),
        Objective("error_ratio", 0.01, "<="),
        Objective("memory_growth", 0.05, "<="),
        Objective("fd_growth", 0.1, "<="),
        Objective("connection_growth", 0.1, "<="),
        Objective("db_pool_use", 0.9, "<="),
        Objective("redis_ping_p99", 0.05, "<="),
        Objective("restarts", 0.0, "<="),
        Objective("db_pool_waiting", 0.0, "<="),
        Objective("latency_p95", 1.0, "<=", *ENDPOINTS[0]),
    )
    return Plan.model_validate(
        {
            "name": "bench",
            "target": {
                "url": "http://localhost:5000",
                "metrics": ["http://localhost:5000/metrics"],
                "processes": [{"name": "web", "match": "gunicorn"}],
                "databases": [{"name": "main", "url": "postgresql://localhost/x"}],
                "redis": [{"name": "cache", "url": "redis://localhost"}],
            },
            "load": {
                "locustfile": "locustfile.py",
                "stages": [{"duration": HOURS * 3600, "users": USERS}],
                "warmup": WARMUP,
            },
            "scrape_interval": interval,
            "objectives": objectives,
        }
    )


class Day:
    """Series of one healthy day. Values are floats at ``times`` (unix seconds).

    Args:
        endpoints: method and name; the rates of all together stay the same.
        failing: how many of them fail at times; only those have histograms of failed requests.
        interval: seconds between scrapes.
    """

    def __init__(
        self,
        seed: int = 1,
        endpoints: Sequence[tuple[str, str]] = ENDPOINTS,
        failing: int = len(ENDPOINTS),
        interval: float = INTERVAL,
    ) -> None:
        self.endpoints = endpoints
        self.interval = interval
        self.failing = failing
        self.rng = np.random.default_rng(seed)
        self.times = START + 0.137 + interval * np.arange(int(HOURS * 3600 / interval))

    def one(self, metric: str, values: FloatArray | float, /, job: str = m.JOB_SIDECAR, **labels: str) -> Series:
        fixed = {"__name__": metric, m.STACK: "default", "job": job}
        fixed["instance"] = labels.pop("instance", f"127.0.0.1:{job}")
        return Series({**fixed, **labels}, self.times, np.broadcast_to(np.asarray(values, float), self.times.shape))

    def counter(self, per_second: float) -> FloatArray:
        total: FloatArray = np.cumsum(self.rng.poisson(per_second * self.interval, self.times.size)).astype(float)
        return total

    def around(self, mean: float, share: float = 0.02) -> FloatArray:
        noise: FloatArray = mean * (1 + share * self.rng.normal(size=self.times.size))
        return noise

    def histogram(self, metric: str, per_second: float, median: float, /, job: str, **labels: str) -> Iterator[Series]:
        """A histogram of log-normal durations: buckets, count and sum."""
        total = self.counter(per_second)
        for edge in edges(plan().latency_limits):
            within = np.floor(total * lognorm.cdf(edge, 0.4, scale=median))
            yield self.one(f"{metric}_bucket", within, job, le=repr(edge), **labels)
        yield self.one(f"{metric}_bucket", total, job, le="+Inf", **labels)
        yield self.one(f"{metric}_count", total, job, **labels)
        yield self.one(f"{metric}_sum", total * median, job, **labels)

    def load(self) -> Iterator[Series]:
        worker = {"instance": "locust-worker-1"}
        share = len(ENDPOINTS) / len(self.endpoints)
        for number, (method, name) in enumerate(self.endpoints):
            where = {"method": method, "name": name, **worker}
            for outcome, rate in (("ok", 10.0 * share), ("error", 0.01 * share))[: 2 if number < self.failing else 1]:
                median = 0.02 * (1 + number % len(ENDPOINTS))
                yield from self.histogram(m.REQUEST_DURATION, rate, median, m.JOB_LOAD, outcome=outcome, **where)
            for kind in m.ERROR_KINDS:
                some = kind == "status" and number < self.failing
                yield self.one(
                    m.REQUEST_ERRORS, self.counter(0.01 * share) if some else 0, m.JOB_LOAD, error=kind, **where
                )
            yield self.one(m.RESPONSE_BYTES, self.counter(5000 * share), m.JOB_LOAD, **where)
        yield self.one(m.USERS, USERS, m.JOB_LOAD, user_class="User", **worker)
        yield self.one(m.USERS_TARGET, USERS, m.JOB_LOAD, instance="locust-master")
        for state, count in (("ready", 0), ("spawning", 0), ("running", 1), ("missing", 0)):
            yield self.one(m.WORKERS, count, m.JOB_LOAD, instance="locust-master", state=state)
        for instance in ("locust-master", "locust-worker-1"):
            yield from self.histogram(m.LOOP_LAG, 20, 0.003, m.JOB_LOAD, instance=instance)
            yield self.one("process_cpu_seconds_total", self.counter(100) / 400, m.JOB_LOAD, instance=instance)
            yield self.one("process_resident_memory_bytes", self.around(8e7), m.JOB_LOAD, instance=instance)
            yield self.one("up", 1, m.JOB_LOAD, instance=instance)

    def target(self) -> Iterator[Series]:
        web = {"groupname": "web"}
        for kind in ("resident", "proportionalResident", "virtual", "swapped"):
            yield self.one(m.PROC_MEMORY, self.around(3e8).round(), memtype=kind, **web)
        for mode in ("user", "system"):
            yield self.one(m.PROC_CPU, self.counter(40) / 100, mode=mode, **web)
        for name, value in ((m.PROC_FDS, 120.0), (m.PROC_NUM, 5.0), (m.PROC_THREADS, 20.0)):
            yield self.one(name, value + self.rng.integers(0, 2, self.times.size), **web)
        for name, value in ((m.PROC_WORST_FD_RATIO, 0.01), (m.PROC_OLDEST_START, START), (m.PROC_STARTS, 0.0)):
            yield self.one(name, value, **web)
        pool = {"job": m.JOB_TARGET, "pool": "main"}
        for state, mean in (("in_use", 6.0), ("idle", 4.0)):
            yield self.one(m.POOL_CONNECTIONS, self.around(mean, 0.2).round(), state=state, **pool)
        for name, value in ((m.POOL_SIZE, 40.0), (m.POOL_WAITING, 0.0), (m.POOL_TIMEOUTS, 0.0)):
            yield self.one(name, value, **pool)
        yield from self.histogram(m.POOL_CHECKOUT, 50, 0.001, **pool)

    def stores(self) -> Iterator[Series]:
        database, redis = {"database": "main"}, {"redis": "cache"}
        yield self.one(m.PG_UP, 1, **database)
        for state in ("active", "idle", "idle in transaction"):
            yield self.one(m.PG_ACTIVITY, self.around(8, 0.2).round(), datname="mingus", state=state, **database)
            yield self.one(m.PG_MAX_TX_DURATION, 0.01, datname="mingus", state=state, **database)
        yield self.one(m.PG_WAITING, 0, wait_event_type="Lock", **database)
        yield self.one(m.PG_MAX_CONNECTIONS, 100, **database)
        yield self.one(m.PG_START, START - 3600, process_name="postmaster", **database)
        yield self.one(m.PG_DATABASE_SIZE, self.around(5e7, 0.001).round(), datname="mingus", **database)
        yield from self.histogram(m.DB_PING, 0.2, 0.002, m.JOB_SIDECAR, **database)
        yield from self.histogram(m.REDIS_PING, 0.2, 0.001, m.JOB_SIDECAR, **redis)
        for name, value in (
            (m.REDIS_UP, 1.0),
            (m.REDIS_CLIENTS, 12.0),
            (m.REDIS_MEMORY, 3e6),
            (m.REDIS_MEMORY_MAX, 0.0),
            (m.REDIS_START, START - 3600),
        ):
            yield self.one(name, value, **redis)
        for command in ("get", "set", "expire", "ping", "info"):
            yield self.one(m.REDIS_COMMANDS, self.counter(100), cmd=command, **redis)
            yield self.one(m.REDIS_COMMANDS_DURATION, self.counter(100) * 1e-5, cmd=command, **redis)
        for name in (m.REDIS_EVICTED, m.REDIS_HITS, m.REDIS_MISSES):
            yield self.one(name, 0 if name == m.REDIS_EVICTED else self.counter(90), **redis)
        for collector in ("process:web", "database:main", "redis:cache"):
            yield self.one(m.COLLECTOR_UP, 1, collector=collector)
            yield self.one(m.COLLECTOR_DURATION, 0.01, collector=collector)

    def run(self) -> Iterator[Series]:
        own = {"job": m.JOB_RUN}
        yield self.one(m.RUN_INFO, 1, run_id="bench", plan="bench", target="http://localhost:5000", **own)
        for phase in m.PHASES:
            yield self.one(m.RUN_PHASE, float(phase == "steady"), phase=phase, **own)
        yield self.one(m.WORKERS_EXPECTED, 1, **own)
        yield self.one(m.WORKER_RESTARTS, 0, **own)
        for job in (m.JOB_SIDECAR, m.JOB_TARGET, m.JOB_RUN, m.JOB_PROMETHEUS):
            yield self.one("up", 1, job)

    def all(self, series: int = SERIES) -> Iterator[Series]:
        """All of them, made up to ``series`` with what a service's own /metrics holds besides."""
        count = 0
        for part in (self.load(), self.target(), self.stores(), self.run()):
            for one in part:
                count += 1
                yield one
        if count > series:
            raise ValueError(f"the day has {count} series, more than {series}")
        for number in range(count, series):
            yield self.one("app_work_total", self.counter(7), m.JOB_TARGET, kind=str(number))


def write_record(directory: RunDirectory) -> None:
    """The day's ``run.json``."""
    steady_to = END - 10
    directory.write_record(
        RunRecord("bench", "bench", START, "http://localhost:5000", START + WARMUP, steady_to, END, "completed")
    )


def write_run(path: Path, day: Day | None = None, series: int = SERIES) -> RunDirectory:
    """A run directory of such a day."""
    directory = RunDirectory(path)
    write_record(directory)
    listed = (day or Day()).all(series)
    if series <= SERIES:
        with BlockWriter(HOURS * 3600) as writer:
            for one in listed:
                writer.add([one])
            writer.finish(directory.tsdb)
        return directory
    # A scratch server that held a large day would take 14 GB: a block for each two hours.
    every = list(listed)
    for at in np.arange(START, END, _BLOCK_SECONDS):
        with BlockWriter(_BLOCK_SECONDS) as writer:
            for first in range(0, len(every), 500):
                writer.add([one.between(at, at + _BLOCK_SECONDS - 0.001) for one in every[first : first + 500]])
            writer.finish(directory.tsdb)
    return directory


class _Timed:
    """open_run, and when it was ready."""

    ready = 0.0
    waited = 0.0

    @contextmanager
    def open_run(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with open_run(*arguments, **options) as data:
            self.ready = time.monotonic()
            yield data
            self.waited = time.monotonic() - self.ready


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        began = time.monotonic()
        directory = write_run(Path(folder))
        made = time.monotonic() - began
        timed = _Timed()
        began = time.monotonic()
        with patch.object(session, "open_run", timed.open_run):
            verdict = judge_run(directory, plan(), rules_dir=data_path("prometheus") / "rules")
        total = time.monotonic() - began
    own = timed.waited
    return [
        ("a day of 2,000 series made up (not part of it)", made, "s", "< 90", made < 90),
        ("end of a 24 h run to its verdict", total, "s", "< 60", total < 60),
        ("archive opened, rules evaluated", timed.ready - began, "s", "", None),
        ("the judge's own part, series computed on demand included", own, "s", "< 5", own < 5),
        ("objectives judged", float(len(verdict.objectives)), "", str(len(plan().objectives)),
         len(verdict.objectives) >= len(plan().objectives)),
    ]  # fmt: skip
