"""Where series ended: staleness markers do not come through the query API, but their effect does.

An instant query does not return a series from its marker on. A marker stands where a target was scraped without that
series, or failed to answer: at the next sample of the target's ``up``. Where that does not hold, the moment is found by
halving. So a verdict on an archive that was read through the API equals one on a snapshot's blocks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from exporters.metric_names import UP
from harness.prom.backfill import STALE_BITS
from harness.prom.fetch import RawReader, named
from harness.prom.series import Series

LOOKBACK_INTERVALS = 3  # of the private server that will read the archive: a marker after that changes nothing
MISSED = 1.5  # intervals without a sample: at least one scrape did not bring it
TRUSTED = 20  # confirmed guesses, after which a target's next ones are taken as they are
Key = tuple[tuple[str, str], ...]
TimesMs = NDArray[np.int64]


class Staleness:
    """Finds the markers of one server's series, piece of time by piece.

    Args:
        selector: of all series that are read.
        interval: seconds between scrapes.
        end: unix seconds of the last moment of interest; what ends just before it is not looked at.
    """

    def __init__(self, reader: RawReader, selector: str, interval: float, end: float) -> None:
        self._reader = reader
        self._selector = selector
        self._interval = interval
        self._end_ms = round(end * 1000)
        self._lookback_ms = round(LOOKBACK_INTERVALS * interval * 1000)
        self._confirmed: Counter[tuple[str, str]] = Counter()

    def markers(self, series: Sequence[Series], before: float) -> list[Series]:
        """A series of markers for each that ended, once or often.

        Args:
            series: raw samples, those of a look-back after ``before`` included where there are any.
            before: unix seconds; only what ended before it is looked at.
        """
        scrapes = {
            _target(one.labels): np.rint(one.times * 1000).astype(np.int64)
            for one in series
            if one.labels.get("__name__") == UP
        }
        groups: dict[tuple[int, int, str, str], set[Key]] = defaultdict(set)
        for one in series:
            for last, until in self._ends(one, scrapes.get(_target(one.labels)), round(before * 1000)):
                groups[(last, until, *_target(one.labels))].add(_key(one.labels))
        found: dict[Key, list[int]] = defaultdict(list)
        for (last, until, job, instance), members in sorted(groups.items()):
            for key, moment in self._moments(members, last, until, (job, instance), scrapes):
                found[key].append(moment)
        return [
            Series(dict(key), np.array(moments) / 1000, np.full(len(moments), STALE_BITS, np.uint64).view(np.float64))
            for key, moments in sorted(found.items())
        ]

    def _ends(self, one: Series, scrapes: TimesMs | None, before: int) -> Iterable[tuple[int, int]]:
        """(last sample before a gap, first moment after which nothing is asked), both in ms.

        Args:
            scrapes: when its target was scraped, ms; None where its ``up`` is not there: its own steps tell.
        """
        times = np.rint(one.times * 1000).astype(np.int64)
        if times.size == 0:
            return
        steps = np.diff(times if scrapes is None else scrapes)
        usual = max(self._interval * 1000, float(np.median(steps)) if steps.size else 0.0)
        following = np.append(times[1:], self._end_ms + 1)
        missed = following - times > MISSED * usual
        if scrapes is not None:
            missed |= np.searchsorted(scrapes, following) > np.searchsorted(scrapes, times, side="right")
        for at in np.flatnonzero(missed & (times < before)):
            yield int(times[at]), int(min(following[at], times[at] + self._lookback_ms))

    def _moments(
        self,
        members: set[Key],
        last: int,
        until: int,
        target: tuple[str, str],
        scrapes: Mapping[tuple[str, str], TimesMs],
    ) -> Iterable[tuple[Key, int]]:
        times = scrapes.get(target)
        guess = until
        if times is not None and (at := int(np.searchsorted(times, last, side="right"))) < times.size:
            guess = int(times[at])
        if guess < until:
            if self._confirmed[target] >= TRUSTED:
                yield from ((key, guess) for key in members)
                return
            if members <= self._seen(target, guess - 1) and not members & self._seen(target, guess):
                self._confirmed[target] += 1
                yield from ((key, guess) for key in members)
                return
            self._confirmed[target] = -TRUSTED  # not that regular: look often before it is trusted
        yield from self._halve(members - self._seen(target, until - 1), last, until - 1, target)

    def _halve(self, members: set[Key], low: int, high: int, target: tuple[str, str]) -> Iterable[tuple[Key, int]]:
        """Members are there at ``low`` and not at ``high``."""
        if not members:
            return
        if high - low <= 1:
            yield from ((key, high) for key in members)
            return
        middle = (low + high) // 2
        there = members & self._seen(target, middle)
        yield from self._halve(there, middle, high, target)
        yield from self._halve(members - there, low, middle, target)

    def _seen(self, target: tuple[str, str], at_ms: int) -> set[Key]:
        job, instance = target
        selector = named(self._selector, job=job, instance=instance)
        return {_key(one.labels) for one in self._reader.present(selector, at_ms / 1000)}


def _target(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _key(labels: Mapping[str, str]) -> Key:
    return tuple(sorted(labels.items()))
