"""Load: requests, latency, errors, users, workers."""

from __future__ import annotations

from dashboards.queries.select import ENDPOINT, by, endpoint_limit, kept, limit, series
from exporters.metric_names import LOAD_SERIES_CAPPED, WORKER_RESTARTS, WORKERS, WORKERS_EXPECTED, Recorded

REQUESTS = series(Recorded.REQUESTS)
THROUGHPUT_LIMIT = limit("throughput")
ERRORS = series(Recorded.ERRORS)
ERROR_RATIO = series(Recorded.ERROR_RATIO)
ERROR_RATIO_LIMIT = limit("error_ratio")
ERRORS_BY_KIND = series(Recorded.ERRORS_BY_KIND)
P50 = series(Recorded.LATENCY_P50)
P95 = series(Recorded.LATENCY_P95)
P99 = series(Recorded.LATENCY_P99)
P95_LIMIT = limit("latency_p95")
LATENCY_LIMITS = limit("latency_p50", "latency_p95", "latency_p99")
# Cumulated by `le`: Grafana's heat map format takes the differences.
LATENCY_BUCKETS = f"sum by {by('le')} ({series(Recorded.LATENCY_BUCKETS)})"
WITHIN_SHARE = series(Recorded.WITHIN_SHARE)
RESPONSE_BYTES = series(Recorded.RESPONSE_BYTES)
USERS = series(Recorded.USERS)
USERS_TARGET = series(Recorded.USERS_TARGET)
WORKERS_BY_STATE = f"sum by {by('state')} ({series(WORKERS)})"
WORKERS_WANTED = f"max by {by()} ({series(WORKERS_EXPECTED)})"
WORKERS_MISSING = series(Recorded.WORKERS_MISSING)
WORKER_STARTS = f"max by {by()} ({series(WORKER_RESTARTS)})"
CAPPED = f"max by {by()} ({series(LOAD_SERIES_CAPPED)})"

ENDPOINT_REQUESTS = series(Recorded.ENDPOINT_REQUESTS, ENDPOINT)
ENDPOINT_ERRORS = series(Recorded.ENDPOINT_ERRORS, ENDPOINT)
ENDPOINT_ERROR_RATIO = series(Recorded.ENDPOINT_ERROR_RATIO, ENDPOINT)
ENDPOINT_P50 = kept(series(Recorded.ENDPOINT_LATENCY_P50, ENDPOINT))
ENDPOINT_P95 = kept(series(Recorded.ENDPOINT_LATENCY_P95, ENDPOINT))
ENDPOINT_P99 = kept(series(Recorded.ENDPOINT_LATENCY_P99, ENDPOINT))
ENDPOINT_LATENCY_LIMITS = endpoint_limit("latency_p50", "latency_p95", "latency_p99")
ENDPOINT_WITHIN_SHARE = series(Recorded.ENDPOINT_WITHIN_SHARE, ENDPOINT)
