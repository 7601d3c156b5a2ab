"""The harness about itself: memory of its own processes, the lag of its watch, how long scrapes took, what is stored.

An instrument that grows or stalls spoils what it measures, the longer the more. These are warnings with their figures;
what they cost the evidence is judged where it is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exporters import metric_names as names
from harness.judge.context import Context, within
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.prom.series import Series
from harness.units import format_bytes, format_duration

CHECK = "run"
SETTLE_SECONDS = 900.0  # caches fill, statistics reach their bounds
EDGE_SECONDS = 300.0  # medians of so much at both ends are compared
GROWTH_LIMIT = 32 * 2**20  # bytes; a day of our own simulated load grows by less than 5 MiB
LAG_LIMIT = 10.0  # seconds between two looks; a Prometheus that does not answer holds one up for five
SLOW_SCRAPE = 0.5  # of the scrape interval, at the 99th percentile
_JOBS = (names.JOB_RUN, names.JOB_SIDECAR, names.JOB_LOAD, names.JOB_PROMETHEUS)
_GROWS = names.JOB_PROMETHEUS  # by what it holds of the last hours; its memory is told, not judged


@dataclass(frozen=True)
class OwnProcess:
    """Memory of one process of ours, in bytes; ``growth`` None in a run too short to tell.

    Attributes:
        process: instance for load processes, else the job.
    """

    process: str
    highest: float
    growth: float | None


def check_own(context: Context) -> tuple[list[Finding], Mapping[str, Any]]:
    """Findings, and what verdict.json says of the harness itself."""
    window = context.steady
    if window is None:
        return [], {}
    memory = [
        own_process(series, window, job)
        for job in _JOBS
        for series in context.series(names.PROCESS_MEMORY, job=job)
        if len(within(series, window))
    ]
    lag = within(context.one(names.WATCH_LAG), window).values
    slowest = {job: _slow_scrapes(context, job, window) for job in _JOBS}
    told = {
        "memory": [{"process": p.process, "highest": p.highest, "growth": p.growth} for p in memory],
        "watch_lag": float(lag.max()) if lag.size else None,
        "scrape_seconds_p99": {job: value for job, value in slowest.items() if value is not None},
        "stored_bytes": _stored(context, window),
    }
    findings = [_grown(context, p) for p in memory if p.growth is not None and p.growth > GROWTH_LIMIT]
    if lag.size and float(lag.max()) > LAG_LIMIT:
        findings.append(_lagged(context, float(lag.max())))
    findings += [
        _slow(context, job, value)
        for job, value in slowest.items()
        if value is not None and value > SLOW_SCRAPE * context.interval
    ]
    return findings, told


def own_process(series: Series, window: Window, job: str) -> OwnProcess:
    """The highest memory in the window, and the growth after the first quarter of an hour. Pure."""
    inside = within(series, window)
    name = series.labels.get("instance", job) if job == names.JOB_LOAD else job
    first = window.start + SETTLE_SECONDS
    growth = None
    if job != _GROWS and window.end - EDGE_SECONDS >= first + EDGE_SECONDS:
        early = inside.values[(inside.times >= first) & (inside.times <= first + EDGE_SECONDS)]
        late = inside.values[inside.times >= window.end - EDGE_SECONDS]
        if early.size and late.size:
            growth = float(np.median(late) - np.median(early))
    return OwnProcess(name, float(inside.values.max()), growth)


def _slow_scrapes(context: Context, job: str, window: Window) -> float | None:
    """99th percentile of the seconds that the job's scrapes took; None without any."""
    found = [within(s, window).values for s in context.series(names.SCRAPE_SECONDS, job=job)]
    values = np.concatenate(found) if found else np.empty(0)
    return float(np.quantile(values, 0.99)) if values.size else None


def _stored(context: Context, window: Window) -> float | None:
    """Bytes of blocks and write-ahead log of the run's Prometheus at the end; None where it does not say."""
    last = [
        float(series.values[-1])
        for name in (names.TSDB_BLOCKS, names.TSDB_WAL)
        for series in (within(context.one(name, job=names.JOB_PROMETHEUS), window),)
        if len(series)
    ]
    return math.fsum(last) if last else None


def _grown(context: Context, process: OwnProcess) -> Finding:
    growth = process.growth or 0.0
    return _finding(
        f"the harness's own process {process.process} grew by {format_bytes(growth)} after its first quarter hour",
        growth, float(GROWTH_LIMIT), "bytes", context.selector(names.PROCESS_MEMORY),
    )  # fmt: skip


def _lagged(context: Context, lag: float) -> Finding:
    return _finding(
        f"the harness did not look at its run for {format_duration(lag)}: alerts may have ended it late, "
        "and a part that died was replaced late",
        lag, LAG_LIMIT, "seconds", context.selector(names.WATCH_LAG),
    )  # fmt: skip


def _slow(context: Context, job: str, seconds: float) -> Finding:
    return _finding(
        f"scrapes of the harness's own job {job!r} took {format_duration(seconds)} (99th percentile) "
        f"of the scrape interval's {format_duration(context.interval)}",
        seconds, SLOW_SCRAPE * context.interval, "seconds", context.selector(names.SCRAPE_SECONDS, job=job),
    )  # fmt: skip


def _finding(summary: str, value: float, limit: float, unit: str, query: str) -> Finding:
    return Finding(
        check=CHECK, signal="telemetry", outcome=Outcome.WARN, summary=summary, value=value, limit=limit, unit=unit,
        query=query,
    )  # fmt: skip
