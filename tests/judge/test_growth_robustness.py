"""What no healthy exporter sends: the growth test never raises, and never passes without enough of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judge.growth import judge_growth
from harness.judge.growth_readings import HOUR
from harness.judge.growth_result import GrowthResult, seconds_more
from harness.judge.verdict import Outcome

START = 1.79e9
DAY = {"limit": 0.05, "horizon": 86400.0, "interval": 60.0, "needed": 21600.0, "smallest": 1.0}
wild = st.floats(allow_nan=True, allow_infinity=True, width=64)


def day(per_hour: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(0, 86400, 60.0)
    noise = np.random.default_rng(seed).normal(0, 1e5, t.size)
    return START + t, 1e8 * (1 + per_hour * t / HOUR) + noise


def test_a_clock_that_was_set_back_is_inconclusive_never_a_leak() -> None:
    for per_hour in (0.0, 0.02):
        times, values = day(per_hour)
        found = judge_growth(np.where(times > START + 40000, times - 3600, times), values, **DAY)
        assert found.outcome is Outcome.INCONCLUSIVE
        assert found.reason == "the clock went back by 3540 s"
    assert judge_growth(*day(0.0), **DAY).outcome is Outcome.PASS
    assert judge_growth(*day(0.02), **DAY).outcome is Outcome.FAIL


def test_a_clock_that_was_set_forward_far_is_inconclusive_never_a_leak() -> None:
    times, values = day()
    found = judge_growth(np.where(times > START + 40000, times + 36000, times), values, **DAY)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "without a sample" in found.reason
    # Five minutes are a hole that the coverage check tolerates.
    later = judge_growth(np.where(times > START + 40000, times + 300, times), values, **DAY)
    assert later.outcome is Outcome.PASS


def test_twins_and_negative_values_are_judged() -> None:
    times, values = day()
    found = judge_growth(np.repeat(times, 2), np.repeat(values, 2), **DAY)
    assert found.outcome is Outcome.PASS
    assert judge_growth(times, -values, **DAY).outcome is Outcome.PASS
    assert judge_growth(times, day(0.02)[1] - 2e8, **DAY).outcome is Outcome.FAIL


@pytest.mark.parametrize("hours", [0.01, 1, 5.9])
@pytest.mark.parametrize("per_hour", [0.0, -0.05])
def test_less_than_was_asked_for_never_passes(hours: float, per_hour: float) -> None:
    times, values = day(per_hour)
    keep = times < START + hours * 3600
    assert judge_growth(times[keep], values[keep], **DAY).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-300, 1e29, 1e300])
def test_constants(value: float) -> None:
    times, _ = day()
    found = judge_growth(times, np.full(times.size, value), **DAY)
    assert found.outcome is (Outcome.PASS if abs(value) < 1e30 else Outcome.INCONCLUSIVE)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(wild, st.floats(-1e9, 1e9), st.just(7.0)), min_size=2, max_size=60),
    st.lists(st.one_of(wild, st.floats(START, START + 86400)), max_size=6),
    st.one_of(st.none(), st.lists(st.one_of(wild, st.floats(0, 1e4)), min_size=1, max_size=60)),
    st.sampled_from(["min", "median"]),
    st.floats(0, 86400),
)
def test_any_day_is_judged_without_an_exception(
    values: list[float], restarts: list[float], load: list[float] | None, how: str, span: float
) -> None:
    times = START + np.linspace(0, span, len(values))
    given_load = None if load is None else (START + np.linspace(0, span, len(load)), np.array(load))
    found = judge_growth(times, np.array(values), restarts=restarts, load=given_load, how=how, **DAY)  # type: ignore[arg-type]
    assert isinstance(found, GrowthResult)
    if found.outcome in (Outcome.PASS, Outcome.FAIL):
        assert math.isfinite(found.slope)
        assert found.slope_low <= found.slope_high
        assert 0 <= found.p_value <= 1
    if found.outcome is Outcome.PASS:
        assert np.isfinite(values).sum() >= 5
        assert span >= DAY["needed"] - 2 * DAY["interval"]


def test_time_to_the_limit_has_an_interval() -> None:
    found = judge_growth(*day(0.001), **{**DAY, "limit": 0.1})
    # 2.4 % of 10 % are gone after a day, at 0.1 % an hour.
    assert found.seconds_to_limit == pytest.approx(76 * HOUR, rel=0.1)
    assert found.seconds_to_limit_low is not None
    assert found.seconds_to_limit_high is not None
    assert found.seconds_to_limit_low <= found.seconds_to_limit <= found.seconds_to_limit_high
    assert judge_growth(*day(-0.01), **DAY).seconds_to_limit is None


def test_how_much_longer_follows_the_length_to_the_power_of_three_halves() -> None:
    fit = GrowthResult(Outcome.INCONCLUSIVE, "", slope=0.0, slope_low=-8.0, slope_high=8.0)
    assert seconds_more(fit, 1.0, 100.0) == pytest.approx(300.0)  # eight times as narrow in four times the length
    assert seconds_more(fit, 0.0, 100.0) is None
