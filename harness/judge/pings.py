"""Quantiles of a probe (redis_ping_p99), judged as the share of its pings within the limit, counted exactly.

The recorded p99 looks back a minute, in which one slow ping stays and one of many looks the same; so it is for showing.
What is judged are increases of the raw histogram's buckets, from the first scrape of the steady state to its last, by
the rule that requests have: FAIL when the whole window breaches, or more than 1 % of its 5-minute windows (two at
least). A single such window is a WARN. A limit between two edges is bracketed, as for requests.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.errors import ArchiveError
from harness.judge.context import Context
from harness.judge.counters import Grid, increases, make_grid
from harness.judge.coverage import allowed_gap
from harness.judge.latency import quantile_of
from harness.judge.results import ENOUGH_RECORDED, Evidence, Judged, judged, missing
from harness.judge.shares import WINDOW_ALPHA, Breach, Counts, find_breach, reach_back, requests_needed, surely_above
from harness.judge.subjects import Source, Subject, raw_selectors
from harness.judge.verdict import Outcome
from harness.judge.windows import BoolArray, Window, pick, tumbling
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray
from harness.units import format_duration, format_value

QUANTILE = 0.99
# A ping is made every second or every scrape, whichever comes first (exporters.poller); half of them may be late.
PINGED = 0.5
BLIP = 1  # a single slow ping breaks nothing, however few there were
SHOWN_FROM = 500  # moments of the steady state at which every edge is read
LEAST_SLOW = 3  # two in a row are one hiccup of the machine


@dataclass(frozen=True)
class Pings:
    """Pings from moment to moment, by the histogram's edges.

    Attributes:
        edges: seconds, shape (k,), increasing; the last is inf.
        within: pings up to each edge, shape (k, grid.size).
        present: how many exporters reported them, shape (grid.size,).
        judged: which moments belong to the steady state, without what was set aside; shape (grid.size,).
    """

    grid: Grid
    edges: FloatArray
    within: FloatArray
    present: FloatArray
    judged: BoolArray

    def counts(self, edge: float) -> tuple[Counts, Counts]:
        """Pings, and those over one of the edges: in the steady state, and under the whole load."""
        within = self.within[int(np.searchsorted(self.edges, edge))]
        all_ = self.within[-1]
        load = Counts(self.grid.times, all_, np.clip(all_ - within, 0.0, all_))
        here = self.judged
        return Counts(load.times[here], load.all_[here], load.bad[here]), load

    @property
    def quantile(self) -> float:
        """Over the steady state, in seconds; the last finite edge when it lies beyond it."""
        total = self.within[:, self.judged].sum(axis=1)
        finite = np.isfinite(self.edges)
        value = quantile_of(self.edges[finite], total[finite], float(total[-1]), QUANTILE)
        return float(self.edges[finite][-1]) if math.isinf(value) else value


@dataclass(frozen=True)
class Probe:
    """Where a probe's pings stand.

    Attributes:
        grid: when they are counted.
        spellings: how each edge is written in ``le``, in the order of the edges.
    """

    context: Context
    selectors: tuple[str, ...]
    grid: Grid
    spellings: Mapping[float, tuple[str, ...]]

    @property
    def edges(self) -> FloatArray:
        """Seconds, increasing; the last is inf."""
        return np.array(list(self.spellings))

    def read(self, edges: Collection[float], grid: Grid) -> Pings:
        """The pings up to these edges, and all of them, counted on a grid."""
        wanted = sorted({*map(float, edges), math.inf})
        spelled = "|".join(_literally(one) for edge in wanted for one in self.spellings[edge])
        narrowed = " or ".join(f'{one[:-1]},le=~"{spelled}"}}' for one in self.selectors)
        times = grid.times
        expr = f"sum by (le, instance) ({narrowed})"
        found = self.context.ranged(expr, float(times[0]), float(times[-1]), grid.step)
        of = [increases([s for s in found if float(s.labels["le"]) == edge], grid) for edge in wanted]
        index = np.arange(grid.size)
        here = (index > grid.begin) & (index <= grid.end)
        if self.context.steady is not None:
            here &= Window(-math.inf, math.inf, self.context.steady.holes).counts(times)
        return Pings(grid, np.array(wanted), np.array([counted for counted, _ in of]), of[-1][1], here)

    @property
    def quantile(self) -> float:
        """Over the steady state, in seconds: a figure to show. Of a day every edge at every scrape would be most of
        the judge's work; read less often they tell the same, but for what was counted just before a restart."""
        often = -(-(self.grid.end - self.grid.begin) // SHOWN_FROM)
        steps = (self.grid.end - self.grid.begin) // often
        first = float(self.grid.times[self.grid.begin])
        return self.read(self.edges, Grid(first, often * self.grid.step, steps + 1, 0, steps)).quantile


def judge_pings_of(context: Context, objective: Objective, source: Source, subject: Subject) -> Judged:
    """A probe's p99 on one subject."""
    query = context.selector(source.recorded, **subject.labels)
    what = source.raw.removesuffix("_count")
    window, probe = context.steady, _find(context, source, subject)
    if window is None or probe is None:
        return missing(objective, subject, f"no samples of {what}_bucket in the steady state", query)
    finite = probe.edges[np.isfinite(probe.edges)]
    # A quotient of floats is never exact: an edge that equals the limit is the limit's.
    lower = finite[finite <= objective.limit * (1 + 1e-9)]
    upper = finite[finite >= objective.limit * (1 - 1e-9)]
    over = 1 - QUANTILE
    pings = probe.read({*lower[-1:], *upper[:1]}, probe.grid)
    if not pings.present[pings.judged].any():
        return missing(objective, subject, f"no samples of {what}_bucket in the steady state", query)
    limit, value = format_value(objective.limit, "seconds"), probe.quantile
    shown = value if math.isfinite(value) else None
    if upper.size:
        counts, load = pings.counts(float(upper[0]))
        breach = _breach(counts, window, over, context.interval)
        if breach.whole or breach.pieces:
            first = breach.first
            onset = None if first is None else reach_back(load, over, first, context.interval)
            note = _over(counts, limit, value)
            if not breach.whole:
                note += f", in {len(breach.pieces)} of {breach.of} windows of 5 minutes"
            evidence = Evidence(onset, first, breach.seconds, query)
            return judged(objective, subject, Outcome.FAIL, shown, note, evidence)
    if not lower.size:
        reason = f"the histogram of {what} begins at {format_value(float(finite[0]), 'seconds')}, above {limit}"
        return missing(objective, subject, reason, query)
    counts, load = pings.counts(float(lower[-1]))
    too_few = _too_few(pings, counts, window, context.interval)
    if too_few:
        return missing(objective, subject, f"{too_few} of {what}_bucket", query)
    breach = _breach(counts, window, over, context.interval)
    evidence = Evidence(query=query)
    if breach.whole or breach.pieces:
        if upper.size:
            reason = f"{limit} is no edge of the histogram of {what}, and pings lie between its neighbours"
        else:
            end = format_value(float(finite[-1]), "seconds")
            reason = f"the histogram of {what} ends at {end}, and pings took longer"
        reason += f": whether they are within {limit} cannot be told"
        return judged(objective, subject, Outcome.INCONCLUSIVE, shown, reason, evidence)
    note = f"{_over(counts, limit, value)}"
    if counts.total < requests_needed(over) and counts.total_bad > BLIP and counts.ratio > over:
        note += f": {counts.total:.0f} pings are too few to tell chance from a slow server; run longer"
        return judged(objective, subject, Outcome.INCONCLUSIVE, shown, note, evidence)
    slow = _slow_window(counts, window, over)
    if slow is not None:
        note += f", most of them within {format_duration(slow.length)}"
        return judged(objective, subject, Outcome.WARN, shown, note, Evidence(slow.start, slow.start, 0.0, query))
    return judged(objective, subject, Outcome.PASS, shown, note)


def _breach(counts: Counts, window: Window, limit: float, interval: float) -> Breach:
    found = find_breach(counts, window, limit, interval, least_bad=LEAST_SLOW)
    return found if counts.total_bad >= LEAST_SLOW else Breach(False, (), found.of, None, 0.0)


def _over(counts: Counts, limit: str, value: float) -> str:
    text = f"{counts.total_bad:.0f} of {counts.total:,.0f} pings over {limit}"
    return text + (f", p99 {format_value(value, 'seconds')}" if math.isfinite(value) else "")


def _literally(edge: str) -> str:
    """A spelling of ``le`` within a quoted regular expression."""
    return edge.replace(".", r"\\.").replace("+", r"\\+")


def _find(context: Context, source: Source, subject: Subject) -> Probe | None:
    """The histogram of a subject's pings; None when the run has none, or one without its last edge."""
    if context.steady is None:
        return None
    grid = make_grid(context.load, context.steady, context.interval, settled=False)
    if grid.begin >= grid.end:
        return None
    buckets = replace(source, raw=source.raw.removesuffix("_count") + "_bucket")
    selectors = raw_selectors(buckets, subject, context.stack)
    spellings: dict[float, set[str]] = {}
    for labels in context.api.series(selectors, float(grid.times[0]), float(grid.times[-1])):
        if "le" in labels:
            try:
                spellings.setdefault(float(labels["le"]), set()).add(labels["le"])
            except ValueError as error:
                raise ArchiveError(f"a bucket of {buckets.raw} has an edge that is no number: {error}") from error
    found = Probe(context, selectors, grid, {edge: tuple(sorted(spellings[edge])) for edge in sorted(spellings)})
    return found if found.edges.size >= 2 and math.isinf(found.edges[-1]) else None


def _too_few(pings: Pings, counts: Counts, window: Window, interval: float) -> str:
    """Why these pings are no evidence that the limit was kept; empty when they are."""
    moments = int(np.count_nonzero(pings.judged))
    reported = pings.grid.times[pings.judged & (pings.present > 0)]
    if reported.size < ENOUGH_RECORDED * moments:
        return f"too few samples ({reported.size} of {moments})"
    # A gap between two scrapes is bridged by the counter; what came after the last one is in no later sample.
    until, end = float(reported[-1]), float(pings.grid.times[pings.judged][-1])
    if end - until > allowed_gap(window, interval):
        return f"nothing after {format_duration(until - window.start)} of the steady state"
    made = int(np.count_nonzero(counts.all_ > 0))
    if made < PINGED * moments:
        return f"new pings in {made} of {moments} scrapes only: too few samples"
    return ""


def _slow_window(counts: Counts, window: Window, limit: float) -> Window | None:
    """The first 5-minute window that alone is beyond chance over the limit."""
    pieces = tumbling(window)
    for i, piece in enumerate(pieces):
        mine = pick(counts.times, piece, closed=i == len(pieces) - 1)
        bad = float(counts.bad[mine].sum())
        if bad >= LEAST_SLOW and surely_above(bad, float(counts.all_[mine].sum()), limit, WINDOW_ALPHA):
            return piece
    return None
