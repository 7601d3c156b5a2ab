"""Recovery: how long after the load dropped every objective is held again, for a sustained time. Pure.

It counts from the moment when the lower load is reached to the first moment from which all windows of the next
three are within every objective, and so is all that follows up to the end of the low load: a lull
before the next stall is no recovery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.judge.break_point import BreakPoint
from harness.judge.shares import ALPHA, Counts, requests_needed, surely_above
from harness.judge.verdict import Outcome
from harness.judge.windows import Window, pick, tumbling
from harness.plan.holds import Hold, peak_index, sustained_seconds, window_seconds
from harness.units import format_duration, format_value


@dataclass(frozen=True)
class Recovery:
    """What was seen after the load dropped.

    Attributes:
        state: "recovered", "not" (in all the time that was watched) or "unmeasured".
        dropped: unix seconds when the lower load was reached; None without a drop.
        seconds: until everything was held again; None unless recovered.
        watched: seconds of low load that were watched.
        note: in words.
    """

    state: Literal["recovered", "not", "unmeasured"]
    dropped: float | None
    seconds: float | None
    watched: float
    note: str


def low_hold(holds: Sequence[Hold], found: BreakPoint) -> tuple[Hold | None, str]:
    """The hold after the peak in which recovery can be seen; else None and why there is none."""
    after = list(holds[peak_index([one.load for one in holds]) + 1 :])
    if not after:
        return None, "the load never dropped: add a last stage with few users"
    if found.broken is None:
        return None, "nothing broke, so there was nothing to recover from: add higher steps"
    if found.held is None:
        return None, "no step was held before the break, so what it should recover to is not known: add lower steps"
    low = [one for one in after if one.load <= found.held.load]
    if not low:
        load = format_value(after[0].load, after[0].unit)
        return None, f"the load dropped to {load} only, more than was held before the break"
    return low[0], ""


def find_recovery(
    counted: Mapping[str, tuple[Counts, float]], low: Hold, ended: float, interval: float, *, loaded: bool
) -> Recovery:
    """When everything was held again.

    Args:
        counted: of each objective its requests, those beyond it among them, and the share that may be.
        ended: unix seconds at which the low load, or the run, ended.
        loaded: users ran, or arrivals were made, and the load was scraped: no answer is a breach then, not no data.
    """
    size, sustained = window_seconds(interval), sustained_seconds(interval)
    end = min(low.ended, ended)
    watched = max(0.0, end - low.reached)
    blind = _blind(counted, Window(low.reached, end), loaded)
    if blind:
        return Recovery("unmeasured", low.reached, None, watched, blind)
    moments = np.arange(low.reached, end - sustained + interval / 2, interval)
    for moment in (float(one) for one in moments):
        if all(
            all(
                _within(counts, part, limit, strict=False)
                for part in tumbling(Window(moment, moment + sustained), size)
            )
            and _within(counts, Window(moment, end), limit, strict=True)
            for counts, limit in counted.values()
        ):
            took = moment - low.reached
            note = f"every objective held again {format_duration(took)} after the load dropped to {_load(low)}"
            return Recovery("recovered", low.reached, took, watched, note)
    note = f"not recovered in the {format_duration(watched)} after the load dropped to {_load(low)}"
    return Recovery("not", low.reached, None, watched, note)


def _blind(counted: Mapping[str, tuple[Counts, float]], low: Window, loaded: bool) -> str:
    """Why the low load shows nothing; empty when it does."""
    if low.span <= 0:
        return "the run ended before the load dropped"
    if not counted:
        return "no objective says when a request is good (latency or error_ratio)"
    for name, (counts, limit) in counted.items():
        mine = pick(counts.times, low, closed=True)
        all_, bad = float(counts.all_[mine].sum()), float(counts.bad[mine].sum())
        if all_ <= 0 and not loaded:
            return "no request was counted after the load dropped"
        if 0 < all_ < requests_needed(limit) and not surely_above(bad, all_, limit, ALPHA):
            return f"{all_:.0f} requests after the load dropped are too few to show {name}"
    return ""


def judge_recovery(found: Recovery, limit: float, interval: float) -> tuple[Outcome, float | None]:
    """Outcome and the value to show, in seconds."""
    if found.state == "unmeasured":
        return Outcome.INCONCLUSIVE, None
    if found.seconds is not None:
        return (Outcome.PASS if found.seconds <= limit + 1e-9 else Outcome.FAIL), found.seconds
    # It might have come back later than it was watched, but within its time.
    return (Outcome.FAIL if found.watched >= limit + sustained_seconds(interval) else Outcome.INCONCLUSIVE), None


def _within(counts: Counts, window: Window, limit: float, *, strict: bool) -> bool:
    """Was the share kept in a window? A window without an answer was not; few requests prove no breach by chance."""
    mine = pick(counts.times, window, closed=strict)
    all_, bad = float(counts.all_[mine].sum()), float(counts.bad[mine].sum())
    if all_ <= 0:
        return False
    over = bad > limit * all_ * (1 + 1e-9) + 1e-9
    if over and not strict and all_ < requests_needed(limit):
        over = surely_above(bad, all_, limit, ALPHA)
    return not over


def _load(hold: Hold) -> str:
    return format_value(hold.load, hold.unit)
