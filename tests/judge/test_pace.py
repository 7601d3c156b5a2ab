"""CPU is compared at one pace of the machine: a slow night is no regression, and hides none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.judge.pace import at_one_pace
from harness.judge.regression import compare
from harness.judge.regression_findings import check_regression
from harness.judge.regression_keys import ANSWER_BYTES, REQUEST_RATE, Key, at_pace, pace_of
from harness.judge.regression_rows import Change, Comparison
from harness.judge.regression_values import RunValues
from harness.plan.regression import Baseline, Pace, QuerySet, RegressionQuery
from harness.report.comparison import compared_view
from harness.report.markdown import comparison_table
from tests.judge.fabricate import plan

CPU: Key = ("cpu", (("kind", "process"), ("subject", "web")))
KIND: Key = pace_of("locust 2")
QUERIES = QuerySet(
    requests="x[$window]",
    pace=Pace(cpu="p[$window]", answer_bytes="b[$window]"),
    queries=(RegressionQuery(name="cpu", query="x[$window]", signal="cpu", tolerance=0.075, paced=True),),
)


def run(
    name: str,
    seed: int,
    *,
    build: float = 1.0,
    machine: float | None = None,
    size: float = 900.0,
    rps: float = 40.0,
    wanders: float = 0.1,
) -> RunValues:
    """A run of a machine whose speed wanders by a tenth, in a run and between runs; what is left is 2 % of noise."""
    rng = np.random.default_rng(seed)
    slow = (machine if machine is not None else np.exp(rng.normal(0, wanders))) * np.exp(rng.normal(0, wanders, 8))
    cpu = 3.5 * build * slow * np.exp(rng.normal(0, 0.02, 8))
    pace = 0.001 * slow
    values = {
        KIND: pace,
        ANSWER_BYTES: np.full(8, size),
        REQUEST_RATE: np.full(8, rps),
        CPU: cpu,
        at_pace(CPU, KIND): cpu / pace,
    }
    return RunValues(name, "digest", 10.0, values, load=20.0)


BASELINES = [run(f"b{i}", i) for i in range(1, 6)]


def unpaced(one: RunValues) -> RunValues:
    return replace(one, values={CPU: one.values[CPU]})


def raw(one: RunValues, others: list[RunValues], why: str) -> None:
    """All runs stay as they were measured, and that is told with its reason."""
    found = at_one_pace(one, others, ["cpu"])
    assert (found.run, list(found.baselines), found.brought) == (one, others, False)
    assert why in found.told if why else not found.told


def change(found: Comparison) -> Change:
    [row] = found.rows
    return row.change


def test_a_slow_machine_is_no_regression_and_is_told() -> None:
    before = [run("b0", 40, machine=1.4), *BASELINES]
    found = compare(run("r", 9, machine=1.3), before, QUERIES)
    assert change(found) is Change.SAME
    assert "in this run the same requests cost the load generator" in found.assumed
    assert "% more CPU time" in found.assumed


def test_one_that_was_slower_than_ever_before_is_not_shown_to_be_the_machines_fault() -> None:
    assert change(compare(run("r", 9, machine=1.3), BASELINES, QUERIES)) is Change.CANNOT_TELL


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
    raw(this, mixed, "that of b1 is not known")
    raw(unpaced(this), BASELINES, "that of r is not known")
    raw(unpaced(this), [unpaced(one) for one in BASELINES], "")


def test_the_pace_by_another_generator_is_no_pace() -> None:
    other: Key = pace_of("locust 3")
    this = run("r", 9)
    values = {key: one for key, one in this.values.items() if key not in (KIND, at_pace(CPU, KIND))}
    odd = replace(this, values={**values, other: this.values[KIND], at_pace(CPU, other): this.values[CPU]})
    raw(odd, BASELINES, "differ in version")


def test_a_pace_of_nothing_is_no_pace() -> None:
    this = run("r", 9)
    still = replace(this, values={**this.values, KIND: np.zeros(8)})
    raw(still, BASELINES, "is not known")


def test_a_query_that_is_not_paced_is_as_it_was_measured() -> None:
    this = run("r", 9)
    assert at_one_pace(this, BASELINES, []).run is this


def test_larger_answers_excuse_no_cpu() -> None:
    """A build that answers twice as much costs both sides more: that tells nothing of the machine."""
    this = run("r", 9, build=1.0, machine=1.3, size=1800.0)
    raw(this, BASELINES, "one run had 900 bytes in an answer and another 1,800")
    assert "as it was measured" in compare(this, BASELINES, QUERIES).assumed


def test_fewer_requests_are_no_slow_machine() -> None:
    """The load generator has work that is none of a request's: of fewer requests each has a larger share of it."""
    raw(run("r", 9, rps=37.0), BASELINES, "one run had 37 requests per second and another 40")
    assert at_one_pace(run("r", 9, rps=38.5), BASELINES, ["cpu"]).brought


