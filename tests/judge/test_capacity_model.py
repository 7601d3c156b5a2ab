"""The posterior of a capacity, its interval, and what two of them say together."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judge.capacity_model import LAPSE, Interval, Posterior, Probe, breach_probability, regressed
from harness.judge.capacity_search import Settings, Tried, search


def test_far_from_the_edge_only_a_lapse_is_left() -> None:
    chances = breach_probability(100.0, np.array([1.0, 100.0, 10_000.0]))
    assert chances[0] == pytest.approx(1 - LAPSE)
    assert chances[1] == pytest.approx(0.5)
    assert chances[2] == pytest.approx(LAPSE)


def test_probes_on_both_sides_bound_the_capacity() -> None:
    posterior = Posterior([Probe(80, False)] * 3 + [Probe(100, True)] * 3, 1, 1000)
    interval = posterior.interval(0.95)
    assert 75 < interval.low < interval.estimate < interval.high < 107
    assert interval.estimate == pytest.approx(90, rel=0.03)
    assert posterior.weights.sum() == pytest.approx(1)


def test_without_probes_everything_is_possible() -> None:
    interval = Posterior([], 1, 1000).interval(0.9)
    assert interval.low == pytest.approx(1000**0.05, rel=0.02)
    assert interval.high == pytest.approx(1000**0.95, rel=0.02)
    with pytest.raises(ValueError, match="no capacity lies between"):
        Posterior([], 5, 5)


def test_one_freak_breach_does_not_hide_the_holds_above_it() -> None:
    held = [Probe(load, False) for load in (40, 80, 80, 90, 90)]
    broke = [Probe(load, True) for load in (20, 110, 110, 120)]
    assert Posterior([*held, *broke], 1, 1000).interval(0.95).low > 80


def test_the_most_telling_load_lies_between_what_held_and_what_broke() -> None:
    posterior = Posterior([Probe(64, False), Probe(128, True)], 1, 1000)
    assert 75 < posterior.most_telling([10, 64, 90, 128, 500]) < 110


def test_a_regression_is_an_interval_below_the_other() -> None:
    before, overlaps, below = (Interval(a, (a + b) / 2, b, 0.95) for a, b in ((90, 110), (80, 91), (70, 89)))
    assert not regressed(overlaps, before)
    assert regressed(below, before)
    assert not regressed(before, below), "better is no regression"


def test_users_are_whole_numbers_and_one_user_is_the_least() -> None:
    settings = Settings(start=3, most=50, whole=True)
    tried: list[Tried] = []
    while (found := search(settings, tried)).following is not None:
        assert found.following == int(found.following) >= 1
        tried.append(Tried(found.following, "broke" if found.following > 4.5 else "held"))
    assert found.ended == "narrow"
    assert 4 <= found.interval.low <= found.interval.high <= 5.5


def test_nothing_is_claimed_beyond_the_loads_that_were_seen() -> None:
    settings = Settings(start=4, most=300)
    held = search(settings, [Tried(4, "held")])
    assert held.interval.low <= 4, "the prior alone is no evidence"
    assert (held.bounded_below, held.bounded_above) == (True, False)
    broke = search(settings, [Tried(4, "broke")])
    assert broke.interval.high >= 4
    assert (broke.bounded_below, broke.bounded_above) == (False, True)


def test_a_search_that_contradicts_itself_ends() -> None:
    settings, tried, coin = Settings(start=10, most=1000, most_probes=40), [], np.random.default_rng(1)
    while (found := search(settings, tried)).following is not None:
        tried.append(Tried(found.following, "broke" if coin.uniform() < 0.5 else "held"))
    assert found.ended in ("probes", "narrow")
    assert len(tried) <= 40
