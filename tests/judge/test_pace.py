"""CPU is compared at one pace of the machine: a slow night is no regression, and hides none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.judge.pace import at_one_pace
from harness.judge.regression import Change, Comparison, compare
from harness.judge.regression_values import PACE, Key, RunValues, at_pace
from harness.plan.regression import QuerySet, RegressionQuery

CPU: Key = ("cpu", (("kind", "process"), ("subject", "web")))
KIND: Key = (PACE, (("work", "json-1"),))
QUERIES = QuerySet(
    requests="x[$window]",
    pace="p[$window]",
    queries=(RegressionQuery(name="cpu", query="x[$window]", signal="cpu", tolerance=0.075, paced=True),),
)


def run(name: str, seed: int, *, build: float = 1.0, machine: float | None = None) -> RunValues:
    """A run of a machine whose speed wanders by a tenth, in a run and between runs; what is left is 2 % of noise."""
    rng = np.random.default_rng(seed)
    slow = (machine if machine is not None else np.exp(rng.normal(0, 0.1))) * np.exp(rng.normal(0, 0.1, 8))
    cpu = 3.5 * build * slow * np.exp(rng.normal(0, 0.02, 8))
    pace = 0.001 * slow
    return RunValues(name, "digest", 10.0, {KIND: pace, CPU: cpu, at_pace(CPU, KIND): cpu / pace}, load=20.0)


BASELINES = [run(f"b{i}", i) for i in range(1, 6)]


def unpaced(one: RunValues) -> RunValues:
    return replace(one, values={CPU: one.values[CPU]})


def change(found: Comparison) -> Change:
    [row] = found.rows
    return row.change


def test_a_slow_machine_is_no_regression_and_is_told() -> None:
    found = compare(run("r", 9, machine=1.3), BASELINES, QUERIES)
    assert change(found) is Change.SAME
    assert "this run's took" in found.assumed and "more CPU time for the same work" in found.assumed


@pytest.mark.parametrize("machine", [0.8, 1.0, 1.2])
def test_a_build_that_computes_more_is_worse_on_any_machine(machine: float) -> None:
    found = compare(run("r", 9, build=1.2, machine=machine), BASELINES, QUERIES)
    [row] = found.rows
    assert row.change is Change.WORSE
    assert row.effect == pytest.approx(0.2, abs=0.03)
    assert row.value == pytest.approx(1.2 * (row.baseline or 0), rel=0.03), "in CPU seconds, at the baselines' pace"
    assert [one.run_id for one in row.measured] == ["b1", "b2", "b3", "b4", "b5", "r"]


def test_without_it_the_same_build_cannot_be_told_from_it() -> None:
    found = compare(unpaced(run("r", 9, build=1.2)), [unpaced(one) for one in BASELINES], QUERIES)
    assert change(found) is Change.CANNOT_TELL
    assert "pace" not in found.assumed


def test_where_one_run_has_no_pace_all_are_as_they_were_measured() -> None:
    this = run("r", 9)
    mixed = [unpaced(BASELINES[0]), *BASELINES[1:]]
    for one, others in ((this, mixed), (unpaced(this), BASELINES)):
        same, baselines, told = at_one_pace(one, others, ["cpu"])
        assert (same, list(baselines), told) == (one, others, "")


def test_the_pace_of_other_work_is_no_pace() -> None:
    other: Key = (PACE, (("work", "json-2"),))
    this = run("r", 9)
    odd = replace(this, values={other: this.values[KIND], CPU: this.values[CPU], at_pace(CPU, other): this.values[CPU]})
    assert at_one_pace(odd, BASELINES, ["cpu"])[2] == ""


def test_a_pace_of_nothing_is_no_pace() -> None:
    this = run("r", 9)
    still = replace(this, values={**this.values, KIND: np.zeros(8)})
    assert at_one_pace(still, BASELINES, ["cpu"])[2] == ""


def test_a_query_that_is_not_paced_is_as_it_was_measured() -> None:
    this = run("r", 9)
    assert at_one_pace(this, BASELINES, [])[0] is this
