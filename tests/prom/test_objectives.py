from __future__ import annotations

import pytest

from harness.plan.objectives import Objective
from harness.prom.objectives import objective_series, parse_edges
from tests.prom.conftest import make_plan

P95 = {"objective": "latency_p95", "subject": "all", "op": "<="}


def test_a_plan_without_objectives_has_no_series():
    assert objective_series(make_plan(), [1.0]) == []


def test_a_limit_that_is_an_edge_is_both_bounds():
    plan = make_plan(Objective("latency_p95", 2.0, "<="), Objective("throughput", 100.0, ">="))
    assert objective_series(plan, [0.5, 2.0, 3.0]) == [
        ("harness_objective", P95, 2.0),
        ("harness_objective_edge", {**P95, "bound": "lower"}, 2.0),
        ("harness_objective_edge", {**P95, "bound": "upper"}, 2.0),
        ("harness_objective", {"objective": "throughput", "subject": "all", "op": ">="}, 100.0),
    ]


@pytest.mark.parametrize(
    ("limit", "lower", "upper"), [(0.8, 0.5, 2.0), (0.1, None, 0.5), (9.0, 3.0, None), (0.5, 0.5, 0.5)]
)
def test_a_limit_between_or_beyond_the_edges(limit, lower, upper):
    samples = objective_series(make_plan(Objective("latency_p95", limit, "<=")), [3.0, 0.5, 2.0, float("inf")])
    bounds = {labels["bound"]: value for name, labels, value in samples if name == "harness_objective_edge"}
    assert (bounds.get("lower"), bounds.get("upper")) == (lower, upper)


def test_an_endpoints_objective_names_it():
    samples = objective_series(make_plan(Objective("latency_p99", 1.0, "<=", "POST", "/login")), [])
    labels = {"objective": "latency_p99", "subject": "POST /login", "op": "<=", "method": "POST", "name": "/login"}
    assert samples == [("harness_objective", labels, 1.0)]


def test_edges_are_numbers_whatever_their_spelling():
    assert parse_edges([]) == ()
    assert parse_edges(["+Inf", "2", "2.0", "0.5"]) == (0.5, 2.0)
    with pytest.raises(ValueError, match="many"):
        parse_edges(["many"])
