"""The signals that ``limiting`` compares, from a run's archive: over seconds, since the order of seconds is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import Context
from harness.judge.limiting import Signal
from harness.judge.windows import Window
from harness.prom.series import FloatArray, Series

RATE_INTERVALS, LEAST_RATE = 4, 4.0  # what a rate looks back: scrape intervals, seconds
LEAST_PING = 0.002  # seconds by which a ping must be slower, and its share of the strictest latency limit:
FELT = 0.01  # what costs a request less cannot be what its users feel
PING_SECONDS = 10.0  # pings are few: their mean needs some
BUSY = 0.85  # of the processors that a group can use: the rest is what scheduling costs
SOMEBODY_WAITS = 0.5  # threads, in the mean of three samples
EXHAUSTED = 0.95
_GROUP_OVER = 1.15  # of one core for each worker: then its processes have several threads that run at once


def signals_of(context: Context, window: Window) -> tuple[Signal, ...]:
    """Every watched resource of the target in a window; those that nobody exported are left out."""
    return (
        *_cpu_of_processes(context, window),
        *_cpu_of_containers(context, window),
        *_uses(context, window),
        *_pings(context, window, "redis", names.REDIS_PING, "redis", "PING to Redis"),
        *_pings(context, window, "database", names.DB_PING, "database", "a query to the database"),
    )


def _cpu_of_processes(context: Context, window: Window) -> list[Signal]:
    busy = _rate(context, names.PROC_CPU, "groupname", window)
    counts = _asked(context, f"sum by (groupname) ({context.selector(names.PROC_NUM)})", window)
    members = {s.labels.get("groupname", ""): float(np.median(s.values)) for s in counts if len(s)}
    found = []
    for one in busy:
        name = one.labels.get("groupname", "")
        # A master only waits; each worker of an interpreter with a global lock fills one core at most.
        workers = max(1.0, members.get(name, 1.0) - 1.0)
        cores = _processors(context)
        if len(one) and float(one.values.max()) > _GROUP_OVER * workers:
            workers = cores or workers
        most = min(workers, cores) if cores else workers
        what = f"processor of {name}"
        found.append(Signal("cpu", name, what, "ratio", one.times, one.values / most, full=BUSY))
    return found


def _cpu_of_containers(context: Context, window: Window) -> list[Signal]:
    cores = _processors(context) or 0.0
    found = []
    for one in _rate(context, names.CONTAINER_CPU, "name", window) if cores else []:
        name = one.labels.get("name", "")
        if name:
            found.append(Signal("cpu", name, f"processor of {name}", "ratio", one.times, one.values / cores, full=BUSY))
    for one in context.series(Recorded.CPU_THROTTLED):
        name = one.labels.get("subject", "")
        found.append(Signal("cpu", name, f"throttled periods of {name}", "ratio", one.times, one.values, full=0.25))
    return found


def _uses(context: Context, window: Window) -> list[Signal]:
    found = []
    for name, recorded, label, what, full in (
        ("db_pool", Recorded.POOL_WAITING, "pool", "callers that wait for a connection of pool {}", SOMEBODY_WAITS),
        ("database", Recorded.DB_CONNECTION_USE, "database", "connections of database {}", EXHAUSTED),
        ("memory", Recorded.MEMORY_USE, "subject", "memory of {}", EXHAUSTED),
        ("fds", Recorded.FD_USE, "subject", "file descriptors of {}", EXHAUSTED),
        ("redis", Recorded.REDIS_MEMORY_USE, "redis", "memory of Redis {}", EXHAUSTED),
    ):
        for one in context.series(recorded):
            subject = one.labels.get(label, "")
            unit = "count" if recorded == Recorded.POOL_WAITING else "ratio"
            values = _smooth(one.values) if unit == "count" else one.values
            found.append(Signal(name, subject, what.format(subject), unit, one.times, values, full=full))
    for one in context.series(Recorded.DB_WAITING):
        subject = one.labels.get("database", "")
        what = f"sessions of database {subject} that wait for a lock"
        found.append(Signal("database", subject, what, "count", one.times, _smooth(one.values), least=1.0))
    return found


def least_delay(limits: Iterable[float]) -> float:
    """Seconds by which a ping must be slower to count, beside a plan's latency limits (seconds)."""
    return max(LEAST_PING, FELT * min(limits, default=0.0))


def _pings(context: Context, window: Window, name: str, metric: str, label: str, what: str) -> list[Signal]:
    span = f"[{PING_SECONDS:g}s]"
    least = least_delay(one.limit for one in context.plan.objectives if one.spec.family == "latency")
    parts = [f"sum by ({label}) (rate({context.selector(metric + end)}{span}))" for end in ("_sum", "_count")]
    found = []
    for one in _asked(context, f"{parts[0]} / {parts[1]}", window):
        keep = np.isfinite(one.values)
        subject = one.labels.get(label, "")
        found.append(
            Signal(name, subject, f"{what} ({subject})", "seconds", one.times[keep], one.values[keep], least=least)
        )
    return found


def _rate(context: Context, counter: str, label: str, window: Window) -> list[Series]:
    span = max(LEAST_RATE, RATE_INTERVALS * context.interval)
    return _asked(context, f"sum by ({label}) (rate({context.selector(counter)}[{span:g}s]))", window)


def _asked(context: Context, expr: str, window: Window) -> list[Series]:
    found = context.api.query_range(expr, window.start, window.end, context.interval)
    return sorted(found, key=lambda s: sorted(s.labels.items()))


def _processors(context: Context) -> float | None:
    """Of the machine that the harness ran on; None where run.json does not say."""
    told = str(context.record.versions.get("cpus", ""))
    return float(told) if re.fullmatch(r"[1-9]\d{0,3}", told) else None


def _smooth(values: FloatArray) -> FloatArray:
    """The mean of a sample and the two before it: a moment's queue is none."""
    if values.size < 3:
        return values
    padded = np.concatenate([values[:1], values[:1], values])
    return np.asarray(np.convolve(padded, np.ones(3) / 3, mode="valid"))
