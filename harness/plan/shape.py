"""Load over time in the closed model, from a plan's stages. Pure: time is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.plan.model import Stage

# A stage without spawn_rate reaches its users in this time: quick beside any real stage, and no thundering herd.
DEFAULT_RAMP_SECONDS = 10.0
# Locust starts users in whole ones; slower than one user in ten seconds is no ramp that anybody meant.
_MIN_SPAWN_RATE = 0.1


def users_at(stages: Sequence[Stage], elapsed: float) -> tuple[int, float] | None:
    """Users to reach, and users per second to start or stop on the way there; None once the stages are over.

    The stage's own users are returned from its first moment on: Locust makes the linear ramp from the spawn rate.

    Args:
        elapsed: seconds since the load began.
    """
    for _start, end, before, stage in _spans(stages):
        if elapsed < end:
            return stage.users or 0, spawn_rate(stage, before)
    return None


def intended_users(stages: Sequence[Stage], elapsed: float) -> float:
    """Users that should run at ``elapsed`` seconds, ramps included; 0 before the first and after the last stage."""
    level = 0.0
    if elapsed < 0:
        return level
    for start, end, _before, stage in _spans(stages):
        goal = float(stage.users or 0)
        # The stage before may have been too short for its ramp: this one starts from where that one got.
        rate = spawn_rate(stage, round(level))
        reach = rate * (min(elapsed, end) - start)
        level = min(goal, level + reach) if goal >= level else max(goal, level - reach)
        if elapsed < end:
            return level
    return 0.0


def spawn_rate(stage: Stage, users_before: int) -> float:
    """Users per second: the stage's own, or what makes the ramp ``DEFAULT_RAMP_SECONDS`` or the stage long."""
    if stage.spawn_rate is not None:
        return stage.spawn_rate
    change = abs((stage.users or 0) - users_before)
    return max(_MIN_SPAWN_RATE, change / min(DEFAULT_RAMP_SECONDS, stage.duration), 1.0 if change else 0.0)


def _spans(stages: Sequence[Stage]) -> Iterator[tuple[float, float, int, Stage]]:
    """(start, end, users of the stage before, stage) of each."""
    start, before = 0.0, 0
    for stage in stages:
        yield start, start + stage.duration, before, stage
        start, before = start + stage.duration, stage.users or 0
