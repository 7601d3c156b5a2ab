"""How many users the plan wants at a moment. Pure: the elapsed time is passed in.

A stage moves from the level that the stage before it reached to its own users, by ``spawn_rate`` users per second (at
once without one), and stays there. A stage too short for its ramp hands the level it reached to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol


class StageLike(Protocol):
    """A stage of a plan or of a child's configuration."""

    @property
    def duration(self) -> float: ...
    @property
    def users(self) -> int | None: ...
    @property
    def spawn_rate(self) -> float | None: ...


def total_duration(stages: Sequence[StageLike]) -> float:
    """Seconds of load in all."""
    return sum(stage.duration for stage in stages)


def peak_users(stages: Sequence[StageLike]) -> int:
    return max((stage.users or 0 for stage in stages), default=0)


def intended_users(stages: Sequence[StageLike], elapsed: float) -> tuple[int, float] | None:
    """(users, users per second on the way) wanted ``elapsed`` seconds after the load began; None when it is over.

    The rate is what Locust's dispatcher may use for the step, always above zero.
    """
    level = 0.0
    begun = 0.0
    for stage in stages:
        target = float(stage.users or 0)
        within = max(0.0, elapsed - begun)
        if elapsed < begun + stage.duration:
            rate = stage.spawn_rate if stage.spawn_rate is not None else max(abs(target - level), 1.0)
            return math.floor(_moved(level, target, stage.spawn_rate, within) + 1e-9), rate
        level = _moved(level, target, stage.spawn_rate, stage.duration)
        begun += stage.duration
    return None


def _moved(level: float, target: float, rate: float | None, seconds: float) -> float:
    if rate is None:
        return target
    step = rate * seconds
    return min(target, level + step) if target >= level else max(target, level - step)
