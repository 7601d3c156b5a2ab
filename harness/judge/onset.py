"""When a signal left its own normal range. Pure.

The simplest sound version: the range is what the signal did early (median and spread of the first part); the
onset is the first sample of the first stretch of ``LASTING`` samples in which the signal stays outside of it.
"""

from __future__ import annotations

import numpy as np

from harness.judge.windows import stretches
from harness.prom.series import FloatArray

EARLY_SHARE = 0.2  # of the samples: what the signal did before anything happened
EARLY_LEAST = 5
SPREADS = 4.0  # robust standard deviations; healthy noise leaves them once in 16,000 samples
LEAST_CHANGE = 0.10  # of the early level: a change below a tenth is not what a reader would call a move
LASTING = 3
MAD_TO_SIGMA = 1.4826  # of a normal distribution


def departure(
    times: FloatArray, values: FloatArray, interval: float, *, upward: bool = True, least: float = 0.0
) -> float | None:
    """Unix seconds when ``values`` left their early range for good enough, None when they did not.

    Args:
        least: smallest absolute change that counts, in the unit of the values.
    """
    keep = np.isfinite(values)
    times, values = times[keep], values[keep]
    early = max(EARLY_LEAST, int(times.size * EARLY_SHARE))
    if times.size < early + LASTING:
        return None
    level = float(np.median(values[:early]))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(values[:early] - level)))
    margin = max(SPREADS * spread, LEAST_CHANGE * abs(level), least)
    outside = values > level + margin if upward else values < level - margin
    lasting = [s for s in stretches(times, outside, interval) if s.samples >= LASTING]
    return lasting[0].start if lasting else None
