"""Steps: the load and what came of it, and how much of each resource is used."""

from __future__ import annotations

from dashboards.queries.select import series
from exporters.metric_names import Recorded

# Arrivals of the open model, else users: what the stages of a plan name.
LOAD = f"({series(Recorded.ARRIVALS_PLANNED)} > 0) or {series(Recorded.USERS)}"
REQUESTS = series(Recorded.REQUESTS)
P95 = series(Recorded.LATENCY_P95)
POOL_USE = series(Recorded.POOL_USE)
DB_CONNECTION_USE = series(Recorded.DB_CONNECTION_USE)
MEMORY_USE = series(Recorded.MEMORY_USE)
FD_USE = series(Recorded.FD_USE)
CPU = series(Recorded.CPU)
GENERATOR_CPU = series(Recorded.GENERATOR_CPU)
DB_PING = series(Recorded.DB_PING_P99)
REDIS_PING = series(Recorded.REDIS_PING_P99)
