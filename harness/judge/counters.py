"""How many requests there were, exactly: increases of the load's own counters from scrape to scrape.

Recorded rates look back a minute, so a sum of them fades at both ends of a window: an outage in its last seconds would
hardly count. Rates are for curves and alerts; what is counted is read from the counters.

A worker that began anew counts from 0 again: a fall is the new process' count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from harness.judge.context import Context
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.shares import Counts
from harness.judge.windows import Window
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray, Series

# Scrapes are this many intervals apart at most; a value that Prometheus hands out may be one interval old.
_AGE = 1.0
# When the load has ended its last count is scraped within two intervals, but for what was in flight.
_SETTLED = 2.0
# An answer that never came is counted when its request times out: so much later, and seldom more than these seconds.
_LONGEST_DRAIN = 300.0


@dataclass(frozen=True)
class Grid:
    """When the counters are read, ``first + k * step``; the judged part is from index ``begin`` to ``end``.

    ``begin`` is the first moment at which every process was surely scraped within the steady state (its count is where
    counting begins); ``end`` the last that belongs to it. ``begin`` >= ``end`` when there is nothing to count. What
    comes after ``end`` is the drain: requests that were in flight when the load ended.
    """

    first: float
    step: float
    size: int
    begin: int
    end: int

    @property
    def times(self) -> FloatArray:
        return np.asarray(self.first + self.step * np.arange(self.size), dtype=np.float64)


def make_grid(load: Window, steady: Window, step: float, settled: bool, drain: float = 0.0) -> Grid:
    """The grid over the whole load.

    Args:
        settled: the load ended with the steady state, so that later scrapes hold the rest of its requests.
        drain: seconds after that in which requests may still end.
    """
    base = steady.start + _AGE * step
    before = int(max(0.0, base - load.start) // step)
    last = steady.end + (_SETTLED * step if settled else 0.0)
    after = int(np.floor((last - base) / step + 1e-6))
    end = before + after
    later = int(np.ceil(drain / step)) if settled else 0
    return Grid(base - before * step, step, max(0, end + 1 + later), before, end)


def increases(series: Sequence[Series], grid: Grid, scraped_from: float | None = None) -> tuple[FloatArray, FloatArray]:
    """Sums over the series of what each counted since the grid's last moment; and how many series were there. Pure.

    A gap is bridged: what was counted in it shows at its end. A series that first appears when the load was scraped
    already is a new process (or a new name in one), whose count began at 0; else its beginning is not known.

    Args:
        scraped_from: when a process of the load was first scraped, unix seconds; None: with the first series.

    Returns:
        Two arrays of shape (grid.size,).
    """
    counted, present = np.zeros(grid.size), np.zeros(grid.size)
    placed = [(np.rint((one.times - grid.first) / grid.step).astype(int), one.values) for one in series if len(one)]
    placed = [(index[keep], values[keep]) for index, values in placed if (keep := np.isfinite(values)).any()]
    if scraped_from is not None:
        earliest = int(np.ceil((scraped_from - grid.first) / grid.step))
    else:
        earliest = min((int(index[0]) for index, _ in placed), default=0)
    for index, values in placed:
        change = np.diff(values, prepend=0.0 if index[0] > earliest else values[0])
        change = np.where(change < 0, values, change)
        keep = (index >= 0) & (index < grid.size)
        np.add.at(counted, index[keep], change[keep])
        np.add.at(present, index[keep], 1.0)
    return counted, present


def bad_requests(context: Context, objective: Objective) -> tuple[Counts, Counts] | None:
    """Requests and failed ones, in the steady state and under the whole load; None when too little was counted.

    Two witnesses of a failure, the outcome and the count of errors: the larger counts.
    """
    reader = _reader(context)
    if reader is None:
        return None
    requests = reader.read(names.REQUEST_DURATION + "_count", objective)
    failed = [
        reader.read(names.REQUEST_DURATION + "_count", objective, outcome="error"),
        reader.read(names.REQUEST_ERRORS, objective),
    ]
    seen = [counted for counted, present in failed if present.any()]
    return reader.counts(requests, np.maximum.reduce(seen)) if seen else None


def late_requests(context: Context, objective: Objective, edge: float) -> tuple[Counts, Counts] | None:
    """Requests, and those that failed or took longer than ``edge`` (seconds, a bucket's edge); see ``bad_requests``."""
    reader = _reader(context)
    if reader is None:
        return None
    requests = reader.read(names.REQUEST_DURATION + "_count", objective)
    within, seen = reader.read(names.REQUEST_DURATION + "_bucket", objective, outcome="ok", le=spellings(edge))
    if not seen.any():
        return None
    return reader.counts(requests, requests[0] - within)


def all_requests(context: Context, objective: Objective | None = None, *, within: bool = False) -> Counts | None:
    """Requests in the steady state, none of them bad; of an endpoint where the objective names one.

    Args:
        within: those alone that ended within the steady state, for a rate: in as many intervals as there are moments.
            Users are given time to finish what they began.
    """
    reader = _reader(context, within=within)
    if reader is None:
        return None
    requests = reader.read(names.REQUEST_DURATION + "_count", objective)
    found = reader.counts(requests, np.zeros_like(requests[0]), drained=False)
    return found[0] if found else None


def all_of(context: Context, name: str) -> Counts | None:
    """What a counter of the load's processes counted in the steady state; None where it was not told."""
    reader = _reader(context)
    if reader is None:
        return None
    counted = reader.read(name, None)
    found = reader.counts(counted, np.zeros_like(counted[0]), drained=False)
    return found[0] if found else None


def spellings(edge: float) -> tuple[str, ...]:
    """How an edge may be written in ``le``: "2.0" by Prometheus 3, "2" before."""
    return (repr(edge), str(int(edge))) if edge == int(edge) else (repr(edge),)


@dataclass(frozen=True)
class _Reader:
    context: Context
    grid: Grid
    steady: Window

    def read(
        self, name: str, objective: Objective | None, /, **matchers: str | tuple[str, ...]
    ) -> tuple[FloatArray, FloatArray]:
        """Increases of a counter on the grid, and how many processes reported it; see ``increases``."""
        chosen = {"method": objective.method, "name": objective.endpoint} if objective and objective.endpoint else {}
        plain = {key: value for key, value in matchers.items() if isinstance(value, str)}
        selector = self.context.selector(name, **chosen, **plain)
        for key, value in matchers.items():
            if not isinstance(value, str):
                choice = "|".join(one.replace(".", r"\\.") for one in value)
                selector = f'{selector[:-1]},{key}=~"{choice}"}}'
        times = self.grid.times
        expr = f"sum by (instance) ({selector})"
        found = self.context.ranged(expr, float(times[0]), float(times[-1]), self.grid.step)
        return increases(found, self.grid, self._scraped_from())

    def _scraped_from(self) -> float | None:
        """When the first process of the load answered a scrape."""
        up = [s.times[s.values == 1] for s in self.context.series(names.UP, job=names.JOB_LOAD)]
        return min((float(times[0]) for times in up if times.size), default=None)

    def counts(
        self, requests: tuple[FloatArray, FloatArray], bad: FloatArray, *, drained: bool = True
    ) -> tuple[Counts, Counts] | None:
        """Steady state and whole load. None when requests were counted at fewer than 80 % of the moments.

        Args:
            drained: what was in flight when the load ended counts in its last moment.
        """
        counted, present = requests
        begin, end = self.grid.begin, self.grid.end
        judged = slice(begin + 1, end + 1)
        kept = Window(-math.inf, math.inf, self.steady.holes).counts(self.grid.times[judged])
        wanted = int(np.count_nonzero(kept))
        if wanted == 0 or np.count_nonzero(present[judged][kept]) < ENOUGH_RECORDED * wanted:
            return None
        bad = np.clip(bad, 0.0, counted)
        if drained:
            counted = counted.copy()
            counted[end] += counted[end + 1 :].sum()
            bad[end] += bad[end + 1 :].sum()
        # What shows at a moment was asked up to two intervals before it.
        times = self.grid.times - _AGE * self.grid.step
        steady = _folded(times[judged][kept], counted[judged][kept], bad[judged][kept], self.steady.end)
        until = Window(-math.inf, math.inf, self.steady.holes).counts(self.grid.times[: end + 1])
        return steady, Counts(times[: end + 1][until], counted[: end + 1][until], bad[: end + 1][until])


def _reader(context: Context, *, within: bool = False) -> _Reader | None:
    steady = context.steady
    if steady is None:
        return None
    ended = context.record.ended_at
    settled = not within and (ended is None or ended <= steady.end + _SETTLED * context.interval)
    drain = min(context.plan.target.timeout, _LONGEST_DRAIN)
    grid = make_grid(context.load, steady, context.interval, settled, drain)
    return _Reader(context, grid, steady) if grid.begin < grid.end else None


def _folded(times: FloatArray, counted: FloatArray, bad: FloatArray, end: float) -> Counts:
    """What was scraped after the end belongs to its last moment."""
    last = int(np.searchsorted(times, end, side="right"))
    if last == 0 or last >= times.size:
        return Counts(times, counted, bad)
    counted, bad = counted.copy(), bad.copy()
    counted[last - 1] += counted[last:].sum()
    bad[last - 1] += bad[last:].sum()
    return Counts(times[:last], counted[:last], bad[:last])
