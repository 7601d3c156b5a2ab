"""Change points: found where they are, and rarely where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judge.regression_trend import LEAST_RUNS, noise, segments, trends
from harness.judge.regression_values import RunValues
from harness.plan.regression import QuerySet, RegressionQuery

QUERY = RegressionQuery(name="latency", query="x[$window]", signal="latency", unit="seconds", between_runs=0.02)
RATE = RegressionQuery(name="rate", query="y[$window]", signal="throughput", better="higher", unit="rps")
QUERIES = QuerySet(requests="x", queries=(QUERY, RATE))


def history(levels: np.ndarray, name: str = "latency") -> list[RunValues]:
    return [RunValues(f"run-{i:02}", "d", 10.0, {(name, ()): np.full(8, v)}) for i, v in enumerate(levels)]


def test_a_step_is_found_at_its_run_with_its_size() -> None:
    rng = np.random.default_rng(1)
    levels = 0.1 * np.exp(rng.normal(0, 0.02, 24))
    levels[15:] *= 1.15
    (found,) = trends(history(levels), QUERIES)
    (change,) = found.changes
    assert change.run_id == "run-15"
    assert change.effect == pytest.approx(0.15, abs=0.03)
    assert change.worse
    assert found.first == pytest.approx(0.1, rel=0.02) and found.last == pytest.approx(0.115, rel=0.02)
    assert found.runs == 24


def test_a_drop_of_throughput_is_worse_and_of_latency_better() -> None:
    levels = np.array([100.0] * 10 + [80.0] * 10)
    assert trends(history(levels, "rate"), QUERIES)[0].changes[0].worse
    assert not trends(history(levels / 1000), QUERIES)[0].changes[0].worse


def test_one_odd_night_is_no_change() -> None:
    levels = np.full(20, 0.1)
    levels[9] = 0.2
    assert trends(history(levels), QUERIES)[0].changes == ()


def test_a_change_within_the_tolerance_is_none() -> None:
    levels = np.array([0.1] * 15 + [0.104] * 15)
    assert trends(history(levels), QUERIES)[0].changes == ()


def test_a_series_that_the_newest_run_lacks_is_not_steady() -> None:
    runs = history(np.full(12, 0.1))
    assert not trends(runs, QUERIES)[0].gone
    newest = RunValues("run-99", "d", 10.0, {}, {("latency", ()): "no data"})
    (found,) = trends([*runs, newest], QUERIES)
    assert (found.gone, found.runs, found.changes) == (True, 12, ())


def test_a_throughput_that_falls_to_0_for_a_while_stays_in_the_history() -> None:
    """Without a logarithm such runs were left out: the rest was steady."""
    runs = history(np.full(16, 50.0), "rate")
    fell = [
        RunValues(one.run_id, "d", 10.0, {("rate", ()): np.r_[np.full(6, 50.0), 0.0, 0.0]}) if i >= 10 else one
        for i, one in enumerate(runs)
    ]
    (found,) = trends(fell, QUERIES)
    assert (found.runs, found.gone) == (16, False)
    assert [(one.run_id, one.worse) for one in found.changes] == [("run-10", True)]
    assert found.changes[0].effect == pytest.approx(-0.25)
    nothing = RunValues("run-99", "d", 10.0, {("rate", ()): np.zeros(8)})
    assert trends([*runs, nothing], QUERIES)[0].gone


def test_few_runs_tell_nothing() -> None:
    assert trends(history(np.full(LEAST_RUNS - 1, 0.1)), QUERIES) == []
    assert len(trends(history(np.full(LEAST_RUNS, 0.1)), QUERIES)) == 1


def test_runs_that_agree_by_chance_are_no_less_noisy_than_assumed() -> None:
    assert noise(np.zeros(10), 0.02) == 0.02
    assert noise(np.array([0.0, 1.0] * 5), 0.02) == pytest.approx(1.048, abs=0.01)


@pytest.mark.parametrize("runs", [10, 20, 50])
@pytest.mark.parametrize("spread", [0.02, 0.06])
@pytest.mark.parametrize("tails", ["normal", "t5"])
def test_histories_without_a_change_rarely_show_one(runs: int, spread: float, tails: str) -> None:
    rng = np.random.default_rng(runs)
    drawn = rng.normal(0, 1, (300, runs)) if tails == "normal" else rng.standard_t(5, (300, runs)) / np.sqrt(5 / 3)
    assert sum(bool(segments(spread * row, QUERY)) for row in drawn) <= 300 * 0.01


def test_a_shift_of_four_times_the_noise_is_found() -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        levels = rng.normal(0, 0.03, 20)
        levels[12:] += 0.12
        starts = segments(levels, QUERY)
        found += len(starts) == 1 and abs(starts[0] - 12) <= 1
    assert found >= 180
