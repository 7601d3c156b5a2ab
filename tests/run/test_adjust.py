import pytest

from harness.errors import UsageError
from harness.plan.model import Stage
from harness.run.adjust import with_duration, with_users
from tests.run.plans import make_plan

SHORT_RAMP = make_plan()  # 20 s ramp, 100 s at 100 users, 10 s warm-up


def stages(plan):
    return [(s.duration, s.users, s.spawn_rate) for s in plan.load.stages]


def test_longer_lengthens_the_last_stage_only() -> None:
    plan = with_duration(SHORT_RAMP, 600)
    assert stages(plan) == [(20, 50, 5), (580, 100, 10)]
    assert plan.load.warmup == 10


def test_shorter_cuts_the_last_stage_and_keeps_a_short_ramp() -> None:
    plan = with_duration(SHORT_RAMP, 80)
    assert stages(plan) == [(20, 50, 5), (60, 100, 10)]
    assert plan.load.warmup == 10


def test_a_long_ramp_is_squeezed_into_a_quarter_with_its_spawn_rate_raised() -> None:
    plan = with_duration(SHORT_RAMP, 40)
    assert stages(plan) == [(10, 50, 10), (30, 100, 10)]
    assert plan.load.duration == 40
    assert plan.load.warmup == 10


def test_warmup_is_at_most_a_quarter() -> None:
    assert with_duration(SHORT_RAMP, 20).load.warmup == 5


def test_steps_of_a_stress_plan_keep_their_proportions() -> None:
    plan = with_duration(make_plan(kind="stress"), 60)
    assert stages(plan) == [(10, 50, 10), (50, 100, 20)]


def test_one_stage_alone() -> None:
    load = SHORT_RAMP.load.model_copy(update={"stages": (Stage(duration=100, users=5),), "warmup": 50.0})
    plan = with_duration(SHORT_RAMP.model_copy(update={"load": load}), 40)
    assert stages(plan) == [(40, 5, None)]
    assert plan.load.warmup == 10


def test_no_time_is_refused() -> None:
    with pytest.raises(UsageError, match="--duration"):
        with_duration(SHORT_RAMP, 0)


@pytest.mark.parametrize(
    ("adjusted", "words"),
    [
        (lambda: with_duration(SHORT_RAMP, 50 * 86_400.0), "the stages take 50 days"),
        (lambda: with_duration(SHORT_RAMP, 1e-4), "stage 1, spawn_rate"),
        (lambda: with_users(SHORT_RAMP, 2_000_000), "stage 2, users"),
        (lambda: with_users(make_plan(kind="stress"), 1), "a stress plan needs steps"),
    ],
)
def test_what_no_plan_may_say_is_refused_here_too(adjusted, words: str) -> None:
    """The run would keep a plan.yml that `harness judge` cannot read, or end in a traceback."""
    with pytest.raises(UsageError, match=words) as error:
        adjusted()
    assert "--duration or --users" in error.value.message


def test_users_scale_in_proportion_with_their_spawn_rates() -> None:
    assert stages(with_users(SHORT_RAMP, 10)) == [(20, 5, 0.5), (100, 10, 1.0)]


def test_a_stage_with_users_keeps_at_least_one_and_an_idle_stage_stays_idle() -> None:
    load = SHORT_RAMP.load.model_copy(
        update={
            "stages": (Stage(duration=1, users=0), Stage(duration=1, users=1), Stage(duration=1, users=1000)),
            "warmup": 0.0,
        }
    )
    plan = with_users(SHORT_RAMP.model_copy(update={"load": load}), 2)
    assert [s.users for s in plan.load.stages] == [0, 1, 2]


@pytest.mark.parametrize("users", [0, -3])
def test_no_users_are_refused(users: int) -> None:
    with pytest.raises(UsageError, match="at least one user"):
        with_users(SHORT_RAMP, users)


def test_users_of_an_open_plan_are_refused() -> None:
    load = SHORT_RAMP.load.model_copy(update={"model": "open", "stages": (Stage(duration=10, rate=5),)})
    with pytest.raises(UsageError, match="arrivals per second"):
        with_users(SHORT_RAMP.model_copy(update={"load": load}), 5)
