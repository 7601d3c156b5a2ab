"""Evaluates recording rules over a run that is over, and makes blocks of what they record.

Not by ``promtool tsdb create-blocks-from rules``: that evaluates on a grid which follows from the rule file's path,
omits silently, with exit 0, what reads its own output, and leaves one block per rule and two hours (a thousand for a
day). Here Prometheus evaluates the same expressions as range queries on one grid, depth by depth, and takes the results
by remote write. As a live server does, a staleness marker ends a series at the first step without a value.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from harness.errors import ArchiveError
from harness.prom.api import PrometheusApi
from harness.prom.block_writer import BlockWriter
from harness.prom.rules import RecordingRule
from harness.prom.series import FloatArray, Series

# value.StaleNaN of Prometheus: a NaN with this very bit pattern.
STALE: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
STALE_BITS = np.uint64(0x7FF0000000000002)

WINDOW_STEPS = 1440  # two hours at 5 s: some seconds of work for the heaviest rule, so that the cores stay busy
QUERY_TIMEOUT = 300.0
LOOKBACK_STEPS = 3


@dataclass(frozen=True)
class Grid:
    """The evaluation times of a run: start_ms, start_ms + step_ms, ... (unix milliseconds), ``count`` of them."""

    start_ms: int
    step_ms: int
    count: int

    @classmethod
    def over(cls, start: float, end: float, step: float) -> Grid:
        """All multiples of ``step`` in [start, end] (seconds); at least one, the first at or after ``start``."""
        step_ms = max(1, round(step * 1000))
        first = -(-round(start * 1000) // step_ms) * step_ms
        return cls(first, step_ms, max(1, (round(end * 1000) - first) // step_ms + 1))

    @property
    def start(self) -> float:
        return self.start_ms / 1000

    @property
    def end(self) -> float:
        return (self.start_ms + (self.count - 1) * self.step_ms) / 1000

    @property
    def step(self) -> float:
        return self.step_ms / 1000

    @property
    def middle(self) -> float:
        """One time, about half-way."""
        return (self.start_ms + self.count // 2 * self.step_ms) / 1000

    @property
    def times(self) -> FloatArray:
        """All times, shape (count,), unix seconds."""
        return (self.start_ms + self.step_ms * np.arange(self.count, dtype=np.int64)) / 1000

    def coarser(self, step: float | None) -> Grid:
        """The same span at a rule group's own interval: every k-th time, k at most 3.

        Not coarser than the look-back of three steps, or the series would be absent between its own samples.
        """
        every = min(LOOKBACK_STEPS, max(1, round((step or 0) * 1000) // self.step_ms))
        # Multiples of the coarser step, so that the grid does not depend on when the run began.
        skip = (-self.start_ms // self.step_ms) % every
        if self.count <= skip:
            return self
        return Grid(self.start_ms + skip * self.step_ms, every * self.step_ms, (self.count - skip + every - 1) // every)

    def windows(self, steps: int) -> Iterator[Grid]:
        """The same times in pieces of at most ``steps``."""
        for first in range(0, self.count, steps):
            yield Grid(self.start_ms + first * self.step_ms, self.step_ms, min(steps, self.count - first))


class StaleMarker:
    """Puts staleness markers into one rule's output, window by window in time order. Pure but for its memory."""

    def __init__(self, step_ms: int) -> None:
        self._step_ms = step_ms
        self._open: dict[tuple[tuple[str, str], ...], int] = {}

    def mark(self, window: Grid, found: Sequence[Series]) -> list[Series]:
        """The window's samples, and a marker at each first step without one, earlier windows' series included."""
        marked: list[Series] = []
        still_open: dict[tuple[tuple[str, str], ...], int] = {}
        for one in found:
            key = tuple(sorted(one.labels.items()))
            times = np.rint(one.times * 1000).astype(np.int64)
            before = self._open.pop(key, None)
            if before is not None:
                times = np.insert(times, 0, before)
            ends = np.append(times[1:] - times[:-1] > self._step_ms, False)
            last = int(times[-1])
            if last < round(window.end * 1000):
                ends[-1] = True
            else:
                still_open[key] = last
            at = times[ends] + self._step_ms
            all_times = np.concatenate([np.rint(one.times * 1000).astype(np.int64), at])
            values = np.concatenate([one.values, _stale(at.size)])
            order = np.argsort(all_times, kind="stable")
            marked.append(Series(one.labels, all_times[order] / 1000, values[order]))
        for gone, last in self._open.items():
            marked.append(Series(dict(gone), np.array([(last + self._step_ms) / 1000]), _stale(1)))
        self._open = still_open
        return marked


