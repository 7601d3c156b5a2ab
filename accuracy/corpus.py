"""Labelled series: each kind of healthy service and of leak that we could think of, at 15 s over 8 to 24 hours. Pure.

A series is made from (purpose, kind, number) alone, so that every figure can be made again. Tuning and reporting have
streams of their own; the judge's constants were chosen on tuning seeds, and the published table uses reporting seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from accuracy import shapes
from accuracy.noise import (
    FULL,
    HOUR,
    INTERVAL,
    FloatArray,
    Level,
    background,
    correlated,
    daily_load,
    log_uniform,
    losses,
)

MIB = 2.0**20
START = 1.79e9  # unix seconds
SLOPES = ((0.005, 0.01), (0.01, 0.02), (0.02, 0.20))  # share of the base per hour: JUDGEMENT's classes
SLOPE_NAMES = ("0.5 to 1 %/h", "1 to 2 %/h", "2 to 20 %/h")


class Purpose(IntEnum):
    """Which stream of seeds."""

    TUNING = 1
    TUNING_RUNS = 4
    # Of the published table. Both get new numbers when a constant of the judge changes after their figures were seen
    # (2 and 3 were used so).
    REPORTING = 5
    RUNS = 6


@dataclass(frozen=True)
class Sample:
    """One labelled series as the judge gets it.

    Attributes:
        per_hour: true growth, a share of the base per hour once the leak has begun; 0 for a healthy one.
        smallest: growth over the horizon that is nothing, in the unit of the values.
        restarts: unix seconds at which the subject, or one of its processes, began anew.
        load: times and values of the offered load.
        median: a rate (latency, CPU), which has no floor.
    """

    kind: str
    per_hour: float
    hours: float
    times: FloatArray
    values: FloatArray
    smallest: float = MIB
    restarts: tuple[float, ...] = ()
    load: tuple[FloatArray, FloatArray] | None = None
    median: bool = False

    @property
    def slope_class(self) -> str:
        """One of ``SLOPE_NAMES``; empty for a healthy series."""
        if not self.per_hour:
            return ""
        return next(name for name, (_, high) in zip(SLOPE_NAMES, SLOPES, strict=True) if self.per_hour <= high * 1.001)


@dataclass
class _Draft:
    """A series in the making: ``shape`` as a share of the base over ``h`` hours."""

    rng: np.random.Generator
    h: FloatArray
    rate: float
    shape: FloatArray
    load: FloatArray | None = None
    restarts: list[float] = field(default_factory=list)
    keep: np.ndarray | None = None
    base: float = 0.0
    whole: bool = False  # counts: whole numbers
    median: bool = False
    smallest: float = MIB
    noisy: float = 1.0  # times the level's noise
    extra: float = 0.0  # more white noise, standard deviation

    def add(self, more: FloatArray) -> None:
        self.shape = self.shape + more

    def with_daily_load(self) -> None:
        """The load varies over the day, and the level follows it, up to 20 min late."""
        self.load = daily_load(self.rng, self.h)
        late = int(self.rng.integers(0, 80))
        share = np.concatenate([np.full(late, self.load[0]), self.load])[: self.h.size] / 100.0
        self.add(log_uniform(self.rng, 0.05, 0.5) * (share - 1))


Make = Callable[[_Draft], None]


def _memory(d: _Draft) -> None:
    d.base = log_uniform(d.rng, 50, 4000) * MIB


def _rate_like(d: _Draft, low: float, high: float, smallest: float) -> None:
    """Latency and CPU per request: medians of noisy rates, that follow the load."""
    d.base, d.smallest, d.median = log_uniform(d.rng, low, high), smallest, True
    d.extra = log_uniform(d.rng, 0.02, 0.08)
    if d.rng.random() < 0.5:
        d.with_daily_load()


def _counts(d: _Draft, low: float, high: float) -> None:
    """Descriptors, threads, connections: whole numbers, of which a leak must take several a day to be one."""
    least = max(low, 0.25 / d.rate if d.rate else 0.0)
    d.base = np.floor(log_uniform(d.rng, least, max(high, 1.5 * least)))
    d.smallest, d.whole, d.noisy = 1.0, True, float(d.rng.uniform(0.0, 1.0))
    swing = d.rng.uniform(0.3, 3.0) / d.base
    d.add(swing * correlated(d.rng, d.h.size, 1.0, log_uniform(d.rng, 30.0, 3600.0)))


def _under_saw(d: _Draft) -> None:
    d.add(shapes.saw(d.rng, d.h, 0.05, min(6.0, d.h[-1] / 4)))


def _restarted(d: _Draft) -> None:
    """An operator restarts the service once or twice; it fills its caches again."""
    d.restarts = sorted(float(x) for x in d.rng.uniform(0.1, 0.9, 1 + int(d.rng.random() < 0.3)) * d.h[-1])
    begun = np.array([-10.0, *d.restarts])
    age = d.h - begun[np.searchsorted(begun, d.h, side="right") - 1]
    d.add(-log_uniform(d.rng, 0.05, 0.5) * np.exp(-age / log_uniform(d.rng, 0.02, 2.0)))
    d.keep = age > log_uniform(d.rng, 15, 120) / HOUR


def _recycled(d: _Draft) -> None:
    grown, d.restarts = shapes.recycled(d.rng, d.h)
    d.add(grown)


def _high_water(d: _Draft) -> None:
    d.load = daily_load(d.rng, d.h)
    d.add(shapes.high_water(d.rng, d.load))


def _disk(d: _Draft) -> None:
    d.base, d.noisy = log_uniform(d.rng, 20, 20000) * MIB, 0.3
    if d.rng.random() < 0.7:
        d.add(shapes.saw(d.rng, d.h, 0.5, min(6.0, d.h[-1] / 4)))


def _gaps(d: _Draft) -> None:
    d.keep = losses(d.rng, d.h.size)


def _two(d: _Draft) -> None:
    """The sum of two processes, each with a shape of its own."""
    share = d.rng.uniform(0.2, 0.8)
    d.add(share * shapes.plateau(d.rng, d.h, 0.02, 1.0) + (1 - share) * shapes.saw(d.rng, d.h, 0.05, 2.0))


def _threads_healthy(d: _Draft) -> None:
    _counts(d, 6, 200)
    if d.rng.random() < 0.5:  # a pool that grows with what it was asked for, early
        d.add(d.rng.uniform(0, 0.3) * np.minimum(d.h / log_uniform(d.rng, 0.05, 3.0), 1.0))


def _opening(d: _Draft) -> None:
    _counts(d, 4, 60)
    d.add(shapes.opening(d.rng, d.h))


def _cpu(d: _Draft) -> None:
    _rate_like(d, 0.001, 0.1, 1e-4)
    if d.rng.random() < 0.5:
        d.add(0.5 * np.exp(-d.h / log_uniform(d.rng, 0.02, 0.5)))  # compiled code needs less


def _plain(*makes: Make) -> Make:
    def make(d: _Draft) -> None:
        for one in makes:
            one(d)

    return make


def _shaped(shape: Callable[[np.random.Generator, FloatArray], FloatArray]) -> Make:
    return lambda d: d.add(shape(d.rng, d.h))


HEALTHY: dict[str, Make] = {
    "noise only": lambda d: None,
    "warm-up": _shaped(lambda rng, h: shapes.plateau(rng, h, 0.03, 1.0)),
    "cache that fills for hours": _shaped(lambda rng, h: shapes.plateau(rng, h, 1.0, h[-1] / 5)),
    "cache that fills to a cap": _shaped(shapes.to_cap),
    "garbage collection": _under_saw,
    "daily load": lambda d: d.with_daily_load(),
    "recycled workers": _recycled,
    "one-off step": _shaped(shapes.steps),
    "high-water mark": _high_water,
    "page cache": _shaped(shapes.page_cache),
    "fragmentation": _shaped(shapes.fragmentation),
    "pool that opens": _opening,
    "compiler warm-up": _shaped(shapes.compiling),
    "nightly job": _shaped(shapes.job),
    "disk, logs rotated": _disk,
    "two processes": _two,
    "gaps": _gaps,
    "operator's restart": _restarted,
    "latency": lambda d: _rate_like(d, 0.005, 1.0, 1e-3),
    "CPU per request": _cpu,
    "descriptors": lambda d: _counts(d, 20, 1000),
    "threads": _threads_healthy,
}


def _leak(d: _Draft) -> None:
    # Of the level beside which it leaks: after a warm-up the base is the warm one.
    d.add(float(np.median(d.shape)) * shapes.linear(d.h, d.rate))


def _late(d: _Draft) -> None:
    d.add(shapes.linear(d.h, d.rate, d.rng.uniform(0.1, 0.5) * d.h[-1]))


def _by_load(d: _Draft) -> None:
    d.with_daily_load()
    assert d.load is not None
    d.add(shapes.with_load(d.h, d.rate, d.load))


def _killed(d: _Draft) -> None:
    grown, d.restarts, age = shapes.until_killed(d.rng, d.h, d.rate)
    d.add(grown - log_uniform(d.rng, 0.02, 0.3) * np.exp(-age / log_uniform(d.rng, 0.02, 0.3)))
    begun = np.array([-10.0, *d.restarts])
    since = d.h - begun[np.searchsorted(begun, d.h, side="right") - 1]
    d.keep = since > log_uniform(d.rng, 15, 120) / HOUR


LEAKING: dict[str, Make] = {
    "linear": _leak,
    "in lumps": lambda d: d.add(shapes.in_lumps(d.rng, d.h, d.rate)),
    "by the load": _by_load,
    "late": _late,
    "killed and restarted": _killed,
    "under garbage collection": _plain(_under_saw, _leak),
    "after a warm-up": _plain(HEALTHY["warm-up"], _leak),
    "beside a cache": _plain(_shaped(lambda rng, h: shapes.plateau(rng, h, 0.5, h[-1] / 8)), _leak),
    "one of two processes": _plain(_two, _leak),
    "recycled workers, leaking parent": _plain(_recycled, _leak),
    "with gaps": _plain(_gaps, _leak),
    "latency creep": _plain(HEALTHY["latency"], _leak),
    "CPU creep": _plain(_cpu, _leak),
    "descriptors leak": _plain(HEALTHY["descriptors"], _leak),
    "threads leak": _plain(lambda d: _counts(d, 6, 200), _leak),
    "disk fills": _plain(_disk, _leak),
}
# A service is killed within its window only by a leak that is fast enough for that.
SLOWEST = {"killed and restarted": 0.2}  # growth over the whole window, share of the base


def draw(
    kind: str, number: int, purpose: Purpose, *, hours: float = 24.0, slope: int | None = None, level: Level = FULL
) -> Sample:
    """Series ``number`` of a kind.

    Args:
        slope: index into ``SLOPES`` for a leak, None for a healthy series.
    """
    kinds = list(HEALTHY if slope is None else LEAKING)
    seed = [int(purpose), kinds.index(kind), number, int(hours), 0 if slope is None else 1 + slope]
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    h = np.arange(0.0, hours, INTERVAL / HOUR)
    rate = 0.0
    if slope is not None:
        low, high = SLOPES[slope]
        rate = log_uniform(rng, max(low, SLOWEST.get(kind, 0.0) / hours), max(high, SLOWEST.get(kind, 0.0) / hours))
    draft = _Draft(rng, h, rate, np.ones(h.size))
    _memory(draft)
    (HEALTHY if slope is None else LEAKING)[kind](draft)
    share = draft.shape + draft.noisy * background(rng, h.size, level)
    if draft.extra:
        share = share * (1 + rng.normal(0, draft.extra, h.size))
    values = draft.base * np.maximum(share, 0.01)
    if draft.whole:
        values = np.round(values)
    offset = rng.uniform(0, INTERVAL)
    times = np.round(START + offset + h * HOUR + rng.uniform(0, 0.05, h.size), 3)
    load = None if draft.load is None else (times, draft.load)
    if draft.load is None and rng.random() < 0.7:
        load = (times, np.full(h.size, 100.0))
    keep = slice(None) if draft.keep is None else draft.keep
    restarts = tuple(START + offset + r * HOUR for r in draft.restarts)
    return Sample(kind, rate, hours, times[keep], values[keep], draft.smallest, restarts, load, draft.median)
