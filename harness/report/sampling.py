"""A run's series at a resolution that a plot can show and a file can hold, with no spike lost.

A day at 5 s is 17,280 samples a series, a plot is some hundred pixels wide. So time is cut into buckets, and Prometheus
itself reduces each: the value in the bucket's middle, and the lowest and the highest of all that were recorded in it
(``min_over_time`` and ``max_over_time``). Reducing where the samples lie reads each once and sends three numbers a
bucket; fetching the full resolution instead would move and parse some ten million numbers for the same picture, and
picking every n-th sample (as a coarser step does) would lose the spikes between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from harness.prom.series import FloatArray, Series

# Two pixels of a plot on a wide screen, three of one on a phone.
BUCKETS = 400
RATE_SECONDS = 60.0  # the look-back of recorded rates and quantiles
_PLAIN = re.compile(r'\s*[a-zA-Z_:][\w:]*\s*(\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\})?\s*')


How = Literal["band", "middle", "mean", "highest"]


class RangeApi(Protocol):
    """What is asked of harness.prom.on_demand.ArchiveApi."""

    def seldom(self, expr: str) -> bool: ...

    def query_ranges(self, queries: Sequence[tuple[str, float, float, float]]) -> list[list[Series]]: ...


@dataclass(frozen=True)
class Buckets:
    """Equal pieces of a run's time: bucket i is ``start + i * step`` to ``start + (i + 1) * step`` (unix seconds).

    Attributes:
        interval: seconds between the run's own samples; ``step`` is a multiple of it. Where they are equal, a bucket
            is one sample.
        coarse: seconds between samples of what would cost too much at ``interval``. Rates look back a minute, and this
            is at most a minute: every sample still counts.
    """

    start: float
    step: float
    count: int
    interval: float
    coarse: float

    @classmethod
    def over(cls, start: float, end: float, interval: float, most: int = BUCKETS) -> Buckets:
        """Buckets over [start, end], on multiples of ``coarse``, so that no sample lies between two."""
        samples = max(1, int((end - start) / interval) + 1)
        every = max(1, -(-samples // most))
        coarse = 1
        if every > 1:
            # The middle of a bucket is a sample, too.
            coarse = min(-(-every // 2), max(1, int(RATE_SECONDS / interval)))
            every = -(-every // (2 * coarse)) * 2 * coarse
        first = float(np.floor(start / (coarse * interval)) * coarse * interval)
        count = int(np.ceil((end - first) / (every * interval)))
        return cls(first, every * interval, count + (every == 1), interval, coarse * interval)

    @property
    def whole(self) -> bool:
        """Whether every sample is shown."""
        return self.step == self.interval

    @property
    def middles(self) -> FloatArray:
        """Shape (count,), unix seconds; of one-sample buckets the sample itself."""
        first = self.start + (0.0 if self.whole else self.step / 2)
        times: FloatArray = first + self.step * np.arange(self.count, dtype=np.float64)
        return times


@dataclass(frozen=True)
class Sampled:
    """One series over buckets. ``low``, ``value`` and ``high``: shape (buckets,), NaN where there was nothing."""

    labels: Mapping[str, str]
    low: FloatArray
    value: FloatArray
    high: FloatArray

    @property
    def empty(self) -> bool:
        return bool(np.isnan(self.high).all())


def sample(api: RangeApi, expressions: Sequence[str], buckets: Buckets, how: How = "band") -> list[list[Sampled]]:
    """Each expression's series, in the order of their labels; an expression without data gives an empty list.

    Args:
        how: what a bucket shows. "band": the value in its middle, with the lowest and the highest of all in it. Else
            one value, low and high the same: "middle", for what does not change; "mean", for what is added up or
            subtracted afterwards; "highest", for states in which the worst counts.

    Raises:
        QueryError: a query failed; that is never "no data".
    """
    if not expressions:
        return []
    middles = buckets.middles
    if buckets.whole:
        queries = [(expr, float(middles[0]), float(middles[-1]), buckets.step) for expr in expressions]
        return [[_whole(one, buckets, 0.0) for one in _sorted(found)] for found in api.query_ranges(queries)]
    ends = (buckets.start + buckets.step, buckets.start + buckets.count * buckets.step, buckets.step)
    backwards = [_looking_back(expr, buckets, coarse=api.seldom(expr)) for expr in expressions]
    if how == "middle":
        queries = [(expr, float(middles[0]), float(middles[-1]), buckets.step) for expr in expressions]
        shift = buckets.step / 2
        return [[_whole(one, buckets, shift) for one in _sorted(found)] for found in api.query_ranges(queries)]
    if how != "band":
        function = {"mean": "avg_over_time", "highest": "max_over_time"}[how]
        queries = [(f"{function}({expr})", *ends) for expr in backwards]
        return [[_whole(one, buckets, buckets.step) for one in _sorted(found)] for found in api.query_ranges(queries)]
    queries = [(expr, float(middles[0]), float(middles[-1]), buckets.step) for expr in expressions]
    for function in ("min_over_time", "max_over_time"):
        queries += [(f"{function}({expr})", *ends) for expr in backwards]
    answers = api.query_ranges(queries)
    count = len(expressions)
    return [
        _joined(answers[i], answers[count + i], answers[2 * count + i], buckets) for i in range(count)
    ]  # fmt: skip


def _looking_back(expr: str, buckets: Buckets, *, coarse: bool) -> str:
    """The expression's samples of one bucket: of a selector those that are stored, else those at each interval."""
    if _PLAIN.fullmatch(expr):
        return f"{expr}[{_milliseconds(buckets.step)}]"
    every = buckets.coarse if coarse else buckets.interval
    return f"({expr})[{_milliseconds(buckets.step)}:{_milliseconds(every)}]"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _key(series: Series) -> tuple[tuple[str, str], ...]:
    # Functions drop the name, selectors keep it.
    return tuple(sorted((k, v) for k, v in series.labels.items() if k != "__name__"))


def _sorted(found: Sequence[Series]) -> list[Series]:
    return sorted(found, key=_key)


def _placed(series: Series | None, first: float, buckets: Buckets) -> FloatArray:
    """Values at their buckets, the first of which has the time ``first``."""
    values = np.full(buckets.count, np.nan)
    if series is not None:
        index = np.rint((series.times - first) / buckets.step).astype(int)
        inside = (index >= 0) & (index < buckets.count) & np.isfinite(series.values)
        values[index[inside]] = series.values[inside]
    return values


def _whole(series: Series, buckets: Buckets, after: float) -> Sampled:
    """One value a bucket, which stands ``after`` seconds after the bucket's start."""
    values = _placed(series, buckets.start + after, buckets)
    return Sampled({k: v for k, v in series.labels.items() if k != "__name__"}, values, values, values)


def _joined(middle: Sequence[Series], low: Sequence[Series], high: Sequence[Series], buckets: Buckets) -> list[Sampled]:
    middles, lows = ({_key(one): one for one in found} for found in (middle, low))
    joined = []
    for one in _sorted(high):
        tops = _placed(one, buckets.start + buckets.step, buckets)
        bottoms = _placed(lows.get(_key(one)), buckets.start + buckets.step, buckets)
        values = _placed(middles.get(_key(one)), float(buckets.middles[0]), buckets)
        # Nothing in the very middle, yet something in the bucket: shown by what there was.
        values = np.where(np.isnan(values), (tops + bottoms) / 2, values)
        joined.append(Sampled({k: v for k, v in one.labels.items() if k != "__name__"}, bottoms, values, tops))
    return joined
