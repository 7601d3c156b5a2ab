"""The growth test on simulated series: error rates over hundreds of seeds, and nonsense that must never PASS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from harness.judge.floors import clean, floors, readings, segment_ids
from harness.judge.growth import GrowthResult, growth_onset, judge_growth
from harness.judge.verdict import Outcome

START = 1.79e9
MIB = 2.0**20
Generator = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def noise(rng: np.random.Generator, count: int, sigma: float, correlation: float) -> np.ndarray:
    raw = rng.normal(0, sigma * np.sqrt(1 - correlation**2), count + 3000)
    return lfilter([1], [1, -correlation], raw)[3000:]


def short(per_second: float, sigma: float = 0.01, step: float = 5.0, held: int = 1, warm: float = 0.0) -> Generator:
    """150 s of a memory of 200 MB: noise, reading pace, a warm-up of 20 s that adds ``warm``."""

    def make(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(0, 150.1, step)
        v = 1 + per_second * t + noise(rng, t.size, sigma, 0.5) + warm * (1 - np.exp(-t / 20))
        return START + t, 200e6 * v[(np.arange(t.size) // held) * held]

    return make


def day(per_hour: float, sigma: float = 0.005, extra: Callable[[np.ndarray], np.ndarray] | None = None) -> Generator:
    """24 h at 15 s of a memory of 300 MB, noise with a correlation time of an hour."""

    def make(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        t = np.arange(0, 86400, 15.0)
        h = t / 3600
        v = 1 + per_hour * h + noise(rng, t.size, sigma, float(np.exp(-15 / 3600))) + rng.normal(0, 0.003, t.size)
        return START + t, 300e6 * (v + (extra(h) if extra else 0))

    return make


def rates(make: Generator, seeds: int, **options: float) -> Counter[str]:
    return Counter(judge_growth(*make(np.random.default_rng(seed)), **options).outcome.word for seed in range(seeds))


SHORT = {"limit": 0.5, "horizon": 600.0, "interval": 5.0, "needed": 150.0, "smallest": MIB}
DAY = {"limit": 0.05, "horizon": 86400.0, "interval": 15.0, "needed": 21600.0, "smallest": MIB}


@pytest.mark.parametrize(
    ("make", "step"),
    [
        (short(0), 5), (short(0, step=2), 2), (short(0, held=6), 5), (short(0, held=3, warm=0.2), 5),
        (short(0, warm=0.1), 5), (short(1e-4, sigma=0.005), 5),
    ],
)  # fmt: skip
def test_a_short_healthy_memory_passes(make: Generator, step: float) -> None:
    found = rates(make, 40, **{**SHORT, "interval": step})
    assert found["fail"] == 0
    assert found["pass"] >= 36  # 95 % is the goal of JUDGEMENT for healthy series


@pytest.mark.parametrize("make", [short(0.004), short(0.004, held=6), short(0.004, step=2), short(0.004, warm=0.1)])
def test_a_short_leak_of_four_tenths_a_second_fails(make: Generator) -> None:
    found = rates(make, 40, **SHORT)
    assert found["fail"] >= 36  # 95 % expected: a warm-up beside the leak looks like one that settles
    assert found["pass"] == 0


@pytest.mark.parametrize(
    "make",
    [
        day(0), day(0, extra=lambda h: 0.3 * ((h / 1.7) % 1)), day(0, extra=lambda h: 0.3 * (1 - np.exp(-h / 3))),
        day(0, extra=lambda h: 0.2 * (h > 3)),
    ],
    ids=["noise", "saw tooth", "plateau", "early step"],
)  # fmt: skip
def test_a_day_of_healthy_memory_is_never_a_leak(make: Generator) -> None:
    found = rates(make, 20, **DAY)
    assert found["fail"] <= 1
    assert found["pass"] >= 17


@pytest.mark.parametrize(
    "make",
    [
        day(0.01),
        day(0.02, extra=lambda h: 0.3 * ((h / 1.7) % 1)),
        day(0, extra=lambda h: 0.02 * np.clip(h - 12, 0, None)),
    ],
    ids=["1 % an hour", "under a saw tooth", "from noon on"],
)
def test_a_day_of_leaking_is_found(make: Generator) -> None:
    found = rates(make, 20, **DAY)
    assert found["fail"] >= 18
    assert found["pass"] == 0


def test_a_leak_through_restarts_is_found_and_its_resets_are_not_slopes() -> None:
    t = np.arange(0, 86400, 15.0)
    restarts = [START + 6 * 3600.0 * k for k in (1, 2, 3)]
    v = 300e6 * (1 + 0.03 * ((t / 3600) % 6)) + np.random.default_rng(1).normal(0, 1e6, t.size)
    found = judge_growth(START + t, v, restarts=restarts, **DAY)
    assert found.outcome is Outcome.FAIL
    assert found.slope == pytest.approx(0.03 * 300e6, rel=0.1)
    assert judge_growth(START + t, v, **DAY).outcome is not Outcome.FAIL  # as a saw tooth it is healthy


def test_memory_that_follows_the_load_is_no_leak() -> None:
    t = np.arange(0, 86400, 15.0)
    users = 100 + 25 * t / 86400 + 25 * (np.floor(t / 7200) % 2)
    v = 2e6 * users + np.random.default_rng(2).normal(0, 5e5, t.size)
    assert judge_growth(START + t, v, **DAY).outcome is not Outcome.PASS
    known = judge_growth(START + t, v, load=(START + t, users), **DAY)
    assert known.outcome is Outcome.PASS


def test_figures_of_an_exact_line() -> None:
    t = np.arange(0, 7200.0, 15.0)
    v = 1000.0 + t / 3600 * 100  # 100 an hour
    found = judge_growth(START + t, v, limit=0.1, horizon=7200, interval=15, needed=1800)
    assert found.outcome is Outcome.FAIL
    # Minima stand at the middle of their windows: the line is exact, its base a window off.
    assert found.slope == pytest.approx(100, rel=0.01)
    assert 95 < found.slope_low < found.slope < found.slope_high < 105
    assert found.base == pytest.approx(1000, rel=0.01)
    assert found.projected == pytest.approx(0.2, rel=0.01)
    assert found.seconds_to_limit == 0
    assert found.onset == pytest.approx(START, abs=300)


def test_time_to_the_limit_and_how_much_longer_to_run() -> None:
    t = np.arange(0, 3600.0, 15.0)
    found = judge_growth(START + t, 1000 + t / 20, limit=0.5, horizon=86400, interval=15, needed=21600)
    assert found.outcome is Outcome.FAIL  # 18 % in an hour, where six hours at the limit show 12.5 %
    assert found.seconds_to_limit == pytest.approx((500 / 180 - 1) * 3600, rel=0.05)
    drift = judge_growth(START + t, 1000 + t / 36, limit=0.5, horizon=86400, interval=15, needed=21600)
    assert drift.outcome is Outcome.INCONCLUSIVE  # 10 %: it may be a warm-up
    assert drift.reason == "the steady window is too short"
    calm = judge_growth(START + t, np.full(t.size, 1000.0), limit=0.5, horizon=86400, interval=15, needed=21600)
    assert calm.outcome is Outcome.INCONCLUSIVE
    assert calm.more_seconds == pytest.approx(5 * 3600, rel=0.01)


def test_a_constant_passes_and_a_base_of_nothing_has_a_smallest_growth() -> None:
    t = START + np.arange(0, 601, 5.0)
    options = {"limit": 0.05, "horizon": 600.0, "interval": 5.0, "needed": 150.0}
    assert judge_growth(t, np.full(t.size, 12.0), smallest=1.0, **options).outcome is Outcome.PASS
    assert judge_growth(t, np.zeros(t.size), smallest=1.0, **options).outcome is Outcome.PASS
    rising = np.floor((t - START) / 30)
    assert judge_growth(t, rising, smallest=1.0, **options).outcome is Outcome.FAIL
    one_more = np.where(t > START + 300, 13.0, 12.0)  # one descriptor more in all
    assert judge_growth(t, one_more, smallest=1.0, **options).outcome is not Outcome.FAIL


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [np.nan] * 40, [np.inf] * 40])
def test_too_little_is_inconclusive(values: list[float]) -> None:
    found = judge_growth(START + np.arange(len(values)) * 5.0, np.array(values), **SHORT)
    assert found.outcome is Outcome.INCONCLUSIVE


wild = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.one_of(wild, st.floats(0, 1000)), st.one_of(wild, st.floats(-10, 1e9))), max_size=80),
    st.lists(st.floats(0, 1000), max_size=4),
)
def test_nonsense_never_raises_and_passes_only_on_enough(
    pairs: list[tuple[float, float]], restarts: list[float]
) -> None:
    times = np.array([p[0] for p in pairs])
    values = np.array([p[1] for p in pairs])
    with np.errstate(all="ignore"):
        found = judge_growth(times, values, restarts=restarts, load=(times, values), **SHORT)
    assert isinstance(found, GrowthResult)
    kept, _ = clean(times, values)
    if found.outcome is Outcome.PASS:
        assert kept.size >= 5
        assert kept[-1] - kept[0] >= 145


def test_clean_sorts_drops_and_keeps_the_last_of_twins() -> None:
    times, values = clean(np.array([3, 1, 2, 2, np.nan, 4]), np.array([30, 10, 20, 21, 5, np.inf]))
    assert times.tolist() == [1, 2, 3]
    assert values.tolist() == [10, 21, 30]


def test_floors_are_minima_of_windows() -> None:
    t = np.arange(0, 480.0, 1.0)
    low_times, low, size = floors(t, np.where(t % 10 == 3, 1.0, 2.0), 1.0)
    assert (low.size, size) == (48, 10.0)
    assert low.tolist() == [1.0] * 48
    assert low_times[0] == 5.0
    assert floors(np.empty(0), np.empty(0), 1.0)[1].size == 0


def test_slow_readings_count_once_but_changing_counts_stay() -> None:
    t = np.arange(0, 150.0, 5)
    held = np.repeat([1.0, 3.0, 2.0, 5.0, 4.0], 6)
    assert readings(t, held, 5.0)[1].tolist() == [1.0, 3.0, 2.0, 5.0, 4.0]
    counts = np.array([4.0] * 11 + [5.0] + [4.0] * 3 + [5.0] * 15)
    assert readings(t, counts, 5.0)[1].size == 30


def test_segments_part_at_restarts_that_freed_something() -> None:
    t = np.arange(10.0)
    v = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 5.0])
    assert segment_ids(t, v, [4.5]).tolist() == [0] * 5 + [1] * 5
    assert segment_ids(t, np.ones(10), [4.5]).tolist() == [0] * 10


def test_the_interval_covers_the_slope_of_correlated_noise() -> None:
    inside = 0
    for seed in range(60):
        times, values = day(0.0)(np.random.default_rng(seed))
        found = judge_growth(times, values, **DAY)
        inside += found.slope_low <= 0 <= found.slope_high
    assert inside >= 46  # 81 % expected at least (5 % below, 14 % above): two fewer than that


def test_onset_of_growth() -> None:
    t = np.arange(0, 100.0)
    assert growth_onset(t, t) == pytest.approx(0, abs=2)
    assert growth_onset(t, np.clip(t - 50, 0, None)) == pytest.approx(50, abs=3)
