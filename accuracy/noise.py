"""What real series have on top of their shape: slow and fast noise, bursts, gaps. Pure, all as shares of the base."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

FloatArray = NDArray[np.float64]
INTERVAL = 15.0  # seconds between samples
HOUR = 3600.0


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A draw whose logarithm is uniform: a factor of two is as likely anywhere in the range."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def correlated(rng: np.random.Generator, count: int, sigma: float, seconds: float) -> FloatArray:
    """AR(1) noise of standard deviation ``sigma`` whose correlation falls to 1/e in ``seconds``, in equilibrium."""
    r = float(np.exp(-INTERVAL / seconds))
    shocks = rng.normal(0.0, sigma * np.sqrt(1 - r * r), count)
    start = rng.normal(0.0, sigma)
    found: FloatArray = lfilter([1.0], [1.0, -r], shocks, zi=[r * start])[0]
    return found


@dataclass(frozen=True)
class Level:
    """How strong the noise is; ``FULL`` is what the published table is about.

    Attributes:
        slow: range of the slow noise's standard deviation (share of the base), correlation time 1 to 3 h.
        fast: the same of noise with a correlation time of 2 to 30 min.
        white: the same of noise that each sample has for itself.
    """

    slow: tuple[float, float] = (0.003, 0.012)
    fast: tuple[float, float] = (0.001, 0.01)
    white: tuple[float, float] = (0.001, 0.01)
    bursts: bool = True


FULL = Level()
HALF = Level((0.001, 0.005), (0.0005, 0.005), (0.0005, 0.005))


def background(rng: np.random.Generator, count: int, level: Level) -> FloatArray:
    """The noise of one series around zero."""
    slow = correlated(rng, count, log_uniform(rng, *level.slow), log_uniform(rng, 1.0, 3.0) * HOUR)
    fast = correlated(rng, count, log_uniform(rng, *level.fast), log_uniform(rng, 120.0, 1800.0))
    white = rng.normal(0.0, log_uniform(rng, *level.white), count)
    total: FloatArray = slow + fast + white
    if level.bursts and rng.random() < 0.5:
        total += bursts(rng, count)
    return total


def bursts(rng: np.random.Generator, count: int) -> FloatArray:
    """Short peaks upward, of 1 to 12 samples and 1 to 15 %: requests that need much memory for a moment."""
    found = np.zeros(count)
    per_hour = log_uniform(rng, 0.1, 4.0)
    for at in rng.integers(0, count, rng.poisson(per_hour * count * INTERVAL / HOUR)):
        found[at : at + int(rng.integers(1, 13))] += log_uniform(rng, 0.01, 0.15)
    return found


def losses(rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    """Which samples arrived: up to 4 % lost singly, and up to five gaps of 1 to 25 min (coverage allows 5)."""
    keep = rng.random(count) >= rng.uniform(0.0, 0.04)
    for _ in range(int(rng.integers(1, 6))):
        length = int(log_uniform(rng, 60.0, 1500.0) / INTERVAL)
        at = int(rng.integers(0, max(1, count - length)))
        keep[at : at + length] = False
    return keep


def daily_load(rng: np.random.Generator, hours: FloatArray) -> FloatArray:
    """Offered load around 100: a day's wave (and its harmonic), a random phase, noise of 1 to 5 %."""
    wave = rng.uniform(0.15, 0.6) * np.sin(2 * np.pi * (hours / 24.0 + rng.random()))
    wave += rng.uniform(0.0, 0.15) * np.sin(4 * np.pi * (hours / 24.0 + rng.random()))
    noise = correlated(rng, hours.size, log_uniform(rng, 0.005, 0.05), 600.0)
    found: FloatArray = 100.0 * np.maximum(0.05, 1.0 + wave + noise)
    return found
