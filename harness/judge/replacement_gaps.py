"""Samples taken while a worker was being replaced: the sum over a group lacks it for a moment. Pure.

Recycled workers leave a hole of seconds in the memory, descriptors and threads of their group. The floor of a window
would be that hole and not what the group needs, and a series of such holes looks like a saw tooth or like drops that
gave back what had grown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.judge.floors import DROP_AT_RESTART, SOME_DROP
from harness.prom.series import FloatArray

REPLACED_WITHIN = 15.0  # seconds: a worker starts within that, also on a busy machine
STAYS = 0.25  # of the way up: what goes on rising so much as far again is growth that began anew, no gap


def without_gaps(times: FloatArray, values: FloatArray, restarts: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """The samples without those in which a part that began anew was missing.

    A gap is a dip around a restart that ends as abruptly as it began, at about the level before it. A level that stays
    lower, or that rises to where it was step by step, is what the restart gave back: all of it is kept.

    Args:
        times: unix seconds, ascending; values of the same length.
        restarts: unix seconds at which a part of the subject began anew.
    """
    if times.size < 2 or not restarts:
        return times, values
    reach = max(REPLACED_WITHIN, 2 * float(np.median(np.diff(times))))
    gap = np.zeros(times.size, dtype=bool)
    for moment in restarts:
        gap |= _gap(times, values, moment, reach)
    return times[~gap], values[~gap]


def _gap(times: FloatArray, values: FloatArray, moment: float, reach: float) -> NDArray[np.bool_]:
    none = np.zeros(times.size, dtype=bool)
    first = int(np.searchsorted(times, moment - reach))
    last = int(np.searchsorted(times, moment + reach, side="right"))
    beyond = values[last : int(np.searchsorted(times, moment + 2 * reach, side="right"))]
    if last - first < 3 or beyond.size == 0:
        return none
    lowest = first + int(np.argmin(values[first:last]))
    before, after = float(np.max(values[first : lowest + 1])), float(np.max(values[lowest:last]))
    if after < before * (1 - DROP_AT_RESTART) or float(np.median(beyond)) - after > STAYS * (after - values[lowest]):
        return none
    none[first:last] = values[first:last] < min(before, after) * (1 - SOME_DROP)
    return none
