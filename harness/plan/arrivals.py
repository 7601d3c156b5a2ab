"""When requests of the open model are due: an arrival schedule that depends on nothing but the plan. Pure.

The stages give a rate over time, cut into pieces with a closed integral. Arrivals come from a process of rate one whose
events are carried through the inverse of that integral (time change of a Poisson process: Cinlar, Introduction to
Stochastic Processes, 1975, chapter 4): events one apart give evenly spaced arrivals, exponential gaps Poisson ones.

The schedule is made in blocks of one second, each from a seed of its own, so that any worker knows any second of a day
without the seconds before it, and every worker knows the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

BLOCK = 1.0  # seconds

Shape = Literal["constant", "ramp", "step", "spike", "sine"]
Spacing = Literal["poisson", "even"]


@dataclass(frozen=True)
class RateStage:
    """One stretch of the open model: seconds, arrivals per second, and how it comes there (see ``pieces``)."""

    duration: float
    rate: float
    shape: Shape = "constant"
    steps: int = 5
    amplitude: float = 0.5
    period: float = 86_400.0


@dataclass(frozen=True)
class Piece:
    """Arrivals per second: ``rate + slope * u``, or ``rate * (1 + amplitude * sin(2 pi u / period))``.

    Attributes:
        start, end: seconds since the load began; ``u`` is the time since ``start``.
        before: expected arrivals up to ``start``.
        period: seconds; 0 for a straight piece.
    """

    start: float
    end: float
    before: float
    rate: float
    slope: float = 0.0
    amplitude: float = 0.0
    period: float = 0.0

    def at(self, moment: float) -> float:
        """Arrivals per second."""
        u = moment - self.start
        if self.period:
            return self.rate * (1 + self.amplitude * math.sin(2 * math.pi * u / self.period))
        return max(0.0, self.rate + self.slope * u)

    def expected(self, moment: float) -> float:
        """Expected arrivals from ``start`` to a moment of this piece."""
        u = moment - self.start
        if self.period:
            turn = 2 * math.pi / self.period
            return self.rate * (u + self.amplitude / turn * (1 - math.cos(turn * u)))
        return max(0.0, u * (self.rate + self.slope * u / 2))

    def when(self, expected: float) -> float:
        """The moment up to which so many arrivals are expected since ``start``: the inverse of ``expected``."""
        if expected <= 0:
            return self.start
        if self.period:
            return self._search(expected)
        # The root that stays exact where slope or rate is 0 (Press et al., Numerical Recipes, section 5.6).
        root = math.sqrt(max(0.0, self.rate * self.rate + 2 * self.slope * expected))
        return min(self.end, self.start + 2 * expected / (self.rate + root)) if self.rate + root > 0 else self.end

    def _search(self, expected: float) -> float:
        low, high = self.start, self.end
        moment = min(high, low + expected / self.rate)
        for _ in range(60):
            miss = self.expected(moment) - expected
            if miss > 0:
                high = moment
            else:
                low = moment
            rate = self.at(moment)
            step = moment - miss / rate if rate > 0 else low
            following = step if low < step < high else (low + high) / 2
            if abs(following - moment) < 1e-9:
                return following
            moment = following
        return moment


def pieces(stages: Sequence[RateStage]) -> tuple[Piece, ...]:
    """The rate over the whole load.

    ``constant`` holds its rate; ``ramp`` goes there from the rate before in a straight line, ``step`` in so many equal
    steps; ``spike`` holds its rate, after which the rate before counts again; ``sine`` swings about its rate.
    """
    found: list[Piece] = []
    level = begun = total = 0.0

    def add(end: float, rate: float, slope: float = 0.0, amplitude: float = 0.0, period: float = 0.0) -> None:
        nonlocal begun, total
        piece = Piece(begun, end, total, rate, slope, amplitude, period)
        found.append(piece)
        total += piece.expected(end)
        begun = end

    for stage in stages:
        rate, end = stage.rate, begun + stage.duration
        if stage.shape == "ramp":
            add(end, level, (rate - level) / stage.duration)
        elif stage.shape == "step":
            first = begun
            for number in range(1, stage.steps + 1):
                last = end if number == stage.steps else first + stage.duration * number / stage.steps
                add(last, level + (rate - level) * number / stage.steps)
        elif stage.shape == "sine":
            add(end, rate, 0.0, stage.amplitude, stage.period)
        else:
            add(end, rate)
        if stage.shape != "spike":
            level = found[-1].at(end)
    return tuple(found)


def peak_rate(stages: Sequence[RateStage]) -> float:
    """The highest rate that the stages reach, per second."""
    return max((max(p.at(p.start), p.at(p.end), p.rate * (1 + abs(p.amplitude))) for p in pieces(stages)), default=0.0)


class Schedule:
    """All arrivals of a plan, block by block.

    Args:
        spacing: ``poisson`` (independent visitors) or ``even``.
        seed: the same seed gives the same arrivals.
    """

    def __init__(self, stages: Sequence[RateStage], spacing: Spacing, seed: int) -> None:
        self.pieces = pieces(stages)
        self._spacing = spacing
        self._seed = seed

    @property
    def duration(self) -> float:
        return self.pieces[-1].end if self.pieces else 0.0

    @property
    def blocks(self) -> int:
        """Blocks with load; the last one may be cut short."""
        return math.ceil(self.duration / BLOCK - 1e-9)

    def rate(self, moment: float) -> float:
        """Arrivals per second wanted at a moment; 0 outside of the load."""
        for piece in self.pieces:
            if piece.start <= moment < piece.end:
                return piece.at(moment)
        return 0.0

    def expected(self, moment: float) -> float:
        """Expected arrivals up to a moment."""
        for piece in self.pieces:
            if moment < piece.end:
                return piece.before + piece.expected(max(moment, piece.start))
        return self.pieces[-1].before + self.pieces[-1].expected(self.pieces[-1].end) if self.pieces else 0.0

    def block(self, number: int) -> list[float]:
        """Arrivals from ``number * BLOCK`` on, for one block, increasing, in seconds since the load began."""
        start, end = number * BLOCK, (number + 1) * BLOCK
        draw = random.Random(f"{self._seed}:{number}")  # noqa: S311 - a schedule, no secret
        found: list[float] = []
        for piece in self.pieces:
            first, last = max(start, piece.start), min(end, piece.end)
            if first < last:
                found += self._of_piece(piece, first, last, draw)
        return found

    def share(self, number: int, members: int, member: int) -> list[float]:
        """The part of a block's arrivals that is one of several workers' own.

        Raises:
            ValueError: there is no such member.
        """
        if not 0 <= member < members:
            raise ValueError(f"member {member} of {members}")
        # Turned by the block, so that the worker who gets the odd one out changes.
        return self.block(number)[(member - number) % members :: members]

    def _of_piece(self, piece: Piece, first: float, last: float, draw: random.Random) -> Iterator[float]:
        low, high = piece.expected(first), piece.expected(last)
        if self._spacing == "even":
            # Counted from the beginning of the load, so that no seam between blocks or pieces shows.
            number = math.ceil(piece.before + low - 1e-9)
            while number < piece.before + high - 1e-9:
                yield piece.when(number - piece.before)
                number += 1
            return
        # Exponential gaps have no memory: each stretch may begin anew at its edge.
        reached = low + draw.expovariate(1.0)
        while reached < high:
            yield piece.when(reached)
            reached += draw.expovariate(1.0)


class SteeredSchedule(Schedule):
    """A schedule whose rate may be changed while the load runs; without a change it is the plan's."""

    def __init__(self, stages: Sequence[RateStage], spacing: Spacing, seed: int) -> None:
        super().__init__(stages, spacing, seed)
        self._planned = self.pieces

    def steer(self, rates: Sequence[tuple[int, float]]) -> None:
        """Args: ``rates``: all changes so far, (from block on, arrivals per second), increasing; the last one lasts."""
        end = self._planned[-1].end
        first = rates[0][0] * BLOCK
        found = [replace(p, end=min(p.end, first)) for p in self._planned if p.start < first]
        for (block, rate), following in zip(rates, [*rates[1:], (math.inf, 0.0)], strict=True):
            start, until = block * BLOCK, min(end, following[0] * BLOCK)
            if start < until:
                before = found[-1].before + found[-1].expected(start) if found else 0.0
                found.append(Piece(start, until, before, rate))
        self.pieces = tuple(found)
