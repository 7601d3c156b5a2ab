"""Shapes of healthy series and of leaks, as shares of the base over the hours since the steady window began. Pure.

Each draws its own parameters, widely (log-uniform), so that no judge can know them.
"""

from __future__ import annotations

import numpy as np

from accuracy.noise import HOUR, INTERVAL, FloatArray, log_uniform

# --- healthy


def plateau(rng: np.random.Generator, h: FloatArray, fastest: float, slowest: float) -> FloatArray:
    """An exponential approach to a plateau, 5 to 80 % of the base, in a time constant of some hours."""
    return log_uniform(rng, 0.05, 0.8) * (1 - np.exp(-h / log_uniform(rng, fastest, slowest)))


def to_cap(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """A cache that fills evenly until its cap, which it meets after 5 to 75 % of the window."""
    full = rng.uniform(0.05, 0.75) * h[-1]
    grown: FloatArray = log_uniform(rng, 0.05, 0.8) * np.minimum(h / full, 1.0)
    return grown


def saw(rng: np.random.Generator, h: FloatArray, shortest: float, longest: float) -> FloatArray:
    """Garbage collection: rises of 2 to 40 % and drops, every three minutes to hours, no two quite alike."""
    period, height = log_uniform(rng, shortest, longest), log_uniform(rng, 0.02, 0.4)
    spread = rng.uniform(0.02, 0.25)
    lengths = period * np.exp(rng.normal(0, spread, int(h[-1] / period * 2) + 10))
    ends = np.cumsum(lengths) - rng.random() * period
    tooth = np.clip(np.searchsorted(ends, h), 0, lengths.size - 1)
    left = (ends[tooth] - h) / lengths[tooth]
    lowest = np.abs(rng.normal(0, 0.03, lengths.size))  # of the height: a collection does not always free all
    grown: FloatArray = height * (1 - np.clip(left, 0, 1) * (1 - lowest[tooth]))
    return grown


def recycled(rng: np.random.Generator, h: FloatArray) -> tuple[FloatArray, list[float]]:
    """Two to twelve workers that grow and are replaced after so many requests; hours at which one began anew."""
    workers = int(rng.integers(2, 13))
    period, growth = log_uniform(rng, 0.3, 5.0), log_uniform(rng, 0.05, 0.4)
    total, starts = np.zeros(h.size), []
    for _ in range(workers):
        lengths = period * rng.uniform(0.9, 1.1, int(h[-1] / period * 1.3) + 4)
        ends = np.cumsum(lengths) - rng.random() * period
        which = np.clip(np.searchsorted(ends, h), 0, lengths.size - 1)
        age = np.clip(1 - (ends[which] - h) / lengths[which], 0, 1)
        total += growth * np.sqrt(age) / workers
        starts += [float(e) for e in ends if 0 < e < h[-1]]
    return total, sorted(starts)


def steps(rng: np.random.Generator, h: FloatArray, most: int = 2) -> FloatArray:
    """One step up (rarely two) of 1 to 30 %, anywhere; one in four goes down."""
    found = np.zeros(h.size)
    for _ in range(1 + int(rng.random() < 0.2 and most > 1)):
        size = log_uniform(rng, 0.01, 0.3) * (1 if rng.random() < 0.75 else -0.7)
        found += size * (h >= rng.uniform(0.05, 0.95) * h[-1])
    return found


def fragmentation(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """An allocator that fragments logarithmically: 2 to 10 % in all, most of it early."""
    early = log_uniform(rng, 0.05, 1.5)
    grown: FloatArray = log_uniform(rng, 0.02, 0.10) * np.log1p(h / early) / np.log1p(h[-1] / early)
    return grown


def high_water(rng: np.random.Generator, load: FloatArray) -> FloatArray:
    """An allocator that keeps what the highest load so far has needed."""
    grown: FloatArray = log_uniform(rng, 0.05, 0.4) * (np.maximum.accumulate(load) / load.mean() - 1)
    return grown


def page_cache(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """Filled within minutes to hours, kept full, partly dropped when something else needs the room."""
    found = log_uniform(rng, 0.1, 0.6) * np.minimum(h / log_uniform(rng, 0.2, 0.4 * h[-1]), 1.0)
    for _ in range(int(rng.integers(0, 3))):
        at, back = rng.uniform(0.1, 0.8) * h[-1], log_uniform(rng, 0.2, 2.0)
        found *= np.where(h >= at, 1 - rng.uniform(0.1, 0.6) * np.exp(-np.maximum(h - at, 0) / back), 1.0)
    return found


def compiling(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """A just-in-time compiler: two to five smooth steps in the first hours, then nothing."""
    found = np.zeros(h.size)
    for _ in range(int(rng.integers(2, 6))):
        at, width = rng.uniform(0, 0.2) * h[-1], log_uniform(rng, 0.02, 0.4)
        found += log_uniform(rng, 0.01, 0.1) / (1 + np.exp(-np.clip((h - at) / width, -50, 50)))
    return found


def job(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """A nightly job: 3 to 40 % more for 15 min to 2.5 h, of which up to a tenth is kept."""
    at, length = rng.uniform(0.05, 0.9) * h[-1], log_uniform(rng, 0.25, 2.5)
    size = log_uniform(rng, 0.03, 0.4)
    grown: FloatArray = size * ((h >= at) & (h < at + length)) + size * rng.uniform(0, 0.1) * (h >= at + length)
    return grown


def opening(rng: np.random.Generator, h: FloatArray) -> FloatArray:
    """A connection pool that opens its connections one by one, ever more seldom, up to its size."""
    return rng.uniform(0.3, 2.0) * (1 - np.exp(-h / log_uniform(rng, 0.05, 2.0)))


# --- leaks: shares of the base, ``rate`` per hour


def linear(h: FloatArray, rate: float, onset: float = 0.0) -> FloatArray:
    return rate * np.maximum(h - onset, 0.0)


def in_lumps(rng: np.random.Generator, h: FloatArray, rate: float) -> FloatArray:
    """The same growth in 8 to 200 lumps of unequal size at random moments: a job that forgets what it allocated."""
    lumps = int(log_uniform(rng, 8, 200))
    at = np.sort((np.arange(lumps) + rng.uniform(0, 1, lumps)) / lumps * h[-1])
    size = rng.gamma(4.0, 1.0, lumps)
    share = np.concatenate([[0.0], np.cumsum(size / size.sum())])
    grown: FloatArray = rate * h[-1] * share[np.searchsorted(at, h, side="right")]
    return grown


def with_load(h: FloatArray, rate: float, load: FloatArray) -> FloatArray:
    """So much per request: the growth follows the load's sum."""
    return rate * np.cumsum(load / load.mean()) * INTERVAL / HOUR


def until_killed(rng: np.random.Generator, h: FloatArray, rate: float) -> tuple[FloatArray, list[float], FloatArray]:
    """Linear until the limit, then a restart: growth, hours of the restarts, hours since the last start.

    The limit is a tenth above the base at least, and met once at least; no life is shorter than
    a seventh of the window.
    """
    reach = rate * h[-1]
    least = max(0.1, 0.15 * reach)
    life = log_uniform(rng, least, max(least * 1.01, 0.8 * reach)) / rate
    starts = list(np.arange(life * rng.uniform(0.5, 1.0), h[-1], life))
    begun = np.concatenate([[starts[0] - life], starts])
    age = h - begun[np.searchsorted(begun, h, side="right") - 1]
    return rate * age, [float(s) for s in starts], age
