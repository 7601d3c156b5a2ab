"""Counted requests against a share: the pure core of latency, errors and throughput.

A breach is judged on the whole steady window and on its 5-minute windows (DESIGN: plan). What few requests cannot
show is left to the binomial distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.judge.windows import Stretch, Window, pick, stretches, too_many, tumbling
from harness.prom.series import FloatArray

ALPHA = 0.05  # of a wrong "met": the objective could be broken and the sample not show it
WINDOW_ALPHA = 1e-3  # of one window: 288 of them a day would each get a chance
LEAST_REQUESTS = 30
LEAST_ERRORS = 10  # DESIGN: an error window needs ten errors
RECENT_SECONDS = 60.0  # looked at together to tell since when the share was over the limit


@dataclass(frozen=True)
class Counts:
    """Requests and bad ones among them, as counted from moment to moment, and their sums.

    Attributes:
        times: shape (n,), unix seconds.
        all_, bad: shape (n,), requests since the moment before.
    """

    times: FloatArray
    all_: FloatArray
    bad: FloatArray

    @property
    def total(self) -> float:
        return float(self.all_.sum())

    @property
    def total_bad(self) -> float:
        return float(self.bad.sum())

    @property
    def ratio(self) -> float:
        """Bad share; NaN of no request."""
        return self.total_bad / self.total if self.total > 0 else math.nan


@dataclass(frozen=True)
class Breach:
    """What broke the limit: the whole window, or some of its pieces."""

    whole: bool
    pieces: tuple[Window, ...]
    of: int
    first: float | None
    seconds: float


def requests_needed(bad_limit: float) -> int:
    """Requests below which even none bad would not show that at most ``bad_limit`` of all are.

    With none bad of n, the upper bound of the share at confidence 95 % is 1 - 0.05 ** (1/n) (Clopper-Pearson).
    """
    if not 0 < bad_limit < 1:
        return LEAST_REQUESTS
    return max(LEAST_REQUESTS, math.ceil(math.log(ALPHA) / math.log1p(-bad_limit)))


def surely_above(bad: float, total: float, limit: float, alpha: float) -> bool:
    """Is a true share of at most ``limit`` rejected by ``bad`` of ``total``? (One-sided binomial test.)"""
    count, whole = round(bad), round(total)
    if whole <= 0 or count <= limit * whole:
        return False
    return float(stats.binom.sf(count - 1, whole, min(1.0, limit))) < alpha


def find_breach(counts: Counts, window: Window, limit: float, interval: float, *, least_bad: int = 1) -> Breach:
    """Where the bad share is over the limit, beyond chance in pieces with few requests."""
    pieces = tumbling(window)
    # A quotient of floats is never exact: a share that equals its limit is not over it.
    whole = counts.total > 0 and counts.ratio > limit * (1 + 1e-9) + 1e-12
    if counts.total < requests_needed(limit):
        whole = whole and surely_above(counts.total_bad, counts.total, limit, ALPHA)
    broken = []
    for i, piece in enumerate(pieces):
        mine = pick(counts.times, piece, closed=i == len(pieces) - 1)
        bad, total = float(counts.bad[mine].sum()), float(counts.all_[mine].sum())
        if round(bad) >= least_bad and surely_above(bad, total, limit, WINDOW_ALPHA):
            broken.append(piece)
    if not whole and not too_many(len(broken), len(pieces)):
        return Breach(False, (), len(pieces), None, 0.0)
    first, seconds = first_over(counts, limit, interval, broken)
    return Breach(whole, tuple(broken), len(pieces), first, seconds)


def first_over(
    counts: Counts, limit: float, interval: float, pieces: Sequence[Window] = ()
) -> tuple[float | None, float]:
    """First moment of the first lasting stretch over the limit (in a breaching piece, if any); seconds over it."""
    found = _over(counts, limit, interval)
    seconds = sum(s.seconds for s in found)
    if pieces:
        found = [s for s in found if any(s.end >= p.start and s.start <= p.end for p in pieces)] or found
    lasting = [s for s in found if s.samples >= 3] or found
    return (lasting[0].start if lasting else None), seconds


def reach_back(load: Counts, limit: float, first: float, interval: float) -> float:
    """Where the stretch over the limit that holds ``first`` began: that may have been in the warm-up."""
    for stretch in _over(load, limit, interval):
        if stretch.start <= first <= stretch.end + 1e-3:
            return stretch.start
    return first


def _over(counts: Counts, limit: float, interval: float) -> list[Stretch]:
    """Stretches in which more than ``limit`` of the last minute's requests were bad, from the first bad to the last.

    Single moments hold few requests, of which one bad is a large share.
    """
    if counts.times.size == 0:
        return []
    begin = np.searchsorted(counts.times, counts.times - RECENT_SECONDS, side="right")
    all_, bad = (np.append(0.0, np.cumsum(one)) for one in (counts.all_, counts.bad))
    here = np.arange(1, counts.times.size + 1)
    over = bad[here] - bad[begin] > np.maximum(0.5, limit * (all_[here] - all_[begin]))
    found = []
    for one in stretches(counts.times, over, interval):
        reached, left = (int(np.searchsorted(counts.times, moment)) for moment in (one.start, one.end))
        # The minute was over its limit at ``reached``. It began where what came since exceeds the limit by the most:
        # the change-point of a cumulative sum (Page 1954), which bad requests of before do not move.
        since = np.arange(begin[reached], reached + 1)
        excess = bad[reached + 1] - bad[since] - limit * (all_[reached + 1] - all_[since])
        # The last of equals: moments without a request, as before the load began, change nothing.
        first = int(since[since.size - 1 - np.argmax(excess[::-1])])
        last = reached + np.flatnonzero(counts.bad[reached : left + 1] > 0)
        start = float(counts.times[first])
        end = max(start, float(counts.times[last[-1] if last.size else left]))
        found.append(Stretch(start, end, round((end - start) / interval) + 1, end - start + interval))
    return found
