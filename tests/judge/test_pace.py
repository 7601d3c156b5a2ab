"""CPU is compared at one pace of the machine: a slow night is no regression, and hides none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.judge.pace import at_one_pace, same_pace
from harness.judge.regression import compare
from harness.judge.regression_keys import ANSWER_BYTES, REQUEST_RATE, Key, at_pace, pace_of
from harness.judge.regression_rows import Change, Comparison
from harness.judge.regression_trend import trends
from harness.judge.regression_values import RunValues
from harness.plan.regression import Pace, QuerySet, RegressionQuery

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
    found = compare(run("r", 9, machine=1.3), BASELINES, QUERIES)
    assert change(found) is Change.SAME
    assert "in this run the same requests cost the load generator 29% more CPU time" in found.assumed


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
    raw(this, mixed, "of 1 of the 6 runs it is not known")
    raw(unpaced(this), BASELINES, "of 1 of the 6 runs it is not known")
    raw(unpaced(this), [unpaced(one) for one in BASELINES], "")


def test_the_pace_by_another_generator_is_no_pace() -> None:
    other: Key = pace_of("locust 3")
    this = run("r", 9)
    values = {key: one for key, one in this.values.items() if key not in (KIND, at_pace(CPU, KIND))}
    odd = replace(this, values={**values, other: this.values[KIND], at_pace(CPU, other): this.values[CPU]})
    raw(odd, BASELINES, "are of other versions")


def test_a_pace_of_nothing_is_no_pace() -> None:
    this = run("r", 9)
    still = replace(this, values={**this.values, KIND: np.zeros(8)})
    raw(still, BASELINES, "of 1 of the 6 runs it is not known")


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
    assert f"as it was measured it is worse (+{more - 1:.0%}"[:-3] in row.note and "run it again" in row.note
    assert row.effect == pytest.approx(0.0, abs=0.03)
    assert change(compare(run("r", 9, build=1.2, wanders=0.01), quiet, QUERIES)) is Change.WORSE


def test_a_history_of_slow_and_fast_nights_is_steady_and_one_of_a_heavier_build_is_not() -> None:
    """Three slow nights in a row would be a change point of the build."""
    nights = [1.0] * 8 + [1.3] * 4
    steady = [run(f"n{i}", 20 + i, machine=night) for i, night in enumerate(nights)]
    heavier = [run(f"n{i}", 20 + i, machine=night, build=1.0 if i < 8 else 1.2) for i, night in enumerate(nights)]
    for history, changed in ((steady, []), (heavier, ["n8"])):
        at_pace, words = same_pace(history, ["cpu"])
        assert "at one pace" in words
        [cpu] = trends(at_pace, QUERIES)
        assert [one.run_id for one in cpu.changes] == changed
    [raw] = trends(steady, QUERIES)
    assert [one.run_id for one in raw.changes] == ["n8"]


def test_a_history_with_a_run_of_another_generator_is_as_it_was_measured() -> None:
    history = [*(run(f"n{i}", 20 + i) for i in range(8)), unpaced(run("n8", 40))]
    told, words = same_pace(history, ["cpu"])
    assert told == history
    assert "of 1 of the 9 runs it is not known" in words
