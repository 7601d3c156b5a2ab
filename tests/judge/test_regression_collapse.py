"""A run that broke, stood still or grew slow half-way is worse, never "same"; few requests raise no false alarm."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.judge.regression import compare
from harness.judge.regression_findings import check_regression
from harness.judge.regression_keys import Key
from harness.judge.regression_rows import Change, Row
from harness.judge.regression_values import RunValues
from harness.judge.verdict import Outcome
from harness.plan.regression import Baseline, QuerySet
from tests.judge.fabricate import plan
from tests.judge.test_regression import BASELINES, ERRORS, LATENCY, QUERIES, RATE, run


def falling(*zero: int, to: float = 0.0) -> RunValues:
    """A run of the same build but for these sub-windows."""
    values = run("r", 9).values[RATE].copy()
    values[list(zero)] = to
    return replace(run("r", 9), values={**run("r", 9).values, RATE: values})


def rate(this: RunValues, baselines: list[RunValues] = BASELINES, queries: QuerySet = QUERIES) -> Row:
    return next(row for row in compare(this, baselines, queries).rows if row.query == "rate")


@pytest.mark.parametrize("to", [0.0, 0.5])
@pytest.mark.parametrize("zero", [(3,), (4, 5, 6, 7), tuple(range(8))])
def test_an_outage_is_worse_by_what_the_mean_lost(zero: tuple[int, ...], to: float) -> None:
    """Also one of which a little is left: the deeper the fall, the larger the spread that hid it."""
    found = rate(falling(*zero, to=to))
    assert found.change is Change.WORSE
    lost = len(zero) / 8 * (1 - to / 50)
    assert found.effect == pytest.approx(-lost, abs=0.02)
    assert found.value == pytest.approx(50 * (1 - lost), rel=0.03, abs=0.05)
    assert f"in {len(zero)} of 8 sub-windows less than 10% of what each baseline always had" in found.note
    assert [one.run_id for one in found.measured] == ["b1", "b2", "b3", "b4", "b5", "r"]
    assert found.measured[-1].level == pytest.approx(found.value)
    json.dumps(found.to_json(), allow_nan=False)


def test_the_finding_says_so() -> None:
    on = plan().model_copy(update={"baseline": Baseline(last_passed=5, require=("rate",))})
    (found,) = check_regression(compare(falling(3), BASELINES, QUERIES), on, QUERIES)
    assert found.outcome is Outcome.FAIL
    assert "lower than in 5 baseline runs" in found.summary and "in 1 of 8 sub-windows" in found.summary


def test_nothing_else_is_worse_for_it() -> None:
    changes = {row.query: row.change for row in compare(falling(3), BASELINES, QUERIES).rows}
    assert changes == {"latency": Change.SAME, "rate": Change.WORSE, "errors": Change.SAME}


def test_one_baseline_suffices_for_half_a_run_and_never_makes_an_outage_the_same() -> None:
    assert rate(falling(4, 5, 6, 7), BASELINES[:1]).change is Change.WORSE
    assert rate(falling(3), BASELINES[:1]).change in (Change.WORSE, Change.CANNOT_TELL)
    wide = QuerySet(
        requests="x[$window]",
        queries=tuple(q.model_copy(update={"tolerance": 0.3}) if q.name == "rate" else q for q in QUERIES.queries),
    )
    found = rate(falling(3), queries=wide)
    assert found.change is Change.CANNOT_TELL
    assert "in 1 of 8 sub-windows" in found.note


def test_a_busier_run_with_an_outage_is_not_better() -> None:
    values = 2 * falling(3).values[RATE]
    assert rate(replace(falling(3), values={**falling(3).values, RATE: values})).change is Change.CANNOT_TELL


def test_negative_values_are_no_outage() -> None:
    assert rate(falling(3, to=-1.0)).change is Change.CANNOT_TELL


@pytest.mark.parametrize(
    ("key", "course"),
    [
        (LATENCY, [0.1, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0, 1.0]),
        (LATENCY, list(np.linspace(0.1, 1.0, 8))),  # it grows all the time
        (RATE, [50.0, 50.0, 50.0, 50.0, 20.0, 20.0, 20.0, 20.0]),
        (ERRORS, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_what_breaks_half_way_does_not_hide_itself_as_noise(key: Key, course: list[float]) -> None:
    """The spread inside the run is the break; it was "cannot tell", and `harness compare` exited 0."""
    broken = replace(run("r", 9), values={**run("r", 9).values, key: np.array(course)})
    rows = {row.query: row for row in compare(broken, BASELINES, QUERIES).rows}
    assert rows[key[0]].change is Change.WORSE
    assert "far worse than any baseline ever was" in rows[key[0]].note
    assert {row.change for name, row in rows.items() if name != key[0]} == {Change.SAME}


def test_one_bad_sub_window_proves_nothing() -> None:
    """A neighbour, a pause of the machine: as before, it is said that nothing can be told."""
    for key, bad in ((LATENCY, 1.0), (ERRORS, 1.0)):
        values = run("r", 9).values[key].copy()
        values[3] = bad
        found = compare(replace(run("r", 9), values={**run("r", 9).values, key: values}), BASELINES, QUERIES)
        assert {row.query: row.change for row in found.rows}[key[0]] is Change.CANNOT_TELL


def test_milliseconds_below_the_minimum_stay_the_same() -> None:
    small = [run(f"b{i}", i, latency=0.0003) for i in range(1, 6)]
    found = compare(run("r", 9, latency=0.0009), small, QUERIES)
    assert {row.query: row.change for row in found.rows}["latency"] is Change.SAME


@pytest.mark.parametrize("runs", [1, 3, 5])
def test_few_requests_that_are_none_by_chance_are_no_outage(runs: int) -> None:
    """Three requests in a sub-window are none at all in one of twenty."""
    rng = np.random.default_rng(4)
    alarms = fell = 0
    for _ in range(100):
        made = [RunValues(f"b{i}", "d", 10.0, {RATE: rng.poisson(3.0, 8) / 10}) for i in range(runs + 1)]
        row = rate(made[0], made[1:])
        alarms += row.change is Change.WORSE
        fell += "sub-windows less than" in row.note
    assert fell > 0
    assert alarms == 0
