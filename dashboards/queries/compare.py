"""Several runs on one axis. ``run`` names each: the ``run_id`` of a replayed run, "live" for series without one."""

from __future__ import annotations

from dashboards.queries import backends, load, target
from dashboards.queries.select import SUBJECT, by, series
from dashboards.template import RANGE
from exporters.metric_names import RUN_INFO, Recorded


def _runs(expr: str) -> str:
    """One series per run, the largest of its subjects, named by ``run``."""
    one = f"max by {by()} ({expr})"
    return f'label_replace(label_replace({one}, "run", "$1", "run_id", "(.*)"), "run", "live", "run", "")'


def mean(name: str, *matchers: str) -> str:
    """The mean over the range of a recorded series, per run."""
    return f"max by (run) ({_runs(f'avg_over_time({series(name, *matchers)}[{RANGE}])')})"


P50 = _runs(load.P50)
P95 = _runs(load.P95)
P99 = _runs(load.P99)
REQUESTS = _runs(load.REQUESTS)
ERROR_RATIO = _runs(load.ERROR_RATIO)
USERS = _runs(load.USERS)
MEMORY = _runs(target.MEMORY)
CPU_PER_REQUEST = _runs(target.CPU_PER_REQUEST)
FDS = _runs(target.FDS)
DB_CONNECTIONS = _runs(backends.DB_CONNECTIONS)
POOL_USE = _runs(backends.POOL_USE)
REDIS_PING = _runs(backends.REDIS_PING_P99)

MEAN_P95 = mean(Recorded.LATENCY_P95)
MEAN_REQUESTS = mean(Recorded.REQUESTS)
MEAN_ERROR_RATIO = mean(Recorded.ERROR_RATIO)
MEAN_MEMORY = mean(Recorded.MEMORY, SUBJECT)
MEAN_CPU_PER_REQUEST = mean(Recorded.CPU_PER_REQUEST, SUBJECT)
MEAN_POOL_USE = mean(Recorded.POOL_USE)

# When each run of the stack was seen in the range, in milliseconds since 1970 as Grafana's links want them.
_INFO = f'{RUN_INFO}{{harness="$stack"}}'
RUNS_FROM = f"round(min by (run_id, plan, target) (min_over_time(timestamp({_INFO})[{RANGE}:15s])) * 1000)"
RUNS_TO = f"round(max by (run_id, plan, target) (max_over_time(timestamp({_INFO})[{RANGE}:15s])) * 1000)"
