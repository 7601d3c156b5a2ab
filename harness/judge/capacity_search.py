"""Which load to try next, and when the search for the capacity is over. Pure: what was tried comes in.

Grow by a factor until something breaks, then ask the posterior (``capacity_model``) which load tells most, which
bisects first and repeats near the edge later, until its interval is narrower than the tolerance. Nothing is kept
between calls: the judge repeats the same search on the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.judge.capacity_model import Interval, Posterior, Probe

GROWTH = 2.0
LEAST_SHARE = 1 / 64  # of the start: what breaks even there has no capacity to speak of
BEYOND = 1.5  # of the highest load: so far above it the capacity may lie
MOST_VOID = 3  # probes in a row that showed nothing
_CANDIDATES = np.linspace(0.04, 0.96, 24)  # quantiles of the posterior

Shown = Literal["held", "broke", "void", "generator"]
EndedAs = Literal["narrow", "top", "bottom", "generator", "telemetry", "probes"]


@dataclass(frozen=True)
class Tried:
    """One load and what it showed.

    Attributes:
        shown: "void": nothing, its telemetry is missing; "generator": the load generator was the bottleneck.
    """

    load: float
    shown: Shown


@dataclass(frozen=True)
class Settings:
    """What the plan says of the search.

    Attributes:
        start, most: the first load, and the highest that is tried.
        tolerance: the interval's width, as a share of the capacity, at which the search is over.
        confidence: of the interval.
        confirmations: holds and breaches that must have been seen near the edge.
        whole: loads are whole numbers (users).
        most_probes: the search ends after so many.
    """

    start: float
    most: float
    tolerance: float = 0.1
    confidence: float = 0.95
    confirmations: int = 3
    whole: bool = False
    most_probes: int = 60

    @property
    def least(self) -> float:
        """The lowest load that is tried."""
        return max(1.0, self.start * LEAST_SHARE) if self.whole else self.start * LEAST_SHARE


@dataclass(frozen=True)
class Found:
    """How the search stands.

    Attributes:
        following: the load to try next; None when the search is over, and ``ended`` says why.
        interval: of the capacity; None before anything held or broke.
        bounded_below, bounded_above: whether something held, and something broke: without it that side is not known.
    """

    following: float | None
    ended: EndedAs | None
    interval: Interval | None
    bounded_below: bool
    bounded_above: bool


def search(settings: Settings, tried: Sequence[Tried]) -> Found:
    """The next load, or the end, after what was tried so far."""
    probes = [Probe(one.load, one.shown == "broke") for one in tried if one.shown in ("held", "broke")]
    held = [p.load for p in probes if not p.broke]
    broke = [p.load for p in probes if p.broke]
    ceiling = min((one.load for one in tried if one.shown == "generator"), default=None)
    posterior = Posterior(probes, settings.least / BEYOND, settings.most * BEYOND)
    interval = _seen(posterior.interval(settings.confidence), held, broke) if probes else None

    def at(load: float) -> Found:
        return Found(_rounded(settings, load), None, interval, bool(held), bool(broke))

    def end(why: EndedAs) -> Found:
        return Found(None, why, interval, bool(held), bool(broke))

    if [one.shown for one in tried[-MOST_VOID:]] == ["void"] * MOST_VOID:
        return end("telemetry")
    if broke and held and interval is not None and _settled(settings, interval, held, broke):
        return end("narrow")
    if len(tried) >= settings.most_probes:
        return end("probes")
    if tried and tried[-1].shown == "void":
        return at(tried[-1].load)
    if not broke:
        return _upwards(settings, held, ceiling, at, end)
    if not held:
        if min(broke) <= settings.least * 1.001:
            return end("bottom") if broke.count(min(broke)) >= settings.confirmations else at(settings.least)
        return at(max(settings.least, min(broke) / GROWTH))
    assert interval is not None
    if ceiling is not None and interval.estimate > ceiling:
        # The loads that would tell are those that the generator cannot make.
        return end("generator")
    loads = [_rounded(settings, posterior.quantile(float(q))) for q in _CANDIDATES]
    limit = settings.most if ceiling is None else ceiling
    return at(posterior.most_telling(sorted({min(load, limit) for load in loads})))


def _seen(interval: Interval, held: list[float], broke: list[float]) -> Interval:
    """Nothing is claimed beyond what was seen: without a breach the prior alone would put the capacity far above."""
    low = min(interval.low, max(held)) if held else interval.low
    high = max(interval.high, min(broke)) if broke else interval.high
    return replace(interval, low=low, estimate=min(high, max(low, interval.estimate)), high=high)


def _upwards(
    settings: Settings,
    held: list[float],
    ceiling: float | None,
    at: Callable[[float], Found],
    end: Callable[[EndedAs], Found],
) -> Found:
    """Nothing broke yet."""
    if ceiling is not None:
        floor = max(held, default=settings.least)
        if ceiling <= floor * (1 + settings.tolerance) or (settings.whole and ceiling - floor <= 1):
            return end("generator")
        return at((floor * ceiling) ** 0.5)
    if not held:
        return at(settings.start)
    if max(held) >= settings.most * 0.999:
        return end("top") if held.count(max(held)) >= settings.confirmations else at(settings.most)
    return at(min(settings.most, max(held) * GROWTH))


def _settled(settings: Settings, interval: Interval, held: list[float], broke: list[float]) -> bool:
    """Narrow enough, and seen on both sides: no model alone ends the search."""
    near = 1 + settings.tolerance
    width = interval.high - interval.low
    narrow = width <= settings.tolerance * interval.estimate or (settings.whole and width <= 1.0)
    return (
        narrow
        and sum(load >= interval.low / near for load in held) >= settings.confirmations
        and sum(load <= interval.high * near for load in broke) >= settings.confirmations
    )


def _rounded(settings: Settings, load: float) -> float:
    load = min(settings.most, max(settings.least, load))
    return float(max(1, round(load))) if settings.whole else float(f"{load:.4g}")
