"""The pure cores of the checks: windows, stretches, shares, levels, restarts, coverage, firing, onset."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.coverage import allowed_gap, cover, grade
from harness.judge.firing import firings, first_evaluation
from harness.judge.latency import quantile_of
from harness.judge.levels import judge_level
from harness.judge.onset import departure
from harness.judge.restarts import starts
from harness.judge.shares import Counts, find_breach, requests_needed, surely_above
from harness.judge.throughput import slow_windows
from harness.judge.verdict import Outcome
from harness.judge.windows import Window, pick, stretches, too_many, tumbling

EMPTY = np.empty(0)
DAY = Window(0, 86400)


def every(seconds: float, length: float, start: float = 0.0) -> np.ndarray:
    return np.arange(start, start + length + 1e-9, seconds)


# --- windows


def test_stretches_end_at_false_samples_and_at_holes() -> None:
    assert stretches(EMPTY, EMPTY.astype(bool), 5) == []
    t = np.array([0, 5, 10, 15, 20, 60, 65.0])
    found = stretches(t, np.array([1, 1, 0, 1, 1, 1, 1], dtype=bool), 5)
    assert [(s.start, s.end, s.samples, s.seconds) for s in found] == [(0, 5, 2, 10), (15, 20, 2, 10), (60, 65, 2, 10)]


@given(st.floats(1, 1e5))
def test_pieces_cover_the_window_once(length: float) -> None:
    window = Window(1000, 1000 + length)
    pieces = tumbling(window)
    assert (pieces[0].start, pieces[-1].end) == (window.start, window.end)
    t = np.linspace(window.start, window.end, 997)
    counted = sum(pick(t, p, closed=i == len(pieces) - 1).astype(int) for i, p in enumerate(pieces))
    assert (counted == 1).all()
    assert all(p.length >= min(150, length) - 1e-6 for p in pieces)


def test_more_than_one_percent_of_the_windows_and_two_at_least() -> None:
    assert [n for n in range(5) if too_many(n, 288)] == [3, 4]
    assert [n for n in range(4) if too_many(n, 1)] == [2, 3]
    assert not too_many(0, 0)


# --- shares


def counts(total: float, bad: np.ndarray, step: float = 5.0) -> Counts:
    return Counts(np.arange(bad.size) * step, np.full(bad.size, total), bad)


def test_requests_needed_follow_the_binomial_bound() -> None:
    assert requests_needed(0.05) == 59
    assert requests_needed(0.01) == 299
    assert requests_needed(0.5) == 30
    assert requests_needed(0.0) == 30


def test_nothing_breaches_without_requests() -> None:
    for empty in (counts(0, np.zeros(0)), counts(0, np.zeros(60))):
        breach = find_breach(empty, Window(0, 295), 0.05, 5)
        assert not breach.whole
        assert not breach.pieces


def test_a_share_at_its_limit_is_met_and_above_it_is_not() -> None:
    window = Window(0, 295)
    assert not find_breach(counts(100, np.full(60, 5.0)), window, 0.05, 5).whole
    breach = find_breach(counts(100, np.where(np.arange(60) >= 20, 9.0, 0.0)), window, 0.05, 5)
    assert breach.whole
    assert (breach.first, breach.seconds) == (100.0, 200.0)


def test_fourteen_minutes_of_outage_in_a_day_fail_though_the_day_is_within() -> None:
    bad = np.zeros(17280)
    bad[5000:5170] = 100  # 850 s of 86,400: 0.98 %
    breach = find_breach(counts(100, bad), DAY, 0.01, 5, least_bad=10)
    assert not breach.whole
    assert len(breach.pieces) >= 3
    assert breach.first == 25000
    blip = np.zeros(17280)
    blip[5000:5001] = 100
    assert not find_breach(counts(100, blip), DAY, 0.01, 5, least_bad=10).pieces


def test_a_breach_is_not_dated_before_the_first_request() -> None:
    all_ = np.where(np.arange(60) >= 4, 100.0, 0.0)
    made = Counts(every(5, 295), all_, all_ / 5)
    assert find_breach(made, Window(0, 295), 0.01, 5).first == 20.0


def test_few_requests_prove_nothing_by_chance() -> None:
    assert not surely_above(1, 10, 0.05, 0.05)
    assert surely_above(10, 10, 0.05, 0.05)
    assert not surely_above(0, 0, 0.05, 0.05)
    assert surely_above(1, 1000, 0.0, 0.05)


def test_quantiles_are_interpolated_and_failures_are_slow() -> None:
    edges, cumulative = np.array([0.1, 0.2, 0.4]), np.array([50.0, 90.0, 100.0])
    assert quantile_of(edges, cumulative, 100, 0.7) == pytest.approx(0.15)
    assert quantile_of(edges, cumulative, 100, 0.25) == pytest.approx(0.05)
    assert quantile_of(edges, cumulative, 200, 0.7) == math.inf
    assert math.isnan(quantile_of(edges, cumulative, 0, 0.7))
    assert math.isnan(quantile_of(EMPTY, EMPTY, 10, 0.7))


def test_empty_windows_are_slow_windows() -> None:
    t = every(5, 1495)
    keep = (t < 300) | (t >= 900)
    mean, low, pieces = slow_windows(t[keep], np.full(int(keep.sum()), 500.0), Window(0, 1500), 90)
    assert (round(mean), len(low), pieces) == (60, 2, 5)


# --- levels


def test_a_quantile_over_its_limit_for_most_of_a_short_window_is_no_pass() -> None:
    t = every(2, 48)
    assert judge_level(t, np.full(t.size, 0.9), 0.25, 2, memory=60).outcome is Outcome.INCONCLUSIVE
    some = np.where(np.arange(t.size) < 10, 0.9, 0.01)
    assert judge_level(t, some, 0.25, 2, memory=60).outcome is Outcome.PASS
    assert judge_level(t, np.full(t.size, 0.01), 0.25, 2, memory=60).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("over", "length", "hard", "memory", "outcome"),
    [
        (0, 150, False, 0, Outcome.PASS),
        (2, 150, False, 0, Outcome.PASS),  # a blip
        (3, 150, False, 0, Outcome.FAIL),  # 15 s of 150 s
        (3, 86400, False, 0, Outcome.WARN),  # 15 s of a day
        (3, 86400, True, 0, Outcome.FAIL),
        (12, 86400, False, 0, Outcome.FAIL),  # a minute on end
        (12, 86400, False, 60, Outcome.PASS),  # one slow ping in the p99 of a minute
        (16, 86400, False, 60, Outcome.WARN),
        (30, 86400, False, 60, Outcome.FAIL),
    ],
)
def test_levels_are_judged_by_what_lasts(over: int, length: float, hard: bool, memory: float, outcome: Outcome) -> None:
    t = every(5, length)
    v = np.where((t >= 50) & (t < 50 + 5 * over), 11.0, 10.0)
    found = judge_level(t, v, 10.0, 5, hard=hard, memory=memory)
    assert found.outcome is outcome
    assert found.highest == (11.0 if over else 10.0)


def test_starts_count_increases_resets_and_changed_start_times() -> None:
    t = every(5, 25)
    assert starts(EMPTY, EMPTY, DAY) == []
    assert starts(t, np.array([3, 3, 4, 4, 6, 6.0]), DAY) == [10, 20, 20]
    assert starts(t, np.array([3, 3, 0, 0, 1, 1.0]), DAY) == [20]
    assert starts(t, np.array([1.7e9, 1.7e9, 1.8e9, 1.8e9, 1.8e9, 1.8e9]), DAY) == [10]
    # process-exporter steps in for a silent sidecar and back again: no start; one that either saw counts.
    assert starts(t, np.array([3, 3, 1.7e9, 1.7e9, 3, 3.0]), DAY) == []
    assert starts(t, np.array([3, 1.7e9, 1.7e9, 1.8e9, 4, 4.0]), DAY) == [15, 20]
    assert starts(t, np.array([1e9, 1e9, 1e9 + 1, 1e9 + 1, 1e9 + 1, 1e9 + 1]), DAY) == [10]
    assert starts(t, np.array([3, 4, 4, 4, 4, 5.0]), Window(10, 20)) == []
    assert starts(t, np.array([3, 3, 4, 4, 4, 4.0]), Window(10, 20)) == [10]


# --- coverage


def test_coverage_of_nothing_and_of_everything() -> None:
    window = Window(0, 150)
    nothing = cover(EMPTY, window, 5)
    assert (nothing.expected, nothing.present, nothing.share, nothing.gap) == (30, 0, 0.0, 150)
    assert grade(nothing, window, 5) is Outcome.INCONCLUSIVE
    everything = cover(every(5, 150, 1.7), window, 5)
    assert (everything.present, everything.share) == (30, 1.0)
    assert grade(everything, window, 5) is Outcome.PASS
    assert cover(np.repeat(every(5, 150), 4), window, 5).present == 31


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [
        (0.04, Outcome.PASS),
        (0.06, Outcome.WARN),
        (0.19, Outcome.WARN),
        (0.21, Outcome.INCONCLUSIVE),
        (0.6, Outcome.INCONCLUSIVE),
    ],
)
def test_thresholds_of_the_share(lost: float, outcome: Outcome) -> None:
    window = Window(0, 86400)
    t = every(15, 86400 - 15)
    keep = np.floor(np.arange(t.size) * lost) == np.floor((np.arange(t.size) - 1) * lost)
    assert grade(cover(t[keep], window, 15), window, 15) is outcome


def test_gaps_are_bounded_and_bridged_by_counters() -> None:
    assert allowed_gap(Window(0, 150), 5) == 15
    assert allowed_gap(Window(0, 3600), 5) == 180
    assert allowed_gap(DAY, 15) == 300
    window = Window(0, 3600)
    t = every(5, 3600)
    hole = t[(t < 1000) | (t > 1200)]
    found = cover(hole, window, 5)
    assert (found.gap, found.gap_from) == (210, 995)
    assert grade(found, window, 5) is Outcome.INCONCLUSIVE
    assert grade(cover(hole, window, 5, bridged=t[t < 1060]), window, 5) is Outcome.WARN  # 94 %


def test_what_a_rate_remembers_after_the_last_sample_bridges_nothing() -> None:
    """A rate of a minute goes on for a minute when its counter ends: what happened there is in no sample."""
    window, t = Window(0, 600), every(5, 600)
    seen = t[t <= 550]
    found = cover(seen, window, 5, bridged=t)
    assert (found.gap, found.gap_from) == (50, 550)
    assert grade(found, window, 5) is Outcome.INCONCLUSIVE
    assert cover(EMPTY, window, 5, bridged=t).gap == 600


# --- alerts


def test_for_is_applied_to_the_millisecond() -> None:
    assert firings(EMPTY, EMPTY, 5, 30) == []
    t = every(5, 100, 1000.0)
    (fired,) = firings(t, np.ones(t.size), 5, 30)
    assert (fired.active, fired.start, fired.end, fired.seconds) == (1000, 1030, 1100, 105)
    assert firings(t[:6], np.ones(6), 5, 30) == []
    assert firings(t[:7], np.ones(7), 5, 30)[0].start == 1030


def test_a_gap_resets_for_and_nan_never_fires() -> None:
    t = every(5, 100, 1000.0)
    gap = np.delete(t, 5)
    assert [f.active for f in firings(gap, np.ones(gap.size), 5, 30)] == [1030]
    values = np.ones(t.size)
    values[5] = np.nan
    assert [f.active for f in firings(t, values, 5, 30)] == [1030]
    assert firings(t, np.full(t.size, np.nan), 5, 0) == []
    assert firings(t, np.array([1.0, -7.0] + [2.0] * 19), 5, 0)[0].value == -7


@given(st.floats(0, 1e6), st.sampled_from([1.0, 5.0, 15.0, 0.5]), st.floats(0, 15))
def test_evaluations_lie_on_the_groups_grid(start: float, step: float, offset: float) -> None:
    first = first_evaluation(start, step, offset)
    assert -0.002 <= first - start <= step + 0.002
    assert min((first - round(offset, 3)) % step, step - (first - round(offset, 3)) % step) < 0.002


# --- onset, generator


def test_departure_from_the_early_range() -> None:
    t = every(5, 500)
    assert departure(EMPTY, EMPTY, 5) is None
    rng = np.random.default_rng(1)
    steady = 4 + rng.normal(0, 0.3, t.size)
    assert departure(t, steady, 5) is None
    assert departure(t, np.where(t >= 300, steady + 5, steady), 5) == 300
    assert departure(t, np.where(t == 300, steady + 5, steady), 5) is None
    assert departure(t, np.where(t >= 300, steady - 3, steady), 5, upward=False) == 300
    assert departure(t, np.full(t.size, np.nan), 5) is None
