"""A plan's own regression queries are read before the run: what is no PromQL is told with its place."""

from __future__ import annotations

import pytest

from harness.plan.regression import Baseline, RegressionQuery
from harness.run.own_queries import check_own_queries
from harness.run.preflight import preflight
from tests.run.plans import make_plan


def asked(*queries: str) -> list[tuple[bool, str]]:
    own = tuple(RegressionQuery(name=f"own_{i}", query=text, signal="redis") for i, text in enumerate(queries))
    plan = make_plan().model_copy(update={"baseline": Baseline(name="main", queries=own)})
    checks = list(check_own_queries(plan))
    assert [one.key for one in checks] == [("baseline", "queries", i, "query") for i in range(len(own))]
    assert all(bool(one.remedy) != one.ok for one in checks)
    return [(one.ok, one.detail) for one in checks]


def test_a_query_that_is_no_promql_is_told() -> None:
    found = asked(
        "avg_over_time(jobs_waiting[$window]",
        'sum by (queue) (increase(jobs_total{harness="$stack"}[$window]))',
        "average(jobs_waiting[$window])",
    )
    assert [ok for ok, _ in found] == [False, True, False]
    assert "unclosed left parenthesis" in found[0][1] and "unknown function" in found[2][1]
    assert found[0][1].startswith("1:"), "where in the query, not where in a file that nobody has"


def test_preflight_looks_at_them() -> None:
    own = RegressionQuery(name="jobs", query="avg_over_time(jobs_waiting[$window]", signal="redis")
    plan = make_plan().model_copy(update={"baseline": Baseline(name="main", queries=(own,))})
    (found,) = [one for one in preflight(plan, environ={}, now=0.0) if one.name == "query jobs"]
    assert not found.ok


def test_without_promtool_its_absence_is_told_and_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert asked() == []
    own = RegressionQuery(name="jobs", query="x[$window]", signal="redis")
    plan = make_plan().model_copy(update={"baseline": Baseline(name="main", queries=(own,))})
    assert list(check_own_queries(plan)) == []
