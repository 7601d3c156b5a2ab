"""Earlier runs on one Prometheus, told apart by the label ``run_id``, for Grafana's dashboards (docs/dashboards.md).

Each run's recorded series are made from its own series first, as the judge makes them; then all are written anew with
``run_id`` and, on request, with their times shifted onto the start of the first run.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from exporters.metric_names import ALERTS, CONTAINER_START, PROC_OLDEST_START, RUN_LOAD_END, RUN_LOAD_START, STACK
from harness.errors import UsageError
from harness.judge.alerts import evaluation_step
from harness.judge.firing import firings, first_evaluation
from harness.plan.model import Plan
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks
from harness.prom.private import LOOKBACK_INTERVALS, RunData, open_run
from harness.prom.promql import any_of
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory, RunRecord

PIECE = 1800.0  # seconds of all series held in memory at once
RUN_ID = "run_id"
# Their values are times of day: they move with their series.
_TIMES = frozenset({RUN_LOAD_START, RUN_LOAD_END, PROC_OLDEST_START, CONTAINER_START})
# Most series of a run are buckets, and no dashboard reads them but through recorded series.
_BUCKETS = re.compile(r"[a-z][a-zA-Z0-9_]*_bucket")
# What the run's own Prometheus wrote while it was on: they are made anew, by today's rules.
_OF_ALERTS = frozenset({ALERTS, f"{ALERTS}_FOR_STATE"})
_ALERT_DROPS = frozenset({"__name__"})


@dataclass(frozen=True)
class Replayed:
    """One run as it is served.

    Attributes:
        start, end: unix seconds at which its series stand now.
        shift: seconds by which they were moved; 0 where they stand where they were.
        series: how many were written.
    """

    record: RunRecord
    start: float
    end: float
    shift: float
    series: int


@dataclass(frozen=True)
class Chosen:
    """A run to be replayed."""

    directory: RunDirectory
    plan: Plan


def check_chosen(chosen: Sequence[Chosen]) -> None:
    """Raises UsageError for the same run twice: its series could not be told apart."""
    seen: set[str] = set()
    for one in chosen:
        run_id = one.directory.read_record().run_id
        if run_id in seen:
            raise UsageError(f"the run {run_id} is named twice", remedy="name each run once")
        seen.add(run_id)


def write_runs(
    chosen: Sequence[Chosen], data: Path, rules_dir: Path, *, align: bool, buckets: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Replayed]:  # fmt: skip
    """Writes the runs' series as blocks into ``data``.

    Args:
        align: move every run onto the start of the first.
        buckets: the raw buckets of histograms as well.
        tell: told of each run before its work begins.

    Raises:
        ArchiveError, QueryError: a run cannot be read.
    """
    found: list[Replayed] = []
    first: tuple[float, str] | None = None
    for one in chosen:
        record = one.directory.read_record()
        tell(record.run_id)
        with open_run(one.directory, one.plan, rules_dir, everything=True) as opened:
            first = first or (record.started_at, opened.stack)
            shift = round(first[0] - record.started_at, 3) if align else 0.0
            dressed = _Dress(record.run_id, first[1], shift)
            count = _write(opened, data, dressed, buckets=buckets)
            found.append(Replayed(record, opened.start + shift, opened.end + shift, shift, count))
    return found


def serve_runs(chosen: Sequence[Chosen], data: Path, work: Path, port: int) -> PrometheusServer:
    """A server over what ``write_runs`` wrote, not started; on ``port`` unless that is taken, 0: any."""
    lookback = LOOKBACK_INTERVALS * max(one.plan.scrape_interval for one in chosen)
    return PrometheusServer(data, work, lookback=lookback, ready_timeout=300, port=port)


def grafana_link(base: str, runs: Sequence[Replayed], stack: str) -> str:
    """The dashboard *Compare* over all of the runs. Pure."""
    start, end = min(run.start for run in runs), max(run.end for run in runs)
    return f"{base.rstrip('/')}/d/harness-compare?from={round(start * 1000)}&to={round(end * 1000)}&var-stack={stack}"


@dataclass(frozen=True)
class _Dress:
    """How a run's series are changed. The stack becomes the first run's: a dashboard shows one."""

    run_id: str
    stack: str
    shift: float

    def __call__(self, one: Series) -> Series:
        labels = {**one.labels, RUN_ID: self.run_id, STACK: self.stack}
        values = one.values
        if labels.get("__name__") in _TIMES:
            values = np.where(values > 0, values + self.shift, values)
        return replace(one, labels=labels, times=one.times + self.shift, values=values)


def _write(run: RunData, data: Path, dress: _Dress, *, buckets: bool) -> int:
    names = run.api.label_values("__name__", (), run.start, run.end)
    wanted = [name for name in names if name not in _OF_ALERTS and (buckets or not _BUCKETS.fullmatch(name))]
    selector = f'{{__name__=~"{any_of(wanted)}"}}'
    series: set[tuple[tuple[str, str], ...]] = set()
    with BlockWriter(run.end - run.start) as writer:
        at = run.start
        while at <= run.end:
            until = min(at + PIECE, run.end + 0.001)
            found = [dress(one) for one in _of_stack(run.api.raw(selector, at, until - 0.001), run.stack)]
            series.update(tuple(sorted(one.labels.items())) for one in found)
            writer.add(found, selector)
            at = until
        alerts = [dress(one) for one in _of_stack(alert_series(run), run.stack)]
        series.update(tuple(sorted(one.labels.items())) for one in alerts)
        writer.add(alerts, ALERTS)
        writer.finish(data / dress.run_id)
    for block in find_blocks(data / dress.run_id):  # one folder of its own each: names of blocks are unique
        shutil.move(block.path, data / block.path.name)
    (data / dress.run_id).rmdir()
    return len(series)


def _of_stack(series: Iterable[Series], stack: str) -> Iterator[Series]:
    """Without other stacks', which a snapshot of a shared Prometheus holds too, and which would become the run's."""
    return (one for one in series if one.labels.get(STACK, stack) == stack)


def alert_series(run: RunData) -> Iterator[Series]:
    """``ALERTS`` of firing alerts over the whole run, as a live Prometheus writes it."""
    for alert in run.rules:
        step = evaluation_step(alert.expr, alert.interval or run.interval)
        start = first_evaluation(run.start, step, run.eval_offset)
        if start > run.end:
            continue
        (answers,) = run.api.query_ranges([(alert.expr, start, run.end, step)])
        for one in answers:
            firing = firings(one.times, one.values, step, alert.for_seconds)
            # Every interval, or the look-back of the dashboards would not reach from one evaluation to the next.
            times = _unique(np.arange(f.start, f.end + run.interval / 2, run.interval) for f in firing)
            if times.size:
                labels = {name: value for name, value in one.labels.items() if name not in _ALERT_DROPS}
                own = {"__name__": ALERTS, "alertname": alert.name, "alertstate": "firing"}
                yield Series({**labels, **alert.labels, **own}, times, np.ones(times.size))


def _unique(parts: Iterable[np.ndarray]) -> np.ndarray:
    listed = list(parts)
    return np.unique(np.round(np.concatenate(listed), 3)) if listed else np.empty(0)
