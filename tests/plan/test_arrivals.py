"""The open model's schedule: the rates of the shapes, what is due when, and who takes it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.plan.arrivals import RateStage, Schedule, peak_rate, pieces

DAY = 86_400.0


def schedule(*stages: RateStage, spacing: str = "poisson", seed: int = 1) -> Schedule:
    return Schedule(stages, spacing, seed)  # type: ignore[arg-type]


def whole(made: Schedule) -> np.ndarray:
    return np.array([moment for number in range(made.blocks) for moment in made.block(number)])


def rates(stages: Sequence[RateStage], *moments: float) -> list[float]:
    made = schedule(*stages)
    return [round(made.rate(moment), 3) for moment in moments]


def test_the_shapes() -> None:
    stages = (
        RateStage(10, 100),
        RateStage(10, 200, "ramp"),
        RateStage(10, 50, "step", steps=3),
        RateStage(5, 500, "spike"),
        RateStage(10, 100, "ramp"),
        RateStage(40, 80, "sine", amplitude=0.5, period=40),
    )
    assert rates(stages, 0, 9.99) == [100, 100]
    assert rates(stages, 10, 15, 19.999999) == [100, 150, 200]
    assert rates(stages, 20, 23.4, 26.7) == [150, 100, 50]
    assert rates(stages, 30, 34.9) == [500, 500]
    assert rates(stages, 35, 40) == [50, 75], "after a spike the rate before it counts"
    assert rates(stages, 45, 55, 65, 75) == [80, 120, 80, 40]
    assert rates(stages, 85, 1000, -1) == [0, 0, 0]
    assert peak_rate(stages) == 500


def test_a_piece_is_its_own_inverse() -> None:
    stages = (
        RateStage(10, 0),
        RateStage(20, 300, "ramp"),
        RateStage(20, 0, "ramp"),
        RateStage(60, 40, "sine", period=30),
    )
    for piece in pieces(stages):
        total = piece.expected(piece.end)
        if total == 0:
            continue
        for share in (1e-9, 0.1, 0.5, 0.9, 1 - 1e-9):
            assert piece.expected(piece.when(share * total)) == pytest.approx(share * total, abs=1e-6 * total)


def test_the_expected_arrivals_are_the_area_under_the_rate() -> None:
    made = schedule(RateStage(10, 100), RateStage(10, 200, "ramp"), RateStage(20, 80, "sine", period=20))
    assert made.expected(10) == pytest.approx(1000)
    assert made.expected(20) == pytest.approx(2500)
    assert made.expected(99) == pytest.approx(2500 + 1600)
    grid = np.linspace(0, 40, 400_001)
    area = np.trapezoid([made.rate(t) for t in grid[:-1]], grid[:-1])
    assert made.expected(40) == pytest.approx(area, rel=1e-4)


def test_even_arrivals_are_one_apart_over_every_seam() -> None:
    made = schedule(RateStage(3.3, 10), RateStage(4.4, 10), RateStage(2.3, 10), spacing="even")
    assert whole(made) == pytest.approx(np.arange(100) / 10, abs=1e-6)


def test_poisson_gaps_are_exponential() -> None:
    found = whole(schedule(RateStage(100, 200)))
    assert stats.kstest(np.diff(found) * 200, "expon").pvalue > 0.01
    assert abs(found.size - 20_000) < 4 * math.sqrt(20_000)
    per_second = np.histogram(found, bins=100, range=(0, 100))[0]
    assert 0.6 < per_second.var() / per_second.mean() < 1.5, "as many as a Poisson process varies"


@pytest.mark.parametrize("shape", ["ramp", "sine"])
def test_carried_back_to_rate_one_a_changing_rate_is_exponential_too(shape: str) -> None:
    made = schedule(RateStage(10, 20), RateStage(120, 300, shape, period=60, amplitude=0.9))  # type: ignore[arg-type]
    unit = np.array([made.expected(moment) for moment in whole(made)])
    assert stats.kstest(np.diff(unit), "expon").pvalue > 0.01


def test_any_second_of_a_day_is_known_without_the_seconds_before_it() -> None:
    first, second = (schedule(RateStage(DAY, 50)) for _ in range(2))
    later = first.block(80_000)
    assert [len(second.block(n)) for n in range(3)] and second.block(80_000) == later
    assert later != first.block(80_001)
    assert all(80_000 <= moment < 80_001 for moment in later)
    assert schedule(RateStage(DAY, 50), seed=2).block(80_000) != later


@given(
    members=st.integers(1, 9),
    block=st.integers(0, 29),
    spacing=st.sampled_from(["poisson", "even"]),
    rate=st.floats(0.1, 300),
)
@settings(max_examples=100, deadline=None)
def test_every_arrival_is_one_members(members: int, block: int, spacing: str, rate: float) -> None:
    made = schedule(RateStage(30, rate), spacing=spacing)
    shares = [made.share(block, members, member) for member in range(members)]
    assert sorted(moment for share in shares for moment in share) == made.block(block)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_low_rate_is_not_always_the_same_members() -> None:
    made = schedule(RateStage(30, 1), spacing="even")
    took = [sum(len(made.share(block, 3, member)) for block in range(30)) for member in range(3)]
    assert took == [10, 10, 10]


def test_nobody_takes_what_is_no_members() -> None:
    with pytest.raises(ValueError, match="member 2 of 2"):
        schedule(RateStage(30, 1)).share(0, 2, 2)
