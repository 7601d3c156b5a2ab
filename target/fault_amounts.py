"""How much of a fault is due when. Pure.

A rate is meant for the whole application. It is dealt out in units (256 KiB of memory, one connection): unit k belongs
to the worker process in slot k modulo n, so that n workers together hold the exact rate. A ratio of requests holds in
each worker alike. Times are seconds since the fault was switched on.
"""

from __future__ import annotations

import math


def units_due(elapsed: float, delay: float, per_second: float) -> int:
    """Whole units the application should have lost, ``elapsed`` seconds after the fault was switched on."""
    # The nudge keeps a product that is a whole number but for rounding (0.3 x 10) from losing a unit.
    return max(0, math.floor((elapsed - delay) * per_second + 1e-9))


def share_of(total: int, slot: int, slots: int) -> int:
    """How many of units 0..total-1 belong to ``slot``: those k with k % slots == slot."""
    if not 0 <= slot < slots:
        raise ValueError(f"slot {slot} is not one of {slots}")
    return (total - slot + slots - 1) // slots if total > slot else 0


def is_on(elapsed: float, delay: float, seconds: float) -> bool:
    """Whether a fault that begins after ``delay`` and lasts ``seconds`` has its effect."""
    return delay <= elapsed < delay + seconds


def request_fails(count: int, ratio: float) -> bool:
    """Whether request number ``count`` (from 0) fails: evenly spread, any n requests in a row have ratio x n, +-1."""
    return math.floor((count + 1) * ratio + 1e-9) > math.floor(count * ratio + 1e-9)


def creep(elapsed: float, delay: float, per_minute: float, most: float = math.inf) -> float:
    """What has built up since ``delay`` at a steady rate, at most ``most``; in the unit of the rate."""
    return min(most, max(0.0, elapsed - delay) * per_minute / 60)


def stall_left(elapsed: float, delay: float, every: float, pause: float) -> float:
    """Seconds until the current stall ends, 0 between stalls. The first begins at ``delay``, others ``every`` later."""
    if elapsed < delay:
        return 0.0
    phase = (elapsed - delay) % every
    return max(0.0, pause - phase)


def tooth_phase(elapsed: float, delay: float, period: float, slot: int, slots: int) -> tuple[int, float]:
    """(number of the tooth, seconds into it) of one worker: workers' teeth stand apart, as collectors of processes do.

    (-1, 0.0) before the fault begins.
    """
    since = elapsed - delay
    if since < 0:
        return -1, 0.0
    shifted = since + period * slot / slots
    number = math.floor(shifted / period)
    return number, shifted - number * period if number else since
