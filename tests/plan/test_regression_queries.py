"""Regression queries: the shipped file, and what a file or a plan may get wrong, by its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from promql_parser import parse

from exporters.metric_names import Recorded
from harness.errors import PlanError
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan_text
from harness.plan.objectives import SPECS
from harness.plan.regression import RegressionQuery
from harness.plan.regression_file import load_queries, parse_queries
from harness.prom.promql import mentioned_names

PROMETHEUS = Path(__file__).parents[2] / "prometheus"
SHIPPED = load_queries(PROMETHEUS)
PLAN = """
target: {url: http://localhost}
load: {stages: [{duration: 1h, users: 1}]}
baseline:
  name: main
  last_passed: 5
  require: [latency_p95, jobs_waiting]
  queries:
    - name: jobs_waiting
      signal: redis
      query: avg_over_time(jobs_waiting{harness="$stack"}[$window])
      unit: jobs
      tolerance: 10%
      minimum: 2
      least_window: 30s
"""


def load(text: str = PLAN) -> object:
    return load_plan_text(text, where="plan.yml", environ={}, query_names=SHIPPED.names)


def test_every_shipped_query_parses_and_reads_names_that_exist() -> None:
    recorded = {value for name, value in vars(Recorded).items() if not name.startswith("_")}
    for query in SHIPPED.queries:
        parse(query.query.replace("$window", "30s").replace("$stack", "default"))
        assert "harness" in query.query, query.name
        for name in mentioned_names(query.query.replace("$window", "30s")):
            assert ":" not in name or name in recorded, (query.name, name)
        assert query.objective in ("", *SPECS)
        assert 0 < query.tolerance < 1 and 0 < query.between_runs < 1


def test_what_the_issue_of_regression_names_is_asked() -> None:
    assert {
        "latency_p50", "latency_p95", "latency_p99", "endpoint_latency_p50", "endpoint_latency_p95",
        "endpoint_latency_p99", "throughput", "error_ratio", "endpoint_error_ratio",
        "cpu_per_1000_requests",
        "memory_per_1000_requests", "memory_growth", "pool_use",
        "redis_ping_mean",
    } <= set(SHIPPED.names)  # fmt: skip
    assert SHIPPED.named("throughput").better == "higher"
    assert SHIPPED.named("latency_p95").minimum == 0.005
    assert SHIPPED.named("memory_per_1000_requests").minimum == 8 * 2**20


def test_a_plan_adds_its_own_and_survives_being_written() -> None:
    plan = load()
    again = load_plan_text(dump_plan(plan, mask=True), where="x", environ={})  # type: ignore[arg-type]
    assert again == plan
    baseline = plan.baseline  # type: ignore[attr-defined]
    assert baseline.require == ("latency_p95", "jobs_waiting")
    own = baseline.queries[0]
    assert (own.minimum, own.tolerance, own.least_window, own.better) == (2.0, 0.1, 30.0, "lower")
    assert "$window" in own.query
    assert SHIPPED.with_own(baseline.queries).names == (*SHIPPED.names, "jobs_waiting")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "latency_p95, j",
            "latency_p95_, j",
            7,
            "there is no regression query 'latency_p95_'; did you mean 'latency_p95'?",
        ),
        ("[$window]", "[5m]", 9, "does not name $window"),
        ("signal: redis", "signal: jobs", 10, "not 'jobs'"),
        ("unit: jobs", "units: jobs", 12, "unknown key 'units'"),
        ("tolerance: 10%", "tolerance: many", 13, "'many' is not a share"),
        ("minimum: 2", "minimum: 2ms", 9, "minimum '2ms' is no quantity of the unit 'jobs'"),
        ("unit: jobs", "objective: jobs", 12, "there is no objective 'jobs'"),
        ("last_passed: 5", "last_passed: 0", 6, "greater than or equal to 1"),
        ("tolerance: 10%", "tolerance: 0", 13, "greater than 0"),
        ("tolerance: 10%", "tolerance: 5", 13, "a tolerance of 500% is as much as the baseline itself"),
        (
            "tolerance: 10%",
            "change: absolute",
            13,
            "change: absolute needs tolerance and between_runs in its unit, jobs",
        ),
        ("tolerance: 10%", "tolerance: 5\n      change: absolute", 14, "needs between_runs in its unit, jobs"),
        ("tolerance: 10%", "between_runs: 2", 13, "a between_runs of 200% is as much as the baseline itself"),
        ("tolerance: 10%", "change: absolute\n      tolerance: 10%", 9, "tolerance '10%' is no quantity of the unit"),
    ],
)
def test_each_mistake_is_told_with_its_line(old: str, new: str, line: int, message: str) -> None:
    assert old in PLAN
    with pytest.raises(PlanError) as error:
        load(PLAN.replace(old, new))
    assert message in str(error.value)
    assert error.value.line == line


def test_an_absolute_change_is_tolerated_in_its_unit() -> None:
    """A bare number is in the base unit, as everywhere; without units a tolerance of 50 ms could not be written."""

    def query(**given: object) -> RegressionQuery:
        return RegressionQuery.model_validate(
            {"name": "a", "query": "x[$window]", "signal": "latency", "change": "absolute", **given}
        )

    found = query(unit="seconds", tolerance="50ms", between_runs="5ms", minimum="10ms")
    assert (found.tolerance, found.between_runs, found.minimum) == (0.05, 0.005, 0.01)
    assert query(unit="bytes", tolerance="8MiB").tolerance == 8 * 2**20
    assert query(unit="ratio/h", tolerance="2%").tolerance == query(unit="ratio", tolerance=0.02).tolerance == 0.02
    assert query(unit="jobs", tolerance=5).tolerance == 5
    again = RegressionQuery.model_validate(found.model_dump())
    assert again == found
    with pytest.raises(ValueError, match="tolerance '5%' is no quantity of the unit 'seconds'"):
        query(unit="seconds", tolerance="5%")


def test_a_run_that_was_made_with_too_wide_a_tolerance_is_still_judged() -> None:
    wide = PLAN.replace("tolerance: 10%", "tolerance: 5")
    assert load_plan_text(wide, where="plan.yml", environ={}, judging=True).baseline is not None


def test_a_baseline_without_runs_is_refused() -> None:
    text = PLAN.replace("  name: main\n", "").replace("  last_passed: 5\n", "")
    with pytest.raises(PlanError, match="baseline names no runs"):
        load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a mapping"),
        ("requests: x\nqueries: []\n", "queries needs at least one item|queries"),
        ("requests: x\nqueries:\n- {name: a, query: 'x[$window]', signal: cpu}\n"
         "- {name: a, query: 'x[$window]', signal: cpu}\n", "regression.yml:4: the query 'a' is there twice"),
        ("requests: x\nqueries:\n- {name: a, query: 'x[$window]', signal: latency, paced: true}\n",
         "is paced, which is for"),
        ("requests: x\nqueries:\n- {name: a, query: 'x[$window]', signal: cpu, better: higher, paced: true}\n",
         "is paced"),
        ("requests: x\nqueries:\n- {name: a, query: 'x[$window]', signal: cpu}\npace: {cpu: x}\n", "answer_bytes"),
        ("requests: x\nqueries:\n- {name: a, query: 'x[$window]', signal: cpu, bettr: lower}\n", "unknown key 'bettr'"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_queries(text, "regression.yml")
