"""When something held, as stretches of time to be shaded. Pure; times are unix seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.prom.series import FloatArray
from harness.report.sampling import Buckets

Stretch = tuple[float, float]
BoolArray = NDArray[np.bool_]


def held(where: BoolArray, buckets: Buckets) -> list[Stretch]:
    """(start, end) of each run of True; ``where``: shape (buckets,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    first = buckets.middles - buckets.step / 2
    return [(float(first[a]), float(first[b - 1] + buckets.step)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """In order, those that touch made one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def beyond(values: FloatArray, limit: FloatArray, *, below: bool) -> BoolArray:
    """Where values are over their limit (``below``: under it); false where either is missing."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values < limit if below else values > limit, dtype=np.bool_)


def inside(window: Stretch, buckets: Buckets) -> BoolArray:
    """Which buckets have their middle in a window."""
    middles = buckets.middles
    return np.asarray((middles >= window[0]) & (middles <= window[1]), dtype=np.bool_)
