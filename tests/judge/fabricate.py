"""Run directories made by hand: a healthy run's raw series, which a test then spoils, written as real TSDB blocks."""

# ruff: noqa: RUF009  (a curve is a function without state: sharing a default is safe)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from exporters import metric_names as names
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.prom.block_writer import BlockWriter
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory, RunRecord

START = 1_790_000_000.0
INTERVAL = 5.0
WARMUP = 60.0
STEADY = 240.0
STEADY_FROM = START + WARMUP
END = STEADY_FROM + STEADY
EDGES = (0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 5.0)
RPS = 40.0

PLAN = """
name: made
kind: smoke
target:
  url: http://localhost:5000
  metrics: [http://localhost:5000/metrics]
  processes: [{name: web, match: gunicorn}]
  databases: [{name: main, url: "postgresql://localhost/x"}]
  redis: [{name: cache, url: "redis://localhost"}]
scrape_interval: 5s
load:
  locustfile: reference
  warmup: 60s
  stages: [{duration: 5m, users: 20}]
horizon: 10m
objectives:
OBJECTIVES
"""
DEFAULT = """
  latency_p95: 800ms
  latency_p99: 2s
  error_ratio: 1%
  throughput: ">= 20 rps"
  memory_growth: 50%
  fd_growth: 50%
  memory_limit: 1GiB
  cpu: 2
  db_pool_use: 90%
  redis_ping_p99: 100ms
  disk_growth: 100%
"""

Curve = Callable[[FloatArray], FloatArray]


def flat(value: float) -> Curve:
    return lambda t: np.full(t.shape, value)


def plan(objectives: str = DEFAULT, **replaced: str) -> Plan:
    text = PLAN.replace("OBJECTIVES", objectives)
    for old, new in replaced.items():
        text = text.replace(f"{old}:", f"{old}: {new} #", 1)
    return load_plan_text(text, where="plan.yml", environ={})


@dataclass
class Made:
    """What a run shows, each as a function of seconds since its start. ``lost``: which samples never arrived."""

    rps: Curve = flat(RPS)
    errors: Curve = flat(0.0)  # share of requests
    slow: Curve = flat(0.01)  # share of the ok requests that take 0.8 to 1 s
    users: Curve = flat(20)
    memory: Curve = flat(200e6)
    fds: Curve = flat(40)
    starts: Curve = flat(0)
    members: Curve = flat(3.0)  # processes of the group
    oldest: Curve | None = None  # process-exporter's oldest start time
    cpu: Curve = flat(0.4)
    in_use: Curve = flat(4)
    waiting: Curve = flat(0)
    timeouts: Curve = flat(0)  # per second
    redis_ping: Curve = flat(0.002)
    lag: Curve = flat(0.002)
    generator_cpu: Curve = flat(0.3)
    worker_restarts: Curve = flat(0)
    part_restarts: Curve = flat(0)
    redis_started: Curve = flat(START - 3600)
    database_started: Curve = flat(START - 3600)
    database_read: Curve = flat(1.0)  # whether the sidecar could
    own_memory: Curve = flat(80e6)
    watch_lag: Curve = flat(0.6)
    missing_workers: Curve = flat(0)
    lost: Callable[[Mapping[str, str], FloatArray], np.ndarray] = lambda labels, t: np.zeros(t.shape, dtype=bool)
    down: dict[str, Curve] = field(default_factory=dict)  # job -> 1 where its scrapes failed
    seed: int = 1
    planned: Curve | None = None  # arrivals per second of the open model, of which
    dropped: Curve = flat(0.0)  # this share found no user
    unmade: Curve = flat(0.0)  # and this one nobody made
    endpoint: str = "/a"
    error_kind: str = "status"
    exceptions: Curve | None = None  # of the locustfile's own code, per second
    machines: Mapping[str, str] = field(default_factory=dict)  # by instance, where it tells its machine
    answer_bytes: float | None = None