def _stale(count: int) -> FloatArray:
    # By bits: arithmetic on a NaN may lose its payload.
    return np.full(count, STALE_BITS, dtype=np.uint64).view(np.float64)


def evaluate(
    connect: Callable[[], PrometheusApi],
    rules: Sequence[RecordingRule],
    grid: Grid,
    writer: BlockWriter,
    *,
    parallel: int = 2,
) -> dict[str, int]:
    """Evaluates rules that do not read each other, and adds what they record to ``writer``.

    Args:
        connect: makes a client of the server that holds their inputs; one per thread.
        parallel: queries at once; results are written in time order whatever finishes first.

    Returns:
        Samples per recorded name, 0 for a rule without result.

    Raises:
        QueryError: an expression failed.
        ArchiveError: two rules record one series.
    """
    counts = dict.fromkeys((rule.name for rule in rules), 0)
    grids = {id(rule): grid.coarser(rule.interval) for rule in rules}
    tasks = ((rule, window) for rule in rules for window in grids[id(rule)].windows(WINDOW_STEPS))
    markers = {id(rule): StaleMarker(grids[id(rule)].step_ms) for rule in rules}
    with ThreadPoolExecutor(parallel) as pool:
        waiting: deque[tuple[RecordingRule, Grid, Future[list[Series]]]] = deque()

        def write_oldest() -> None:
            rule, window, future = waiting.popleft()
            found = markers[id(rule)].mark(window, future.result())
            counts[rule.name] += writer.add(found, f"the rule {rule.name}")

        try:
            for rule, window in tasks:
                waiting.append((rule, window, pool.submit(partial(_query, connect, rule, window, grid.middle))))
                # One more than there are threads: they find the next task while this one writes.
                if len(waiting) > parallel + 1:
                    write_oldest()
            while waiting:
                write_oldest()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return counts


def _query(connect: Callable[[], PrometheusApi], rule: RecordingRule, window: Grid, check_at: float) -> list[Series]:
    api = connect()
    found = [one for one in api.query_range(rule.expr, window.start, window.end, window.step) if len(one)]
    if window.start < check_at <= window.end:
        _check_step(api, rule, found, round(check_at * 1000) // window.step_ms * window.step_ms / 1000)
    named = [Series(_labels(one.labels, rule), one.times, one.values) for one in found]
    if len({tuple(sorted(one.labels.items())) for one in named}) < len(named):
        raise ArchiveError(f"the rule {rule.name} ({rule.file}) gives one series twice once its labels are set")
    return named


def _check_step(api: PrometheusApi, rule: RecordingRule, found: Sequence[Series], at: float) -> None:
    """Raises ArchiveError when one step of a range differs from the instant query that a live server would make.

    There is such a bug (Prometheus 2.42: ``count_values by`` over a range); it must not become a verdict.
    """
    once = {tuple(sorted(one.labels.items())): float(one.values[0]) for one in api.query(rule.expr, at)}
    ranged = {
        tuple(sorted(one.labels.items())): float(step.values[0])
        for one in found
        if len(step := one.between(at - 0.0005, at + 0.0005))
    }
    if once.keys() != ranged.keys() or not all(
        np.isclose(value, ranged[key], rtol=1e-9, atol=0.0, equal_nan=True) for key, value in once.items()
    ):
        raise ArchiveError(
            f"Prometheus evaluates the rule {rule.name} ({rule.file}) differently over a range and at one moment, {at}",
            remedy="a bug of this Prometheus version, or of the rule; write the expression in another way",
        )


def _labels(labels: Mapping[str, str], rule: RecordingRule) -> dict[str, str]:
    merged = {**labels, **rule.labels, "__name__": rule.name}
    return {name: value for name, value in merged.items() if value}
