"""Every query of every dashboard on whole runs: data on a healthy one, alarm on a faulted one, values as measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from harness.selftest.whole_run import Whole
from tests.dashboards.definitions import asked, query_of
from tests.e2e.opened import Opened, opened

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

# Alerts are written every 15 s, and the one that ends a run last of all.
AFTER = 20.0


@pytest.fixture(scope="module")
def open_once() -> Iterator[Callable[[Whole], Opened]]:
    """Opens each run once for all tests here: the recorded series take some seconds."""
    runs: dict[str, Opened] = {}
    with ExitStack() as stack:

        def get(whole: Whole) -> Opened:
            key = str(whole.directory)
            if key not in runs:
                runs[key] = stack.enter_context(opened(whole.directory))
            return runs[key]

        yield get


@pytest.fixture
def run(whole: Whole, open_once: Callable[[Whole], Opened]) -> Opened:
    return open_once(whole)


def expr(key: str, number: int = 0) -> str:
    return query_of(key, number).expr


@pytest.mark.case("healthy")
def test_every_query_has_data_on_a_healthy_run(run: Opened, whole: Whole) -> None:
    queries = list(asked())
    assert len(queries) > 150
    empty, filled = [], []
    for one in queries:
        found = run.course(one.template)
        finite = any(np.isfinite(s.values).any() for s in found)
        if one.empty_when_healthy is None and not finite:
            empty.append(one.where)
        if one.empty_when_healthy is not None and finite:
            filled.append(one.where)
    assert empty == []
    if whole.verdict["outcome"] == "pass":  # a WARN has an alert that says so, and it is drawn
        assert filled == []


@pytest.mark.case("healthy")
def test_the_load_as_the_raw_counters_tell_it(run: Opened) -> None:
    requests = run.rate("locust_request_duration_seconds_count")
    assert requests > 5
    assert run.value(expr("load-requests")) == pytest.approx(requests, rel=0.05)
    assert run.value(expr("run-throughput")) == run.value(expr("load-requests")), "the same number everywhere"
    endpoint = {"method": "GET", "name": "/dashboard"}
    of_endpoint = run.rate('locust_request_duration_seconds_count{method="GET", name="/dashboard"}')
    assert run.value(expr("load-endpoints", 0), **endpoint) == pytest.approx(of_endpoint, rel=0.08)
    assert run.value(expr("load-users")) == sum(s.values[-1] for s in run.raw("locust_users", 2.5)) == 40
    assert run.value(expr("load-error-ratio")) == 0
    sent = run.rate("locust_response_bytes_total")
    assert run.value(expr("load-response-bytes")) == pytest.approx(sent, rel=0.05)


@pytest.mark.case("healthy")
def test_latency_as_the_raw_buckets_tell_it(run: Opened) -> None:
    counts: dict[float, float] = {}
    for one in run.raw("locust_request_duration_seconds_bucket", 60):
        edge = float(one.labels["le"])
        counts[edge] = counts.get(edge, 0.0) + one.values[-1] - one.values[0]
    edges = sorted(counts)
    total = counts[edges[-1]]
    for number, quantile in enumerate((0.50, 0.95, 0.99)):
        above = next(i for i, edge in enumerate(edges) if counts[edge] >= quantile * total)
        # Within the bucket of the raw count, one bucket aside for the windows' different edges.
        low, high = edges[max(0, above - 2)], edges[min(len(edges) - 2, above + 1)]
        assert low <= run.value(expr("load-latency", number)) <= high
    heat = {float(s.labels["le"]): float(s.values[-1]) for s in run.last(expr("load-latency-heatmap"))}
    assert heat.keys() == counts.keys()
    assert heat[float("inf")] == pytest.approx(total / 60, rel=0.08)
    assert all(heat[a] <= heat[b] + 1e-9 for a, b in itertools.pairwise(edges)), "cumulated"


@pytest.mark.case("healthy")
def test_the_target_and_what_it_leans_on_as_sampled(run: Opened) -> None:
    def now(selector: str) -> float:
        """The samples that the last evaluation read, summed."""
        return sum(float(s.values[-1]) for s in run.raw(selector, 2.5))

    web = {"subject": "web"}
    pss = now('namedprocess_namegroup_memory_bytes{groupname="web", memtype="proportionalResident"}')
    assert run.value(expr("target-memory"), **web) == pytest.approx(pss, rel=0.02)
    assert run.value(expr("target-fds"), **web) == pytest.approx(now("namedprocess_namegroup_open_filedesc"), abs=3)
    assert run.value(expr("target-threads"), **web) == now("namedprocess_namegroup_num_threads")
    cpu = run.rate('namedprocess_namegroup_cpu_seconds_total{groupname="web"}')
    assert run.value(expr("target-cpu"), **web) == pytest.approx(cpu, rel=0.1)
    requests = run.rate("locust_request_duration_seconds_count")
    assert run.value(expr("target-cpu-per-request"), **web) == pytest.approx(cpu / requests, rel=0.15)
    assert run.value(expr("backends-pool", 1), pool="main") == now("db_pool_size")
    assert run.value(expr("backends-redis-memory")) == pytest.approx(now("redis_memory_used_bytes"), rel=0.02)
    assert run.value(expr("backends-db-size")) == pytest.approx(now("pg_database_size_bytes"), rel=0.02)
    assert run.value(expr("backends-db-states", 1)) == pytest.approx(now("pg_stat_activity_count"), abs=2)


@pytest.mark.case("healthy")
def test_limits_phase_and_time_left(run: Opened) -> None:
    assert [s.labels["phase"] for s in run.last(expr("run-phase"))] == ["steady"]
    assert run.value(expr("run-live-time-left")) == pytest.approx(0, abs=3), "asked at the end of the load"
    assert run.value(expr("run-live-progress")) == pytest.approx(1, abs=0.03)
    assert run.value(expr("target-memory", 3)) == 4 * 2**30
    limits = {s.labels["objective"]: float(s.values[-1]) for s in run.last(expr("load-latency", 3))}
    assert limits == {"latency_p50": 2, "latency_p95": 5, "latency_p99": 8}
    used = {s.labels["objective"]: float(s.values[-1]) for s in run.last(expr("run-limits-used"))}
    assert all(value < 1 for value in used.values()), used
    assert len(used) == 11
    signals = {s.labels["signal"] for s in run.last(expr("run-signals"))}
    assert len(signals) == 13


@pytest.mark.case("memory-leak")
def test_a_memory_leak_shows(run: Opened) -> None:
    per_hour = run.value(expr("target-memory-per-hour"), subject="web")
    assert per_hour > 3600 * 0.5e6, "2 MB/s per process leak"
    change = [s for s in run.last(expr("endurance-change")) if s.labels.get("subject") == "web"]
    assert float(change[0].values[-1]) > 0.5
    left = run.value(expr("target-memory-exhausted-in"), subject="web")
    memory = run.value(expr("target-memory"), subject="web")
    assert left == pytest.approx((4 * 2**30 - memory) / (per_hour / 3600), rel=0.01)
    trend = [s for s in run.course(expr("target-memory", 1)) if s.labels.get("subject") == "web"]
    assert trend[0].values[-1] > 1.5 * trend[0].values[0]


@pytest.mark.case("error-burst")
def test_an_error_burst_shows(run: Opened) -> None:
    failed = run.rate('locust_request_duration_seconds_count{outcome="error"}')
    requests = run.rate("locust_request_duration_seconds_count")
    assert failed > 0
    assert run.value(expr("load-error-ratio")) == pytest.approx(failed / requests, rel=0.1)
    kinds = {s.labels["error"]: float(s.values[-1]) for s in run.last(expr("load-errors-by-kind"))}
    assert kinds["status"] == pytest.approx(failed, rel=0.1)
    used = {s.labels["objective"]: float(s.values[-1]) for s in run.last(expr("run-limits-used"))}
    assert used["error_ratio"] > 5
    by_endpoint = [s for s in run.last(expr("load-endpoints", 1)) if float(s.values[-1]) > 0.05]
    assert len(by_endpoint) >= 3, "the burst hits every endpoint"


@pytest.mark.case("connection-leak")
def test_a_connection_leak_shows_and_its_alerts_and_abort_are_marked(run: Opened, whole: Whole) -> None:
    in_use = [s for s in run.course(expr("backends-pool-use")) if s.labels["pool"] == "main"]
    assert in_use[0].values.max() == 1
    begin, end = run.data.start, run.data.end + AFTER
    filled = {
        one.where
        for one in asked()
        if one.empty_when_healthy and run.data.api.query_range(run.promql(one.template), begin, end, 1.0)
    }
    assert {"run-alerts[0]", "annotation Alerts"} <= filled
    assert ("annotation Aborts" in filled) == (whole.record["ended_by"] == "aborted")
    seen = run.data.api.query_range(run.promql(expr("run-signals")), begin, end, 1.0)
    pool = [s for s in seen if s.labels["signal"] == "db_pool"]
    assert max(float(s.values.max()) for s in pool) == 2
