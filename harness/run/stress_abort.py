"""Whether an alert ends a stress run. Pure.

A stress run is to break its target, so an alert that says that it broke ends nothing. A dead target ends it, and only
when all that can still be learned has been: past the time in which it should have recovered, or, in a plan without a
way down, after a whole hold without an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.plan.holds import Hold, peak_index, sustained_seconds
from harness.run.abort import FiringAlert

DEAD = "TargetDown"


def stressing_alerts(alerts: Sequence[FiringAlert], abort_on: Collection[str]) -> list[FiringAlert]:
    """The alerts that may end a stress run: that the target is dead, and what the plan names itself."""
    return [one for one in alerts if one.name == DEAD or one.name in abort_on]


def evidence_is_in(
    holds: Sequence[Hold], dead_since: float, now: float, recovery: float | None, interval: float
) -> bool:
    """Whether a target that has been dead since then can teach nothing more.

    Args:
        holds: as planned, at the times of this run.
        recovery: seconds in which it should recover; None when the plan does not ask.
    """
    index = peak_index([one.load for one in holds])
    after = [one for one in holds[index + 1 :] if one.load < holds[index].load]
    if after:
        return now >= max(dead_since, after[0].reached) + (recovery or 0.0) + sustained_seconds(interval) + 2 * interval
    return any(dead_since <= one.settled_from and now >= one.ended for one in holds)
