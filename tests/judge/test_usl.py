"""The Universal Scalability Law: right where the data follow it, silent where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judge.usl import Point, curve_of, fit_usl, knee_of, throughput_at, usl

LOADS = np.array([1, 2, 4, 8, 16, 32, 64, 96])


def points(alpha: float, beta: float, gamma: float, noise: float = 0.0):
    rates = usl(LOADS, alpha, beta, gamma) * np.random.default_rng(1).normal(1, noise, LOADS.size)
    return curve_of(LOADS.tolist(), rates.tolist())


@pytest.mark.parametrize(("alpha", "beta", "gamma"), [(0.02, 0.0005, 40.0), (0.05, 0.0001, 3.0)])
def test_the_parameters_of_a_made_curve_are_found_again(alpha: float, beta: float, gamma: float) -> None:
    fit = fit_usl(points(alpha, beta, gamma, noise=0.01))
    assert fit.refused == ""
    assert fit.alpha == pytest.approx(alpha, rel=0.2)
    assert fit.beta == pytest.approx(beta, rel=0.2)
    assert fit.gamma == pytest.approx(gamma, rel=0.05)
    peak = math.sqrt((1 - alpha) / beta)
    assert fit.peak_load == pytest.approx(peak, rel=0.1)
    assert fit.peak_rps == pytest.approx(float(usl(np.array([peak]), alpha, beta, gamma)[0]), rel=0.05)
    assert len(fit.residuals) == LOADS.size
    assert max(map(abs, fit.residuals)) < 0.05


def test_a_peak_far_beyond_the_loads_is_not_predicted() -> None:
    fit = fit_usl(points(0.01, 1e-7, 40.0))
    assert fit.refused == ""
    assert fit.peak_load is None


def test_throughput_without_loss_has_no_peak() -> None:
    fit = fit_usl(points(0.0, 0.0, 2.0))
    assert (fit.peak_load, fit.refused) == (None, "")
    assert fit.gamma == pytest.approx(2.0, rel=1e-3)


def test_what_does_not_follow_the_law_has_no_number() -> None:
    saw = curve_of(LOADS.tolist(), [1, 50, 2, 60, 3, 40, 2, 70])
    fit = fit_usl(saw)
    assert "the law explains only" in fit.refused
    assert math.isnan(fit.alpha)
    assert fit.peak_load is None
    assert len(fit.residuals) == LOADS.size


def test_a_curve_that_is_off_at_one_load_has_no_number() -> None:
    made = list(points(0.02, 0.0005, 40.0))
    made[0] = Point(1, made[0].rps * 1.5)
    assert "it is off by" in fit_usl(made).refused


def test_five_loads_are_too_few() -> None:
    assert fit_usl(points(0.02, 0.0005, 40.0)[:5]).refused.startswith("5 loads are too few")
    assert fit_usl(()).refused.startswith("0 loads")


def test_the_knee_is_where_growth_meets_the_ceiling() -> None:
    made = curve_of([10, 20, 40, 80, 160, 80], [20, 40, 80, 100, 100, math.nan])
    assert knee_of(made) == Point(50.0, 100.0)
    assert knee_of(made[:2]) is None
    assert throughput_at(made, 30) == 60
    assert throughput_at(made, 200) is None
    assert throughput_at((), 1) is None


@pytest.mark.parametrize(
    "rates",
    [
        [20, 40, 80, 160, 320],  # a line
        [20, 40.5, 79, 158, 317],  # with noise
        [20, 40, 79, 155, 290],  # a little less at the end: nobody would see a bend
        [20, 46, 80, 160, 320],  # one odd load, and nothing measured past the bend
    ],
)
def test_a_curve_that_is_nearly_a_line_has_no_knee(rates: list[float]) -> None:
    assert knee_of(curve_of([10, 20, 40, 80, 160], rates)) is None


def test_a_curve_that_ends_flat_or_falls_has_one() -> None:
    assert knee_of(curve_of([10, 20, 40, 80, 160], [20, 40, 79, 150, 200])) == Point(pytest.approx(100, rel=0.02), 200)
    fallen = knee_of(curve_of([10, 20, 40, 80], [20, 40, 60, 30]))
    assert fallen == Point(pytest.approx(30, rel=0.02), 60)
    assert knee_of(curve_of([10, 20, 40], [20, 40, 0])) == Point(pytest.approx(20), 40)
