"""Where a service breaks, as a probability: what probes that held or broke say about its capacity. Pure.

Near its capacity whether a service keeps its objectives over one hold is chance. The chance of a breach at load x is
taken as a psychometric function, ``lapse + (1 - 2 lapse) * Phi((ln x - ln c) / w)``: capacity c is the load that
breaks every second time, w how wide the edge is. Both are unknown, and their joint posterior is kept on a grid
(Kontsevich and Tyler, "Bayesian adaptive estimation of psychometric slope and threshold", Vision Research 39, 1999).
Priors are flat in ln c and ln w.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from harness.prom.series import FloatArray

LAPSE = 0.02  # a probe breaks, or holds, for no reason of the load: a pause of the machine
WIDTHS = np.geomspace(0.003, 0.15, 12)  # of the edge, as a share of the load
GRID_STEP = 0.0025  # of the load between two thresholds
_NOTHING = 1e-12


@dataclass(frozen=True)
class Probe:
    """One load that was held for a while, and whether the objectives broke in it."""

    load: float
    broke: bool


@dataclass(frozen=True)
class Interval:
    """An estimate between two bounds; ``confidence`` is the probability that the truth lies between them."""

    low: float
    estimate: float
    high: float
    confidence: float

    @property
    def width(self) -> float:
        """Of the estimate."""
        return (self.high - self.low) / self.estimate


class Posterior:
    """Capacity and width of the edge, given some probes.

    Attributes:
        capacities: the grid, shape (m,), increasing.
        weights: probabilities, shape (m, k) over capacities and ``WIDTHS``; they sum to 1.
    """

    def __init__(self, probes: Sequence[Probe], least: float, most: float) -> None:
        """
        Args:
            least, most: the capacity lies between them.

        Raises:
            ValueError: not 0 < least < most.
        """
        if not 0 < least < most:
            raise ValueError(f"no capacity lies between {least} and {most}")
        count = max(2, math.ceil(math.log(most / least) / GRID_STEP) + 1)
        self.capacities: FloatArray = np.geomspace(least, most, count)
        chances = np.zeros((count, WIDTHS.size))
        for probe in probes:
            breach = breach_probability(probe.load, self.capacities)
            chances += np.log(breach if probe.broke else 1 - breach)
        weights = np.exp(chances - chances.max())
        self.weights: FloatArray = weights / weights.sum()

    @property
    def of_capacity(self) -> FloatArray:
        """Probability of each of the capacities, shape (m,)."""
        found: FloatArray = self.weights.sum(axis=1)
        return found

    def quantile(self, share: float) -> float:
        """The capacity below which ``share`` of the probability lies; between grid points in a straight line."""
        reached = np.cumsum(self.of_capacity)
        middle = reached - self.of_capacity / 2
        return float(np.exp(np.interp(share, middle, np.log(self.capacities))))

    def interval(self, confidence: float) -> Interval:
        tail = (1 - confidence) / 2
        return Interval(self.quantile(tail), self.quantile(0.5), self.quantile(1 - tail), confidence)

    def most_telling(self, loads: Sequence[float]) -> float:
        """The load whose outcome is expected to say most about the capacity: the least entropy of it afterwards."""
        kept = self.of_capacity > _NOTHING
        capacities, weights = self.capacities[kept], self.weights[kept]
        best, least = loads[0], math.inf
        for load in loads:
            breach = breach_probability(load, capacities)
            broke = (weights * breach).sum(axis=1)
            held = weights.sum(axis=1) - broke
            left = _entropy(broke) + _entropy(held)
            if left < least - 1e-12:
                best, least = load, left
        return best


def breach_probability(load: float, capacities: FloatArray) -> FloatArray:
    """Of a probe at ``load``, shape (m, k), for each capacity and each of ``WIDTHS``."""
    distance = np.log(load) - np.log(capacities)
    return np.asarray(LAPSE + (1 - 2 * LAPSE) * ndtr(distance[:, None] / WIDTHS[None, :]))


def _entropy(joint: FloatArray) -> float:
    """Of one outcome's part: the outcome's probability times the entropy given it; ``joint`` need not sum to 1."""
    total = float(joint.sum())
    if total <= 0:
        return 0.0
    share = joint[joint > 0] / total
    return -total * float((share * np.log(share)).sum())


def regressed(now: Interval, before: Interval) -> bool:
    """Whether the capacity of a run is below that of a run before it: all of its interval lies below."""
    return now.high < before.low
