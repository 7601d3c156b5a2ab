"""Which loads a plan holds long enough to be judged: the steps of a stress run, as they are intended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.plan.arrivals import Piece, pieces
from harness.plan.model import Load, Plan
from harness.plan.shape import intended_users

Unit = Literal["users", "rps"]

SETTLE_SHARE, SETTLE_MOST = 0.2, 30.0  # of a hold, seconds: queues fill and connections open after a step up
SETTLE_INTERVALS = 3  # what was asked before a step shows for two scrapes after it
LEAST_WINDOW = 10.0  # seconds: a checkpoint or a collection of garbage is shorter
WINDOW_INTERVALS = 3
SUSTAINED_WINDOWS = 3
LEAST_WINDOWS = 2  # a hold must have so many after its settling, or it cannot tell a breach from a bad moment


@dataclass(frozen=True)
class Hold:
    """One load, as it was intended. Times are unix seconds.

    Attributes:
        reached: when the load was there, after its ramp.
        settled_from: what came before is not judged.
    """

    load: float
    unit: Unit
    begun: float
    reached: float
    settled_from: float
    ended: float


def window_seconds(interval: float) -> float:
    """Length of the windows that a hold is cut into."""
    return max(LEAST_WINDOW, WINDOW_INTERVALS * interval)


def settle_seconds(hold: float, interval: float) -> float:
    """How much of a hold is left to settle."""
    return max(SETTLE_INTERVALS * interval, min(SETTLE_MOST, SETTLE_SHARE * hold))


def least_hold(interval: float) -> float:
    """Seconds that a load must be held for to be judged, its settling included."""
    windows = LEAST_WINDOWS * window_seconds(interval)
    return max(windows / (1 - SETTLE_SHARE), windows + SETTLE_INTERVALS * interval)


def make_hold(load: float, unit: Unit, begun: float, reached: float, ended: float, interval: float) -> Hold:
    """A hold with its settling."""
    return Hold(load, unit, begun, reached, min(ended, reached + settle_seconds(ended - reached, interval)), ended)


def planned_holds(plan: Plan, load_from: float) -> tuple[Hold, ...]:
    """The loads that a plan's stages hold long enough to judge, in order of time; ramps and shorter ones are none."""
    unit: Unit = "users" if plan.load.model == "closed" else "rps"
    found = []
    for load, begun, reached, ended in _merged(_levels(plan.load)):
        if load > 0 and ended - reached >= least_hold(plan.scrape_interval) - 1e-6:
            begun, reached, ended = load_from + begun, load_from + reached, load_from + ended
            found.append(make_hold(load, unit, begun, reached, ended, plan.scrape_interval))
    return tuple(found)


def _levels(load: Load) -> list[tuple[float, float, float, float]]:
    """(load, begun, reached, ended) of each stretch of one load, seconds since the load began."""
    if load.model == "open":
        return [(one.rate, one.start, one.start, one.end) for one in pieces(load.rates) if _is_flat(one)]
    found, begun = [], 0.0
    for stage in load.stages:
        before, _ = intended_users(load.stages, begun) or (0, 1.0)
        target = float(stage.users or 0)
        ramp = abs(target - before) / stage.spawn_rate if stage.spawn_rate else 0.0
        if ramp <= stage.duration + 1e-6:
            found.append((target, begun, begun + ramp, begun + stage.duration))
        begun += stage.duration
    return found


def _is_flat(piece: Piece) -> bool:
    return not piece.slope and not piece.period


def _merged(levels: Sequence[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Neighbours of the same load are one stretch: a ramp to 100 users, then 100 users."""
    found: list[tuple[float, float, float, float]] = []
    for load, begun, steady, ended in levels:
        if found and found[-1][0] == load and abs(found[-1][3] - steady) < 1e-6:
            found[-1] = (load, found[-1][1], found[-1][2], ended)
        else:
            found.append((load, begun, steady, ended))
    return found


def peak_index(loads: Sequence[float]) -> int:
    """Index of the last of the highest loads: what comes after it is the way down. -1 without any."""
    highest = max(loads, default=0.0)
    return max((i for i, load in enumerate(loads) if load == highest), default=-1)


def sustained_seconds(interval: float) -> float:
    """How long everything must be held again to have recovered."""
    return SUSTAINED_WINDOWS * window_seconds(interval)
