from __future__ import annotations

import pytest

from harness.load.config import LoadConfig, LoadStage
from harness.plan.shape import intended_users, peak_users, total_duration

STAGES = (
    LoadStage(10, users=20, spawn_rate=4),
    LoadStage(10, users=20, spawn_rate=4),
    LoadStage(5, users=10, spawn_rate=2),
    LoadStage(5, users=30),
    LoadStage(5, users=0, spawn_rate=1),
)


@pytest.mark.parametrize(
    ("elapsed", "users", "rate"),
    [
        (0.0, 0, 4),
        (0.1, 0, 4),
        (1.0, 4, 4),
        (4.99, 19, 4),
        (5.0, 20, 4),
        (15.0, 20, 4),
        (20.0, 20, 2),
        (21.0, 18, 2),
        (24.99, 10, 2),
        (25.0, 30, 20),  # without a rate at once
        (29.99, 30, 20),
        (32.0, 28, 1),
        (34.99, 25, 1),
    ],
)
def test_ramps(elapsed: float, users: int, rate: float) -> None:
    assert intended_users(STAGES, elapsed) == (users, rate)


def test_it_is_over_when_the_last_stage_is() -> None:
    assert total_duration(STAGES) == 35
    assert intended_users(STAGES, 35.0) is None
    assert intended_users((), 0.0) is None
    assert peak_users(()) == 0
    assert peak_users(STAGES) == 30


def test_a_stage_too_short_for_its_ramp_hands_on_the_level_it_reached() -> None:
    stages = (LoadStage(2, users=100, spawn_rate=5), LoadStage(10, users=100, spawn_rate=1))
    assert intended_users(stages, 1.999) == (9, 5)
    assert intended_users(stages, 2.0) == (10, 1)
    assert intended_users(stages, 5.0) == (13, 1)


def test_fractions_of_a_user_per_second() -> None:
    stages = (LoadStage(100, users=3, spawn_rate=0.1),)
    assert [intended_users(stages, t) for t in (0, 9.9, 10, 29, 30, 99)] == [
        (0, 0.1),
        (0, 0.1),
        (1, 0.1),
        (2, 0.1),
        (3, 0.1),
        (3, 0.1),
    ]


def test_the_rate_is_never_zero() -> None:
    assert intended_users((LoadStage(10, users=0),), 5.0) == (0, 1.0)


def test_a_configuration_survives_its_journey() -> None:
    config = LoadConfig(
        role="master",
        name="locust-master",
        control_dir="/tmp/c",
        stages=STAGES,
        edges=(0.001, 0.8),
        url="http://x",
        parent=7,
        token="t",
        headers={"A": "b"},
        reserved=(("POST", "/login"),),
    )
    assert LoadConfig.from_json(config.to_json()) == config
