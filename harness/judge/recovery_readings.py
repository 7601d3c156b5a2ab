"""Reads how a run recovered after its load dropped, and whether the low load was made by a generator that kept up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.judge.break_point import BreakPoint
from harness.judge.context import Context
from harness.judge.recovery import Recovery, find_recovery, low_hold
from harness.judge.step_load import fault_of, load_was_made, short_of
from harness.judge.step_readings import Felt
from harness.judge.windows import Window
from harness.plan.holds import Hold, sustained_seconds


def read_recovery(context: Context, holds: Sequence[Hold], users: Sequence[Felt], found: BreakPoint) -> Recovery:
    """When everything was held again; "unmeasured" where that, or the low load itself, was not shown."""
    ended = context.load.end
    low, why = low_hold([one for one in holds if one.reached < ended], found)
    if low is None:
        return Recovery("unmeasured", None, None, 0.0, why)
    end = min(low.ended, ended)
    loaded = load_was_made(context, Window(low.reached, end))
    upper, lower = (
        find_recovery(
            {one.name: (counts, one.share) for one in users if (counts := getattr(one, side)) is not None},
            low, ended, context.interval, loaded=loaded,
        )
        for side in ("upper", "lower")
    )  # fmt: skip
    if lower.state == "unmeasured":
        return lower
    lost = _unproven(context, low, end, lower)
    if not lost:
        lost = ", ".join(one.name for one in users if one.upper is None and one.lower is None)
        lost = f"{lost} was not counted" if lost else ""
    if not lost and (lower.state, lower.seconds) != (upper.state, upper.seconds):
        # Well again by the bucket's edge above a limit, not by the one below it: when, nobody can tell.
        lost = "a limit lies between two edges of the histogram, and they do not agree on when all was well again"
    if not lost and any(None in (one.upper, one.lower) for one in users):
        lost = ", ".join(one.name for one in users if None in (one.upper, one.lower)) + " has no edge at its limit"
    return replace(lower, state="unmeasured", seconds=None, note=lost) if lost else lower


def _unproven(context: Context, low: Hold, end: float, seen: Recovery) -> str:
    """Why the low load proves nothing; empty when it does."""
    aside = context.load.holes
    # What counts of it: up to when all was well for long enough, or all of it.
    until = end if seen.seconds is None else low.reached + seen.seconds + sustained_seconds(context.interval)
    if any(hole.start < until and hole.end > low.reached for hole in aside):
        return "a part of the low load was set aside"
    fault = fault_of(context, Window(low.reached, end))
    if fault or seen.seconds is None:
        return fault  # a breach under less load than was wanted is a breach all the same
    return short_of(context, low.load, Window(max(low.settled_from, low.reached + seen.seconds), end))
