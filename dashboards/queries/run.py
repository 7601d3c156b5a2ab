"""The run as a whole: phase, time, objectives against their limits, alerts, the state of each signal."""

from __future__ import annotations

from dashboards.queries import backends, load, target
from dashboards.queries.select import KEEP, by, kept, limit, series
from dashboards.template import RANGE
from exporters.metric_names import ALERTS, RUN_LOAD_END, RUN_LOAD_START, RUN_PHASE, Recorded

_END = f"max by {by()} ({series(RUN_LOAD_END)})"
_START = f"max by {by()} ({series(RUN_LOAD_START)})"
PHASE = f"max by {by('phase')} ({series(RUN_PHASE)}) == 1"
TIME_LEFT = f"clamp_min({_END} - time(), 0)"
PROGRESS = f"clamp((time() - {_START}) / ({_END} - {_START} > 0), 0, 1)"

# severity="none" is for the notification path of a standing Prometheus: a watchdog that always fires, no run.
_IS_FIRING = 'alertstate="firing", severity!="none"'
_CRITICAL, _NOT_CRITICAL = 'severity="critical"', 'severity!="critical"'
_FIRING = series(ALERTS, _IS_FIRING)
_LABELS = by("alertname", "severity", "signal", "verdict")
# 1: fires now; 0: fired earlier in the range.
ALERTS_IN_RANGE = f"max by {_LABELS} ({kept(_FIRING)}) or max by {_LABELS} (0 * max_over_time({_FIRING}[{RANGE}]))"
# 0, and not nothing, while the run's own metrics are scraped and no alert fires.
_RUNS = f"max by {by()} ({series(RUN_PHASE)})"


def alerts_firing(*matchers: str) -> str:
    """How many alerts fire now; absent when the run itself is not seen."""
    firing = kept(series(ALERTS, _IS_FIRING, *matchers))
    return f"count by {by()} ({firing}) or on ({KEEP}) 0 * {_RUNS}"


# Signal -> a series that is there while the signal is measured.
_MEASURED = {
    "latency": load.P95,
    "errors": load.ERROR_RATIO,
    "throughput": load.REQUESTS,
    "memory": series(Recorded.MEMORY),
    "cpu": series(Recorded.CPU),
    "fds": series(Recorded.FDS),
    "threads": series(Recorded.THREADS),
    "db_pool": f"({series(Recorded.POOL_IN_USE)} or {backends.DB_CONNECTIONS})",
    "disk": backends.DB_SIZE,
    "redis": backends.REDIS_UP,
    "restarts": series(Recorded.STARTS),
    "generator": series(Recorded.GENERATOR_CPU),
    "telemetry": series(Recorded.UP),
}


def _measured() -> str:
    return " or ".join(
        f'label_replace(0 * max by {by()} ({expr}), "signal", "{signal}", "", "")' for signal, expr in _MEASURED.items()
    )


# 2 critical, 1 warning, 0 measured and quiet; nothing where the signal is not measured and no alert says so.
_WORST = kept(series(ALERTS, _IS_FIRING, _CRITICAL, 'signal!=""'))
_OTHER = kept(series(ALERTS, _IS_FIRING, _NOT_CRITICAL, 'signal!=""'))
SIGNALS = f"2 * max by {by('signal')} ({_WORST}) or max by {by('signal')} ({_OTHER}) or {_measured()}"

_LATENCIES = {"latency_p50": (load.P50, 0.5), "latency_p95": (load.P95, 0.95), "latency_p99": (load.P99, 0.99)}
_VALUES = {
    "error_ratio": load.ERROR_RATIO,
    "memory_limit": series(Recorded.MEMORY),
    "cpu": series(Recorded.CPU),
    "db_pool_use": series(Recorded.POOL_USE),
    "db_pool_waiting": series(Recorded.POOL_WAITING),
    "redis_ping_p99": backends.REDIS_PING_P99,
    "restarts": f"({target.RESTARTS})",
}


def _share(objective: str, value: str) -> str:
    """Value over limit; a limit of 0 is broken by anything above it: 2 then, else 0."""
    named = f'label_replace(max by {by()} ({value}), "objective", "{objective}", "", "")'
    bound = limit(objective)
    on = f"on {by('objective')}"
    return f"{named} / {on} ({bound} > 0) or 2 * ({named} > bool {on} ({bound} == 0))"


def _latency_share(objective: str, value: str, quantile: float) -> str:
    """The larger of quantile over limit, and of the requests over the limit (a failed one is) of those that may be."""
    within = series(Recorded.WITHIN_SHARE, f'objective="{objective}"', 'bound="upper"')
    late = f"clamp_min(1 - max by {by('objective')} ({within}), 0) / {1 - quantile:g}"
    sides = " or ".join(
        f'label_replace({side}, "by", "{name}", "", "")'
        for name, side in (("value", _share(objective, value)), ("late", late))
    )
    return f"max by {by('objective')} ({sides})"


def _floor_share() -> str:
    named = f'label_replace(max by {by()} ({load.REQUESTS}), "objective", "throughput", "", "")'
    return f"clamp_max({limit('throughput')} / on {by('objective')} clamp_min({named}, 0.001), 10)"


# How much of each objective's limit is used: 1 is at the limit, above is over it; the worst subject counts.
LIMITS_USED = " or ".join(
    [
        *(_latency_share(name, *what) for name, what in _LATENCIES.items()),
        *(_share(name, value) for name, value in _VALUES.items()),
        _floor_share(),
    ]
)
