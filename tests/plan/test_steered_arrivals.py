"""A schedule whose rate is changed while it runs."""

from __future__ import annotations

import math

import pytest

from harness.plan.arrivals import RateStage, Schedule, SteeredSchedule

STAGES = (RateStage(60.0, 50.0),)


def counts(schedule: Schedule) -> list[int]:
    return [len(schedule.block(number)) for number in range(schedule.blocks)]


def test_without_a_change_it_is_the_plans() -> None:
    steered, plain = SteeredSchedule(STAGES, "poisson", 7), Schedule(STAGES, "poisson", 7)
    assert [steered.block(n) for n in range(60)] == [plain.block(n) for n in range(60)]


def test_even_arrivals_follow_each_change_from_its_block_on() -> None:
    steered = SteeredSchedule(STAGES, "even", 1)
    steered.steer([(10, 5.0), (20, 200.0), (30, 0.0), (40, 2.5)])
    assert counts(steered) == [50] * 10 + [5] * 10 + [200] * 10 + [0] * 10 + [3, 2] * 10
    assert (steered.rate(9.5), steered.rate(10), steered.rate(25), steered.rate(59)) == (50, 5, 200, 2.5)
    assert steered.expected(60) == pytest.approx(500 + 50 + 2000 + 50)
    assert steered.blocks == 60
    assert all(n <= at < n + 1 for n in range(60) for at in steered.block(n))


def test_poisson_arrivals_come_at_the_new_rate_and_the_past_stays() -> None:
    steered = SteeredSchedule((RateStage(400.0, 50.0),), "poisson", 3)
    before = [steered.block(n) for n in range(100)]
    steered.steer([(100, 200.0)])
    assert [steered.block(n) for n in range(100)] == before
    made = sum(counts(steered)[100:])
    assert abs(made - 300 * 200) < 4 * math.sqrt(300 * 200)


def test_two_workers_that_heard_it_at_different_times_share_the_same_arrivals() -> None:
    early, late = SteeredSchedule(STAGES, "poisson", 5), SteeredSchedule(STAGES, "poisson", 5)
    early.steer([(4, 80.0)])
    early.steer([(4, 80.0), (9, 20.0)])
    late.steer([(4, 80.0), (9, 20.0)])
    both = sorted([*early.share(12, 2, 0), *late.share(12, 2, 1)])
    assert both == early.block(12) == late.block(12)


def test_a_change_before_the_first_second_leaves_nothing_of_the_plan() -> None:
    steered = SteeredSchedule(STAGES, "even", 1)
    steered.steer([(0, 7.0)])
    assert counts(steered) == [7] * 60
