"""Target: memory, CPU, descriptors, threads, restarts of its processes and containers."""

from __future__ import annotations

from dashboards.queries.select import KEEP, SUBJECT, by, limit, series
from dashboards.template import RANGE, TO
from exporters.metric_names import PROC_USS, Recorded

_SUBJECT = by("kind", "subject")
NEVER = 30 * 86400  # seconds; a limit that is further away than this is not in sight

MEMORY = series(Recorded.MEMORY, SUBJECT)
MEMORY_PRIVATE = series(PROC_USS, 'groupname=~"$process"')
# A container's own limit and the plan's. The plan's stands once: it holds for every subject.
MEMORY_HARD_LIMIT = series(Recorded.MEMORY_LIMIT, SUBJECT)
MEMORY_LIMIT = limit("memory_limit")
MEMORY_USE = series(Recorded.MEMORY_USE, SUBJECT)
# The straight line through the range that is shown: predict_linear draws the range's samples to the step's time.
MEMORY_TREND = f"predict_linear({MEMORY}[{RANGE}] @ {TO}, 0)"
MEMORY_PER_HOUR = f"deriv({MEMORY}[1h]) * 3600"
_LOWEST_LIMIT = f"({MEMORY_HARD_LIMIT} or on {_SUBJECT} {MEMORY} * 0 + on ({KEEP}) group_left () {MEMORY_LIMIT})"
# At the last hour's pace; NEVER where it does not grow or the limit is further away.
MEMORY_EXHAUSTED_IN = (
    f"clamp_max(clamp_min({_LOWEST_LIMIT} - on {_SUBJECT} {MEMORY}, 0)"
    f" / on {_SUBJECT} clamp_min(deriv({MEMORY}[1h]), 0.001), {NEVER})"
)
CPU = series(Recorded.CPU, SUBJECT)
CPU_LIMIT = limit("cpu")
CPU_PER_REQUEST = series(Recorded.CPU_PER_REQUEST, SUBJECT)
CPU_THROTTLED = series(Recorded.CPU_THROTTLED, SUBJECT)
FDS = series(Recorded.FDS, SUBJECT)
FD_USE = series(Recorded.FD_USE, SUBJECT)
THREADS = series(Recorded.THREADS, SUBJECT)
PROCESSES = series(Recorded.PROCESSES, SUBJECT)
_STARTS = series(Recorded.STARTS, SUBJECT)
# As the alert counts: starts are a counter where members are counted, else a time (above 1e9) whose changes are starts.
RESTARTS = f"round(increase({_STARTS}[5m])) and {_STARTS} < 1e9 or changes({_STARTS}[5m]) and {_STARTS} >= 1e9"
RESTARTS_LIMIT = limit("restarts")
OOM_KILLS = f"increase({series(Recorded.OOM_KILLS, SUBJECT)}[5m])"
