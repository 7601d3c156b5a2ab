"""Runs made by hand for the dashboards: what the reference target never shows, and several runs side by side."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from exporters import metric_names as names
from harness.prom.api import PrometheusApi
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks
from harness.prom.private import RunData
from harness.prom.series import FloatArray, Series
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory
from tests.judge.fabricate import INTERVAL, RECORD, START, STEADY, WARMUP, Made, series_of

T = np.arange(0.0, WARMUP + STEADY + 1, INTERVAL) + 1.7
TIMES = np.round(START + T, 3)
MEMORY_LIMIT, REDIS_LIMIT = 500e6, 100e6
LEAK = 1e5  # bytes per second
MEMORY_AT_START = 300e6
ARRIVALS, DROPPED = 10.0, 0.5  # per second
ALERT_FROM = 200.0  # seconds after the start


def constant(value: float) -> FloatArray:
    return np.full(T.shape, value)


def container_run(folder: Path) -> RunDirectory:
    """A healthy run with an open load whose service stands in a container: leaky, throttled, one OOM kill."""
    found = series_of(Made())

    def add(metric: str, values: FloatArray, job: str, keep: np.ndarray | None = None, **labels: str) -> None:
        every = {"__name__": metric, "harness": "default", "job": job, "instance": job, **labels}
        kept = np.ones(T.shape, dtype=bool) if keep is None else keep
        found.append(Series(every, TIMES[kept], values[kept]))

    box = {"name": "shop"}
    add(names.CONTAINER_WORKING_SET, MEMORY_AT_START + LEAK * T, names.JOB_SIDECAR, **box)
    add(names.CONTAINER_MEMORY_LIMIT, constant(MEMORY_LIMIT), names.JOB_SIDECAR, **box)
    add(names.CONTAINER_CPU, 0.5 * T, names.JOB_SIDECAR, **box)
    add(names.CONTAINER_CPU_PERIODS, 10 * T, names.JOB_SIDECAR, **box)
    add(names.CONTAINER_CPU_THROTTLED_PERIODS, 3 * T, names.JOB_SIDECAR, **box)
    add(names.CONTAINER_OOM, (ALERT_FROM < T).astype(float), names.JOB_SIDECAR, **box)
    add(names.CONTAINER_START, np.where(ALERT_FROM < T, START + ALERT_FROM, START - 100), names.JOB_SIDECAR, **box)
    add(names.ARRIVALS_PLANNED, (ARRIVALS + DROPPED) * T, names.JOB_LOAD)
    add(names.ARRIVALS, ARRIVALS * T, names.JOB_LOAD)
    add(names.ARRIVALS_DROPPED, DROPPED * T, names.JOB_LOAD)
    add(names.REDIS_MEMORY, constant(60e6), names.JOB_SIDECAR, redis="cache")
    add(names.REDIS_MEMORY_MAX, constant(REDIS_LIMIT), names.JOB_SIDECAR, redis="cache")
    firing = {"alertstate": "firing", "severity": "critical", "signal": "memory", "verdict": "fail", "abort": "true"}
    add(names.ALERTS, constant(1.0), names.JOB_RUN, ALERT_FROM < T, alertname="MemoryOverLimit", **firing)
    early = {"alertstate": "firing", "severity": "warning", "signal": "cpu", "verdict": "warn"}
    add(names.ALERTS, constant(1.0), names.JOB_RUN, (T > 100) & (T < 150), alertname="CpuThrottled", **early)
    # What a standing Prometheus adds: no word about the run.
    none = {"alertstate": "firing", "severity": "none"}
    add(names.ALERTS, constant(1.0), names.JOB_RUN, alertname="NoRun", **none)
    directory = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(found)
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return directory


def replayed(data: RunData, run_id: str, times: float = 1.0) -> list[Series]:
    """Every series of a run as a replay serves it: recorded ones included, told apart by ``run_id``."""
    found = data.api.raw(f'{{{names.STACK}="{data.stack}"}}', data.start, data.end)
    own = names.RUN_INFO  # has a run_id of its own
    return [
        Series(
            {**one.labels, "run_id": run_id},
            one.times,
            one.values * (1.0 if one.labels["__name__"] == own else times),
        )
        for one in found
    ]


@contextmanager
def prometheus_with(series: Sequence[Series]) -> Iterator[PrometheusApi]:
    """A Prometheus that holds these series and scrapes nothing."""
    with tempfile.TemporaryDirectory(prefix="harness-dashboards-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        with BlockWriter(WARMUP + STEADY) as writer:
            writer.add(series)
            writer.finish(Path(folder) / "blocks")
        for block in find_blocks(Path(folder) / "blocks"):
            shutil.move(block.path, data / block.path.name)
        server = PrometheusServer(data, Path(folder), lookback=3 * INTERVAL)
        server.start()
        try:
            yield server.api()
        finally:
            server.stop()
