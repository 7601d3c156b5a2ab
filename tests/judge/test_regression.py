"""Comparisons of made values: each verdict, and each way in which nothing can be told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import ArchiveError
from harness.judge.regression import compare
from harness.judge.regression_findings import check_regression, gates
from harness.judge.regression_keys import Key
from harness.judge.regression_rows import Change
from harness.judge.regression_values import RunValues
from harness.judge.verdict import Outcome
from harness.plan.regression import Baseline, QuerySet, RegressionQuery
from tests.judge.fabricate import plan

LATENCY: Key = ("latency", (("method", "GET"), ("name", "/a")))
RATE: Key = ("rate", ())
ERRORS: Key = ("errors", ())
QUERIES = QuerySet(
    requests="x[$window]",
    queries=(
        RegressionQuery(
            name="latency", query="x[$window]", signal="latency", unit="seconds", minimum=0.002, objective="latency_p95"
        ),
        RegressionQuery(name="rate", query="y[$window]", signal="throughput", better="higher", unit="rps"),
        RegressionQuery(
            name="errors", query="z[$window]", signal="errors", unit="ratio", change="absolute", tolerance=0.002,
            between_runs=0.0005,
        ),
    ),
)  # fmt: skip


def run(name: str, seed: int = 0, *, latency: float = 0.1, rate: float = 50.0, errors: float = 0.0) -> RunValues:
    """A run with 2 % of noise in each sub-window and 0.5 % between runs."""
    rng = np.random.default_rng(seed)

    def around(level: float) -> np.ndarray:
        return level * np.exp(rng.normal(0, 0.005)) * np.exp(rng.normal(0, 0.02, 8))

    values = {LATENCY: around(latency), RATE: around(rate), ERRORS: np.full(8, errors)}
    return RunValues(name, "digest", 10.0, values, load=20.0)


BASELINES = [run(f"b{i}", i) for i in range(1, 6)]


def changes(this: RunValues, baselines: list[RunValues] = BASELINES, spoiled: str = "") -> dict[str, Change]:
    return {row.query: row.change for row in compare(this, baselines, QUERIES, spoiled).rows}


def test_another_run_of_the_same_build_is_the_same() -> None:
    found = compare(run("r", 9), BASELINES, QUERIES)
    assert {row.change for row in found.rows} == {Change.SAME}
    assert found.baselines == ("b1", "b2", "b3", "b4", "b5")
    for row in found.rows:
        assert row.low is not None and row.high is not None and row.effect is not None
        assert row.low <= row.effect <= row.high
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("made", "worse"),
    [({"latency": 0.12}, "latency"), ({"rate": 43.0}, "rate"), ({"errors": 0.01}, "errors")],
)
def test_what_is_worse_is_named_and_nothing_else(made: dict[str, float], worse: str) -> None:
    found = changes(run("r", 9, **made))
    assert {name for name, change in found.items() if change is Change.WORSE} == {worse}
    assert {change for name, change in found.items() if name != worse} == {Change.SAME}


def test_what_is_better_is_told_in_the_direction_that_is_good() -> None:
    assert changes(run("r", 9, latency=0.08, rate=60.0)) == {
        "latency": Change.BETTER, "rate": Change.BETTER, "errors": Change.SAME,
    }  # fmt: skip


def test_a_change_below_the_minimum_is_the_same_however_large_a_share_it_is() -> None:
    small = [run(f"b{i}", i, latency=0.001) for i in range(1, 6)]
    assert changes(run("r", 9, latency=0.0015), small)["latency"] is Change.SAME  # +50 %, half a millisecond
    assert changes(run("r", 9, latency=0.0045), small)["latency"] is Change.WORSE


def test_a_change_that_the_noise_hides_is_not_the_same() -> None:
    """Between "worse" and "same" lies "cannot tell"; it says what would have been found."""
    rng = np.random.default_rng(3)
    wild = [run(f"b{i}", i, latency=0.1 * float(np.exp(rng.normal(0, 0.15)))) for i in range(1, 6)]
    row = next(r for r in compare(run("r", 9, latency=0.115), wild, QUERIES).rows if r.query == "latency")
    assert row.change is Change.CANNOT_TELL
    assert row.detectable is not None and row.detectable > 0.3
    assert "more baseline runs" in row.note


def test_one_baseline_says_what_is_assumed() -> None:
    found = compare(run("r", 9, latency=0.2), BASELINES[:1], QUERIES)
    assert "`between_runs` is assumed" in found.assumed
    assert {r.query: r.change for r in found.rows}["latency"] is Change.WORSE


def without(values: RunValues, key: Key, why: str = "") -> RunValues:
    rest = {k: v for k, v in values.values.items() if k != key}
    return replace(values, values=rest, left_out={key: why} if why else {})


def test_a_series_that_is_gone_cannot_be_told() -> None:
    row = next(r for r in compare(without(run("r", 9), LATENCY), BASELINES, QUERIES).rows if r.query == "latency")
    assert (row.change, row.note, dict(row.labels)) == (Change.CANNOT_TELL, "in this run: no data", dict(LATENCY[1]))


def test_a_series_that_one_baseline_lacks_cannot_be_told_and_names_it() -> None:
    lacking = [*BASELINES[:-1], without(BASELINES[-1], LATENCY, "3 requests in a sub-window, it needs 10")]
    row = next(r for r in compare(run("r", 9), lacking, QUERIES).rows if r.query == "latency")
    assert row.change is Change.CANNOT_TELL
    assert row.note == "in 1 of 5 baseline runs (b5): 3 requests in a sub-window, it needs 10"


def test_a_query_that_nobody_answered_is_in_the_table() -> None:
    empty = [without(one, RATE, "no data") for one in (run("r", 9), *BASELINES)]
    row = next(r for r in compare(empty[0], empty[1:], QUERIES).rows if r.query == "rate")
    assert (row.change, row.note) == (Change.CANNOT_TELL, "in this run: no data")


def test_a_relative_change_from_nothing_cannot_be_told() -> None:
    zero = replace(run("b5", 5), values={**run("b5", 5).values, RATE: np.zeros(8)})
    row = next(r for r in compare(run("r", 9), [*BASELINES[:4], zero], QUERIES).rows if r.query == "rate")
    assert row.change is Change.CANNOT_TELL
    assert "a value of 0 in b5" in row.note
    free = replace(run("r", 9), values={**run("r", 9).values, LATENCY: np.r_[np.full(7, 0.1), 0.0]})
    row = next(r for r in compare(free, BASELINES, QUERIES).rows if r.query == "latency")
    assert row.change is Change.CANNOT_TELL
    assert "a value of 0 in r" in row.note


def test_a_generator_that_was_the_bottleneck_tells_nothing_of_latency_and_throughput() -> None:
    found = changes(run("r", 9, latency=0.2, rate=30.0), spoiled="loop lag")
    assert found == {"latency": Change.CANNOT_TELL, "rate": Change.CANNOT_TELL, "errors": Change.SAME}


# --- what the verdict makes of it


def outcomes(this: RunValues, baseline: Baseline, baselines: list[RunValues] = BASELINES) -> list[tuple[str, Outcome]]:
    on = plan().model_copy(update={"baseline": baseline})
    found = check_regression(compare(this, baselines, QUERIES), on, QUERIES)
    return [(one.signal, one.outcome) for one in found]


ANY = Baseline(last_passed=5)


def test_worse_fails_what_the_plan_has_an_objective_for_and_warns_of_the_rest() -> None:
    assert outcomes(run("r", 9, latency=0.12, rate=43.0), ANY) == [
        ("latency", Outcome.FAIL), ("throughput", Outcome.WARN),
    ]  # fmt: skip


def test_required_queries_fail_and_others_warn() -> None:
    required = Baseline(last_passed=5, require=("rate",))
    assert outcomes(run("r", 9, latency=0.12, rate=43.0), required) == [
        ("latency", Outcome.WARN), ("throughput", Outcome.FAIL),
    ]  # fmt: skip


def test_cannot_tell_is_inconclusive_for_what_is_required_and_never_nothing() -> None:
    gone = without(run("r", 9), LATENCY)
    assert outcomes(gone, Baseline(last_passed=5, require=("latency",))) == [("latency", Outcome.INCONCLUSIVE)]
    assert outcomes(gone, ANY) == [("telemetry", Outcome.WARN)]


def test_a_comparison_of_which_nothing_can_be_told_is_told() -> None:
    """Also where nothing that gates is among it: who asks for a comparison must hear that there was none."""
    rates = [replace(one, values={RATE: one.values[RATE]}) for one in BASELINES]
    none = RunValues("r", "digest", 10.0, {}, load=20.0)
    assert outcomes(none, ANY, rates) == [("telemetry", Outcome.WARN)]
    assert outcomes(none, ANY, [none]) == [("telemetry", Outcome.WARN)]
    assert outcomes(replace(run("r", 9), values={RATE: run("r", 9).values[RATE]}), ANY, rates) == []


def test_values_of_one_sub_window_are_no_values() -> None:
    told = run("r", 9).to_json()
    told["values"][0][2] = told["values"][0][2][:1]
    with pytest.raises(ArchiveError, match="1 sub-windows"):
        RunValues.from_json(told, "regression.json")


def test_a_required_query_without_any_series_is_inconclusive() -> None:
    found = compare(run("r", 9), BASELINES, QUERIES)
    nothing = replace(found, rows=tuple(r for r in found.rows if r.query != "rate"))
    on = plan().model_copy(update={"baseline": Baseline(last_passed=5, require=("rate",))})
    assert [one.outcome for one in check_regression(nothing, on, QUERIES)] == [Outcome.INCONCLUSIVE]


def test_a_plans_own_query_gates() -> None:
    own = RegressionQuery(name="own", query="x[$window]", signal="cpu")
    on = plan().model_copy(update={"baseline": Baseline(name="main", queries=(own,))})
    assert gates("own", on, QUERIES.with_own((own,)))
    assert not gates("rate", on, QUERIES)


def test_all_the_same_is_no_finding() -> None:
    assert outcomes(run("r", 9), ANY) == []


def test_nothing_to_compare_with_is_told_and_is_no_pass() -> None:
    empty = replace(compare(run("r", 9), BASELINES, QUERIES), baselines=(), rows=())
    on = plan().model_copy(update={"baseline": ANY})
    assert [f.outcome for f in check_regression(empty, on, QUERIES, "no earlier run passed")] == [Outcome.WARN]
    assert [f.outcome for f in check_regression(empty, on, QUERIES, "no such name", True)] == [Outcome.INCONCLUSIVE]
    refused = replace(empty, refused=(("b1", "another processor"),))
    assert [f.outcome for f in check_regression(refused, on, QUERIES)] == [Outcome.WARN]
    named = plan().model_copy(update={"baseline": Baseline(name="main")})
    told = check_regression(refused, named, QUERIES)
    assert [f.outcome for f in told] == [Outcome.INCONCLUSIVE]
    assert "b1: another processor" in told[0].summary


def test_a_finding_says_what_how_much_and_against_what() -> None:
    on = plan().model_copy(update={"baseline": ANY})
    (found,) = check_regression(compare(run("r", 9, latency=0.12), BASELINES, QUERIES), on, QUERIES)
    assert found.summary.startswith("latency of GET /a is ")
    assert "higher than in 5 baseline runs" in found.summary and "95 % interval +" in found.summary
    assert found.subject == {"method": "GET", "name": "/a"}
    assert found.limit == pytest.approx(0.105, rel=0.02)
    assert found.value == pytest.approx(0.12, rel=0.03)
