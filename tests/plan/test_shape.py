from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.model import Stage
from harness.plan.shape import intended_users, users_at

RAMP = (
    Stage(duration=100, users=50, spawn_rate=2),
    Stage(duration=60, users=50),
    Stage(duration=40, users=10, spawn_rate=4),
    Stage(duration=20, users=0),
)


def test_no_stage_is_the_end() -> None:
    assert users_at((), 0) is None
    assert intended_users((), 0) == 0


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (0, (50, 2.0)),
        (99.999, (50, 2.0)),
        (100, (50, 0.1)),
        (160, (10, 4.0)),
        (199.9, (10, 4.0)),
        (200, (0, 1.0)),
        (219.9, (0, 1.0)),
        (220, None),
        (1e9, None),
    ],
)
def test_users_at(elapsed: float, expected: tuple[int, float] | None) -> None:
    assert users_at(RAMP, elapsed) == expected


def test_a_ramp_without_a_rate_takes_ten_seconds_or_the_stage() -> None:
    assert users_at((Stage(duration=60, users=500),), 0) == (500, 50.0)
    assert users_at((Stage(duration=4, users=500),), 0) == (500, 125.0)
    assert users_at((Stage(duration=60, users=3),), 0) == (3, 1.0)


@pytest.mark.parametrize(
    ("elapsed", "users"),
    [(-1, 0), (0, 0), (10, 20), (25, 50), (60, 50), (130, 50), (165, 30), (170, 10), (205, 5), (215, 0), (220, 0)],
)
def test_intended_users(elapsed: float, users: float) -> None:
    assert intended_users(RAMP, elapsed) == users


def test_a_stage_too_short_for_its_ramp_hands_on_what_it_reached() -> None:
    stages = (Stage(duration=10, users=100, spawn_rate=1), Stage(duration=100, users=100, spawn_rate=2))
    assert intended_users(stages, 9) == 9
    assert intended_users(stages, 20) == 30
    assert intended_users(stages, 80) == 100


@given(
    st.lists(st.builds(Stage, duration=st.floats(0.1, 1e5), users=st.integers(0, 1000)), min_size=1, max_size=5),
    st.floats(0, 6e5),
)
def test_intended_users_stay_between_nothing_and_the_peak(stages: list[Stage], elapsed: float) -> None:
    users = intended_users(stages, elapsed)
    assert 0 <= users <= max(stage.users or 0 for stage in stages)
    total = sum(stage.duration for stage in stages)
    if elapsed < total * (1 - 1e-9):
        assert users_at(stages, elapsed) is not None
    elif elapsed > total * (1 + 1e-9):
        assert users_at(stages, elapsed) is None and users == 0