@pytest.mark.parametrize("key", [ANSWER_BYTES, REQUEST_RATE])
def test_work_that_is_not_known_is_not_alike(key: Key) -> None:
    this = run("r", 9)
    raw(replace(this, values={k: one for k, one in this.values.items() if k != key}), BASELINES, "is not known")


def test_answers_without_bodies_are_alike() -> None:
    bare = [run(f"b{i}", i, size=0.0) for i in range(1, 6)]
    assert at_one_pace(run("r", 9, size=0.0), bare, ["cpu"]).brought


def test_runs_that_are_not_comparable_have_no_pace_in_common() -> None:
    found = compare(run("r", 9, machine=1.3), BASELINES, QUERIES, at_pace=False)
    assert change(found) is Change.CANNOT_TELL
    assert "pace" not in found.assumed


@pytest.mark.parametrize("more", [1.25, 2.0])
def test_what_costs_the_load_generator_more_too_is_not_the_same(more: float) -> None:
    """Redirects that are followed, new connections, compression: on a quiet machine no night is so slow."""
    quiet = [run(f"b{i}", i, machine=1.0, wanders=0.01) for i in range(1, 6)]
    found = compare(run("r", 9, machine=more, wanders=0.01), quiet, QUERIES)
    [row] = found.rows
    assert row.change is Change.CANNOT_TELL
    told = re.match(r"as it was measured it is \+([\d.]+)%", row.note)
    assert told and float(told[1]) / 100 == pytest.approx(more - 1, rel=0.1)
    assert "if a second run says so too, it is the build" in row.note
    assert row.effect == pytest.approx(0.0, abs=0.03)
    assert change(compare(run("r", 9, build=1.2, wanders=0.01), quiet, QUERIES)) is Change.WORSE


def test_a_build_that_costs_the_load_generator_more_on_a_noisy_machine_is_open_where_no_baseline_was_so_slow() -> None:
    """As it was measured it is worse by more than the tolerance, and not by so much that it is proven."""
    nights = (1.0, 0.94, 1.06, 0.95, 1.04)
    some = [run(f"b{i}", i, machine=night, wanders=0.02) for i, night in enumerate(nights, 1)]
    both = run("r", 9, machine=1.12, wanders=0.02)
    assert change(compare(both, some, QUERIES, at_pace=False)) is Change.CANNOT_TELL
    assert change(compare(both, some, QUERIES)) is Change.CANNOT_TELL
    slower_before = [run("b1", 1, machine=1.15, wanders=0.02), *some[1:]]
    assert change(compare(both, slower_before, QUERIES)) is Change.SAME


@pytest.mark.parametrize("machine", [0.85, 1.2])
def test_what_is_the_same_as_it_was_measured_is_neither_worse_nor_better_at_one_pace(machine: float) -> None:
    """The build changed what a request costs the load generator alone: fewer headers, connections that are kept."""
    quiet = [run(f"b{i}", i, machine=1.0, wanders=0.01) for i in range(1, 6)]
    this = run("r", 9, machine=machine, build=1 / machine, wanders=0.01)
    assert change(compare(this, quiet, QUERIES, at_pace=False)) is Change.SAME
    [row] = compare(this, quiet, QUERIES).rows
    assert row.change is Change.CANNOT_TELL
    assert row.effect == pytest.approx(1 / machine - 1, abs=0.03)


def test_what_is_worse_says_by_how_much_it_was_as_it_was_measured() -> None:
    [row] = compare(run("r", 9, build=1.2, machine=0.9), BASELINES, QUERIES).rows
    assert row.change is Change.WORSE
    assert row.note.startswith("at the pace of the baselines' machine; ")


def test_the_summary_tells_why_a_measured_series_is_open_and_how_a_worse_one_was_measured() -> None:
    """Its interval lies within the tolerance, so the table alone would be a riddle."""
    quiet = [run(f"b{i}", i, machine=1.0, wanders=0.01) for i in range(1, 6)]
    slow = compare(run("r", 9, machine=1.25, wanders=0.01), quiet, QUERIES)
    heavy = compare(run("r", 9, build=1.3, wanders=0.01), quiet, QUERIES)
    on = plan().model_copy(update={"baseline": Baseline(last_passed=5)})
    gating = QUERIES.model_copy(update={"queries": (QUERIES.queries[0].model_copy(update={"objective": "cpu"}),)})
    for comparison, told in ((slow, "a second run says so too"), (heavy, "as it was measured")):
        view = compared_view(comparison.to_json())
        assert view is not None and told in comparison_table(view)
        [finding] = check_regression(comparison, on, gating)
        assert told in finding.summary
