"""Time windows and stretches of samples, as every check counts them. Pure.

Times are unix seconds, arrays have shape (n,) and increasing times.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.prom.series import FloatArray

BoolArray = NDArray[np.bool_]

WINDOW_SECONDS = 300.0  # DESIGN: latency and errors are judged in 5-minute windows
TOLERATED_WINDOWS = 0.01  # DESIGN: more than 1 % of the windows ...
LEAST_WINDOWS = 2  # ... and two at least
BREAK_INTERVALS = 3.5  # a hole of more than three missed samples ends a stretch: what was in it is not known


@dataclass(frozen=True)
class Window:
    """A closed stretch of time, ``start <= t <= end``."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return max(0.0, self.end - self.start)

    def expected(self, interval: float) -> int:
        """How many samples a series sampled every ``interval`` seconds has in it, at least."""
        # The epsilon keeps 150 s / 5 s at 30 when the times carry milliseconds of rounding.
        return math.floor(self.length / interval + 1e-6)


@dataclass(frozen=True)
class Stretch:
    """Successive samples that share a property; ``seconds`` counts one interval for each sample."""

    start: float
    end: float
    samples: int
    seconds: float


def stretches(times: FloatArray, mask: BoolArray, interval: float) -> list[Stretch]:
    """Maximal runs of true samples; a hole in the data ends a run."""
    found: list[Stretch] = []
    first = -1
    for i in range(times.size):
        if first >= 0 and (not mask[i] or times[i] - times[i - 1] > BREAK_INTERVALS * interval):
            found.append(_stretch(times, first, i - 1, interval))
            first = -1
        if mask[i] and first < 0:
            first = i
    if first >= 0:
        found.append(_stretch(times, first, int(times.size) - 1, interval))
    return found


def _stretch(times: FloatArray, first: int, last: int, interval: float) -> Stretch:
    count = last - first + 1
    return Stretch(float(times[first]), float(times[last]), count, float(times[last] - times[first]) + interval)


def tumbling(window: Window, size: float = WINDOW_SECONDS) -> list[Window]:
    """The window cut into pieces of ``size``; a last piece of less than half of it joins its neighbour.

    A window shorter than ``size`` is one piece. Nothing of the window is left out.
    """
    if window.length <= 0:
        return []
    count = max(1, math.floor(window.length / size + 0.5))
    edges = [window.start + i * size for i in range(count)] + [window.end]
    return [Window(a, b) for a, b in itertools.pairwise(edges)]


def too_many(breaching: int, windows: int) -> bool:
    """DESIGN's rule: more than 1 % of the windows breach, and two at least."""
    return breaching >= LEAST_WINDOWS and breaching > TOLERATED_WINDOWS * windows


def pick(times: FloatArray, window: Window, *, closed: bool) -> BoolArray:
    """Which samples lie in a piece; all pieces but the last are open at their end, so that none counts twice."""
    return (times >= window.start) & ((times <= window.end) if closed else (times < window.end))