def lose(match: Callable[[Mapping[str, str]], bool], start: float = 0.0, end: float = 1e9):
    """Samples of the matching series are lost between two times since the start."""
    return lambda labels, t: (t >= start) & (t < end) if match(labels) else np.zeros(t.shape, dtype=bool)


def named(*parts: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda labels: any(part in labels["__name__"] for part in parts)


def job(name: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda labels: labels.get("job") == name and labels["__name__"] != "up"


def series_of(made: Made, length: float = WARMUP + STEADY) -> list[Series]:
    rng = np.random.default_rng(made.seed)
    t = np.arange(0.0, length + 1, INTERVAL) + 1.7
    times = np.round(START + t, 3)
    found: list[Series] = []

    def add(metric: str, values: FloatArray | float, job_name: str, instance: str = "", /, **labels: str) -> None:
        every = {"__name__": metric, "harness": "default", "job": job_name, "instance": instance or job_name, **labels}
        values = np.broadcast_to(np.asarray(values, dtype=float), t.shape)
        keep = ~made.lost(every, t)
        if metric != "up" and job_name in made.down:
            keep &= made.down[job_name](t) == 0
        if keep.any():
            found.append(Series(every, times[keep], values[keep].copy()))

    def total(rate: FloatArray) -> FloatArray:
        return np.floor(np.cumsum(np.broadcast_to(rate, t.shape) * INTERVAL))

    load, sidecar, target = names.JOB_LOAD, names.JOB_SIDECAR, names.JOB_TARGET
    for job_name, instance in (
        (load, "locust-master"), (load, "locust-worker-1"), (sidecar, ""), (target, ""),
        (names.JOB_RUN, ""), (names.JOB_PROMETHEUS, ""),
    ):  # fmt: skip
        up = 1 - made.down[job_name](t) if job_name in made.down else 1.0
        add("up", up, job_name, instance)
    worker = "locust-worker-1"
    made_requests = made.rps(t) * rng.uniform(0.97, 1.03, t.size)
    shares = {"ok": 1 - made.errors(t), "error": made.errors(t)}
    for outcome, share in shares.items():
        request = {"method": "GET", "name": made.endpoint, "outcome": outcome}
        rate = made_requests * share
        add(names.REQUEST_DURATION + "_count", total(rate), load, worker, **request)
        for edge in (*EDGES, float("inf")):
            part = 0.5 if edge < 0.1 else 1 - made.slow(t) if edge < 1.0 else np.ones(t.shape)
            le = "+Inf" if edge == float("inf") else str(edge)
            add(names.REQUEST_DURATION + "_bucket", total(rate * part), load, worker, le=le, **request)
    for kind in names.ERROR_KINDS:
        rate = made_requests * made.errors(t) * (kind == made.error_kind)
        add(names.REQUEST_ERRORS, total(rate), load, worker, method="GET", name=made.endpoint, error=kind)
    if made.answer_bytes is not None:
        add(names.RESPONSE_BYTES, total(made_requests) * made.answer_bytes, load, worker, method="GET", name="/a")
    for instance, machine in made.machines.items():
        add(names.MACHINE_INFO, 1.0, sidecar if instance == sidecar else load, instance, machine=machine)
    add(names.USERS, made.users(t), load, worker, user_class="Saver")
    if made.exceptions is not None:
        add(names.USER_EXCEPTIONS, total(made.exceptions(t)), load, worker)
    if made.planned is not None:
        due, unmade, dropped = made.planned(t), made.unmade(t), made.dropped(t)
        add(names.ARRIVALS_PLANNED, total(due), load, "locust-master")
        add(names.ARRIVALS, total(due * (1 - unmade - dropped)), load, worker)
        add(names.ARRIVALS_DROPPED, total(due * dropped), load, worker)
    add(names.USERS_TARGET, 20.0, load, "locust-master")
    add(names.WORKERS, 1 - made.missing_workers(t), load, "locust-master", state="running")
    for instance in ("locust-master", worker):
        add("process_cpu_seconds_total", np.cumsum(made.generator_cpu(t) * INTERVAL), load, instance)
        for edge in (0.001, 0.01, 0.1, 0.5, float("inf")):
            le = "+Inf" if edge == float("inf") else str(edge)
            add(names.LOOP_LAG + "_bucket", total(np.where(made.lag(t) <= edge, 50.0, 0.0)), load, instance, le=le)
    add(names.RUN_INFO, 1.0, names.JOB_RUN, run_id="made", plan="made", target="x")
    phase = np.where(t < WARMUP, 0, np.where(t <= WARMUP + STEADY, 1, 2))
    for number, name in enumerate(names.PHASES):
        add(names.RUN_PHASE, (phase == number).astype(float), names.JOB_RUN, phase=name)
    add(names.WORKERS_EXPECTED, 1.0, names.JOB_RUN)
    add(names.WORKER_RESTARTS, made.worker_restarts(t), names.JOB_RUN)
    add(names.PROCESS_MEMORY, made.own_memory(t), names.JOB_RUN)
    add(names.WATCH_LAG, made.watch_lag(t), names.JOB_RUN)
    add(names.PART_RESTARTS, made.part_restarts(t), names.JOB_RUN, part=names.PART_SIDECAR)
    memory = made.memory(t) * rng.normal(1, 0.003, t.size)
    add(names.PROC_MEMORY, memory * 1.3, sidecar, groupname="web", memtype="resident")
    add(names.PROC_MEMORY, memory, sidecar, groupname="web", memtype="proportionalResident")
    add(names.PROC_CPU, np.cumsum(made.cpu(t) * INTERVAL), sidecar, groupname="web", mode="user")
    add(names.PROC_FDS, made.fds(t), sidecar, groupname="web")
    add(names.PROC_NUM, made.members(t), sidecar, groupname="web")
    add(names.PROC_THREADS, 9.0, sidecar, groupname="web")
    add(names.PROC_STARTS, made.starts(t), sidecar, groupname="web")
    if made.oldest is not None:
        add(names.PROC_OLDEST_START, made.oldest(t), sidecar, groupname="web")
    add(names.PG_UP, 1.0, sidecar, database="main")
    add(names.PG_ACTIVITY, 6.0, sidecar, database="main", datname="x", state="idle")
    add(names.PG_MAX_CONNECTIONS, 100.0, sidecar, database="main")
    add(names.PG_DATABASE_SIZE, 9e6, sidecar, database="main", datname="x")
    add(names.PG_START, made.database_started(t), sidecar, database="main", process_name="postmaster")
    add(names.REDIS_UP, 1.0, sidecar, redis="cache")
    add(names.REDIS_START, made.redis_started(t), sidecar, redis="cache")
    for edge in (0.001, 0.005, 0.1, 0.2, float("inf")):
        le = "+Inf" if edge == float("inf") else str(edge)
        add(
            names.REDIS_PING + "_bucket",
            total(np.where(made.redis_ping(t) <= edge, 0.2, 0)),
            sidecar,
            redis="cache",
            le=le,
        )
    add(names.REDIS_PING + "_count", total(flat(0.2)(t)), sidecar, redis="cache")
    for collector in ("process:web", "database:main", "redis:cache"):
        read = made.database_read(t) if collector == "database:main" else 1.0
        add(names.COLLECTOR_UP, read, sidecar, collector=collector)
    add(names.POOL_CONNECTIONS, made.in_use(t), target, pool="main", state="in_use")
    add(names.POOL_SIZE, 10.0, target, pool="main")
    add(names.POOL_WAITING, made.waiting(t), target, pool="main")
    add(names.POOL_TIMEOUTS, total(made.timeouts(t)), target, pool="main")
    return found


RECORD = RunRecord(
    run_id="made", plan="made", started_at=START, target="http://localhost:5000", steady_from=STEADY_FROM,
    steady_to=END, ended_at=END + 5, ended_by="completed",
)  # fmt: skip


def write_run(folder: Path, made: Made, **record: object) -> RunDirectory:
    directory = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(series_of(made))
        writer.finish(directory.tsdb)
    directory.write_record(replace(RECORD, **record))  # type: ignore[arg-type]
    return directory
