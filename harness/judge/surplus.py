"""Did more users run than the plan wants? Then the target was tested under another load than the planned one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exporters.metric_names import Recorded
from harness.judge.absence import clock
from harness.judge.context import Context, within
from harness.judge.coverage import allowed_gap
from harness.judge.load_made import SETTLE_SECONDS, load_finding
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window, stretches
from harness.plan.model import Stage
from harness.plan.shape import intended_users
from harness.prom.series import FloatArray
from harness.units import format_duration

MOST_LOAD = 1.03  # of the intended users, as many above as are tolerated below
LEAVE_SECONDS = 31.0  # a user that is told to go finishes its request first (harness.load.children.grace)
_AT_ONCE_SECONDS = 10.0  # without a spawn rate the users come within this
_EARLY_SECONDS = 1.0  # between the load's clock and the window's


def most_wanted(stages: Sequence[Stage], since_start: FloatArray, settle: float) -> FloatArray:
    """Most users that may run, shape (n,): what the plan wanted at any time in the ``settle`` seconds before. Pure."""
    found = np.zeros(since_start.shape)
    begun, level = 0.0, 0.0
    for stage in stages:
        target = float(stage.users or 0)
        ramp = _AT_ONCE_SECONDS if stage.spawn_rate is None else abs(target - level) / stage.spawn_rate
        end = begun + stage.duration
        here = (since_start >= begun - _EARLY_SECONDS) & (since_start <= end + settle)
        moving = here & (since_start <= begun + ramp + settle)
        found[here] = np.maximum(found[here], target)
        found[moving] = np.maximum(found[moving], max(level, target))
        reached = intended_users(stages, end - 1e-3)
        level = target if ramp <= stage.duration or reached is None else float(reached[0])
        begun = end
    return found


def check_surplus(context: Context, window: Window) -> list[Finding]:
    """Closed model: INCONCLUSIVE where clearly more users ran than planned, for longer than a gap may be."""
    load = context.plan.load
    if load.model != "closed":
        return []
    users = within(context.one(Recorded.USERS), window)
    settle = SETTLE_SECONDS + 2 * context.interval + LEAVE_SECONDS
    most = most_wanted(load.stages, users.times - context.load_begun, settle)
    # For some scrapes a lost worker's users are counted with those of who took them over: only a long surplus is one.
    over = stretches(users.times, np.asarray(users.values > MOST_LOAD * most + 0.5), context.interval)
    longest = max(over, key=lambda s: s.seconds, default=None)
    if longest is None or longest.seconds <= allowed_gap(window, context.interval) + context.interval / 10:
        return []
    inside = (users.times >= longest.start) & (users.times <= longest.end)
    ran, planned = float(users.values[inside].max()), float(most[inside].max())
    return [
        load_finding(
            Outcome.INCONCLUSIVE,
            f"up to {ran:,.0f} users ran where the plan wants {planned:,.0f}, from {clock(longest.start)} to "
            f"{clock(longest.end)} UTC ({format_duration(longest.seconds)}): this was not the planned load",
            context.selector(Recorded.USERS),
            first=longest.start,
            seconds=longest.seconds,
            value=ran,
            limit=planned,
            unit="count",
        )
    ]
