"""The statistics of a comparison: known values, and how often it is wrong on runs whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judge.regression_stats import ALPHA, Effect, Level, between, effect, holm, level, noisier, prior


def test_a_level_is_the_mean_of_logarithms() -> None:
    found = level(np.array([1.0, 4.0, 1.0, 4.0]), logarithms=True)
    assert math.exp(found.mean) == pytest.approx(2.0)
    # Alternating values are no evidence of more precision than independent ones: variance / n.
    assert found.within == pytest.approx(np.var(np.log([1, 4, 1, 4]), ddof=1) / 4)


def test_a_series_that_wanders_is_less_precise_than_its_number_of_windows_says() -> None:
    wandering = level(np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]), logarithms=False)
    shuffled = level(np.array([1.0, 1.7, 1.1, 1.6, 1.2, 1.5, 1.3, 1.4]), logarithms=False)
    assert wandering.within > 3 * shuffled.within


def test_equal_values_have_no_noise_inside() -> None:
    assert level(np.zeros(8), logarithms=False) == Level(0.0, 0.0)


def test_one_baseline_rests_on_what_is_assumed() -> None:
    found = effect(Level(1.1, 0.0), [Level(1.0, 0.0)], 0.02**2)
    assert found.difference == pytest.approx(0.1)
    assert found.error == pytest.approx(0.02 * math.sqrt(2))
    assert found.df == 3


def test_the_spread_between_baselines_widens_the_interval() -> None:
    assumed = 0.01**2
    calm = effect(Level(0.0, 0.0), [Level(x, 0.0) for x in (-0.01, 0.0, 0.01)], assumed)
    wild = effect(Level(0.0, 0.0), [Level(x, 0.0) for x in (-0.1, 0.0, 0.1)], assumed)
    assert calm.error == pytest.approx(0.01 * math.sqrt(4 / 3))
    assert wild.error == pytest.approx(math.sqrt((8 * 0.01**2 + 2 * 0.1**2) / 10 * 4 / 3))
    assert calm.df == wild.df == 10


def test_more_baselines_narrow_it() -> None:
    errors = [effect(Level(0.0, 0.0), [Level(0.0, 0.0)] * n, 1.0) for n in (1, 2)]
    assert errors[1].error < errors[0].error


def test_a_run_that_is_noisier_inside_is_known_less() -> None:
    quiet = effect(Level(0.0, 0.0), [Level(0.0, 0.0)], 1e-4)
    noisy = effect(Level(0.0, 9e-4), [Level(0.0, 0.0)], 1e-4)
    assert noisy.error == pytest.approx(math.sqrt(quiet.error**2 + 9e-4))


def test_series_of_one_signal_tell_each_other_of_noise_but_never_of_calm() -> None:
    assert noisier([1.0, 1.0], [4.0, 2.0]) == 3.0
    assert noisier([1.0], [0.1]) == 1.0
    assert noisier([1.0], [math.nan]) == 1.0


def test_the_prior_holds_the_noise_inside_the_runs() -> None:
    assert prior(0.02, Level(0.0, 1e-4), [Level(0.0, 3e-4)]) == pytest.approx(4e-4 + 2e-4)
    assert math.isnan(between([Level(0.0, 1.0)]))


def test_holm_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_what_would_be_found_is_found_in_nine_of_ten() -> None:
    margin = math.log1p(0.05)
    made = Effect(0.0, 0.02, 12.0)
    size = made.detectable(ALPHA / 20, margin)
    draws = size + made.error * np.random.default_rng(1).standard_t(made.df, 20_000)
    found = np.mean([Effect(d, made.error, made.df).p_above() <= ALPHA / 20 and d >= margin for d in draws])
    assert found == pytest.approx(0.90, abs=0.02)


@pytest.mark.parametrize(("runs", "true_spread"), [(1, 0.02), (5, 0.02), (10, 0.04)])
def test_identical_runs_are_rarely_called_worse(runs: int, true_spread: float) -> None:
    """30 series, true spread up to twice what is assumed where baselines can show it: at most 2 % of comparisons."""
    rng = np.random.default_rng(7)
    alarms, comparisons, series = 0, 400, 30
    for _ in range(comparisons):
        levels = rng.normal(0, true_spread, (series, runs + 1))
        priors = [0.02**2] * series
        wider = noisier(priors, [between([Level(x, 0) for x in row[1:]]) for row in levels])
        found = [effect(Level(row[0], 0), [Level(x, 0) for x in row[1:]], 0.02**2 * wider) for row in levels]
        alarms += any(p <= ALPHA for p in holm([one.p_above() for one in found]))
    assert alarms <= 0.02 * comparisons
