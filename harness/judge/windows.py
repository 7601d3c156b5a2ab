"""Time windows and stretches of samples, as every check counts them. Pure.

Times are unix seconds, arrays have shape (n,) and increasing times.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

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
    """A closed stretch of time, ``start <= t <= end``, without what was set aside.

    Attributes:
        holes: what of it does not count, in order, apart from each other and inside of the window.
    """

    start: float
    end: float
    holes: tuple[Window, ...] = ()

    @property
    def span(self) -> float:
        """Seconds from its start to its end, holes included."""
        return max(0.0, self.end - self.start)

    @property
    def length(self) -> float:
        """Seconds that count."""
        return max(0.0, self.span - sum(hole.span for hole in self.holes))

    def without(self, aside: Iterable[Window], after: float = 0.0) -> Window:
        """This window with further holes.

        Args:
            after: seconds after each for which values still speak of it (a rate's look-back).
        """
        found: list[Window] = []
        for hole in sorted([*self.holes, *(Window(w.start, w.end + after) for w in aside)], key=lambda w: w.start):
            start, end = max(hole.start, self.start), min(hole.end, self.end)
            if end <= start:
                continue
            if found and start <= found[-1].end:
                found[-1] = Window(found[-1].start, max(found[-1].end, end))
            else:
                found.append(Window(start, end))
        return replace(self, holes=tuple(found))

    def counts(self, times: FloatArray) -> BoolArray:
        """Which times lie in it and in none of its holes; an end of a hole belongs to the hole."""
        inside: BoolArray = (times >= self.start) & (times <= self.end)
        for hole in self.holes:
            inside &= (times <= hole.start) | (times > hole.end)
        return inside

    def aside(self, start: FloatArray, end: FloatArray) -> FloatArray:
        """How many seconds between ``start`` and ``end`` lie in its holes; arrays of one shape."""
        seconds = np.zeros(np.shape(start))
        for hole in self.holes:
            seconds += np.maximum(0.0, np.minimum(end, hole.end) - np.maximum(start, hole.start))
        return seconds

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
    count = max(1, math.floor(window.span / size + 0.5))
    edges = [window.start + i * size for i in range(count)] + [window.end]
    return [Window(a, b).without(window.holes) for a, b in itertools.pairwise(edges)]


def too_many(breaching: int, windows: int) -> bool:
    """DESIGN's rule: more than 1 % of the windows breach, and two at least."""
    return breaching >= LEAST_WINDOWS and breaching > TOLERATED_WINDOWS * windows


def pick(times: FloatArray, window: Window, *, closed: bool) -> BoolArray:
    """Which samples lie in a piece; all pieces but the last are open at their end, so that none counts twice."""
    return (times >= window.start) & ((times <= window.end) if closed else (times < window.end))
