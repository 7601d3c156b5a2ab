"""A finished run on a private Prometheus: raw series from the archive, everything else computed again.

Recorded and ``harness_objective`` series of the archive are deleted and made anew, from today's rules and the plan that
is judged: so judging now and judging next year read the same, and another plan can be judged on old series.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exporters.metric_names import OBJECTIVE, OBJECTIVE_EDGE, REQUEST_DURATION, RUN_INFO, STACK
from harness.errors import ArchiveError, HarnessError, PreflightError, QueryError
from harness.plan.model import Plan
from harness.prom.api import PrometheusApi
from harness.prom.backfill import QUERY_TIMEOUT, Grid
from harness.prom.blocks import Block, link_archive
from harness.prom.damage import broken_archive
from harness.prom.objectives import objective_series, parse_edges
from harness.prom.on_demand import ArchiveApi, Recorder
from harness.prom.rules import AlertRule, load_rules
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.run.record import LONGEST_SECONDS, RunDirectory, RunRecord
from harness.units import format_duration

# From the end of the load to the last scrape before the series are kept: users finish their requests first.
_WIND_DOWN_SECONDS = 120.0
LOOKBACK_INTERVALS = 3
_LEAST_MEMORY = 350 * 2**20
_BYTES_PER_SAMPLE = 6  # about four times what a sample takes on disk

# Every name with a colon is some rule's output; ours and a foreign server's alike.
_DERIVED = ('{__name__=~".*:.*"}', f'{{__name__=~"{OBJECTIVE}|{OBJECTIVE_EDGE}"}}')


@dataclass(frozen=True)
class RunData:
    """One run as the judge reads it.

    Attributes:
        api: queries over raw, recorded and objective series. For use from one thread.
        record: the run's record.
        rules: today's alert rules.
        interval: seconds between evaluations of the recording rules.
        eval_offset: unix seconds modulo ``interval`` at which they were evaluated.
        start, end: first and last evaluation, unix seconds.
        edges: finite bucket edges of the request histogram that the archive holds, seconds, sorted.
        stack: value of the label ``harness`` of the run's series.
    """

    api: ArchiveApi
    record: RunRecord
    rules: tuple[AlertRule, ...]
    interval: float
    eval_offset: float
    start: float
    end: float
    edges: tuple[float, ...]
    stack: str


@contextmanager
def open_run(run_dir: RunDirectory, plan: Plan, rules_dir: Path, *, everything: bool = False) -> Iterator[RunData]:
    """Serves a run's archive on a private Prometheus until the context ends.

    The run directory is only read; it may be read-only or moved.

    Args:
        plan: its objectives become series, and its scrape interval is the step of the recording rules.
        everything: compute every recorded series at once. Otherwise costly ones that no alert reads are computed when a
            query first names them.

    Raises:
        ArchiveError: the archive is missing, empty or damaged, or series could not be computed from it.
        QueryError: a query over it failed.
        HarnessError: the rules cannot be read, or Prometheus is missing.
    """
    record = run_dir.read_record()
    rules = load_rules(rules_dir)
    with tempfile.TemporaryDirectory(prefix="harness-judge-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        blocks = link_archive(run_dir.tsdb, data)
        grid = _grid(record, blocks, plan.scrape_interval, run_dir)
        server = PrometheusServer(
            data,
            Path(folder),
            lookback=LOOKBACK_INTERVALS * plan.scrape_interval,
            ready_timeout=300,
            # Lives shortly and alone: memory for speed, up to what a small machine has.
            environment={"GOGC": "400", "GOMEMLIMIT": str(_memory_limit(blocks))},
        )
        try:
            _start(server, run_dir)
            api = server.api(timeout=QUERY_TIMEOUT)
            api.delete_series(_DERIVED)
            stack = _stack(api, plan, grid, run_dir)
            _same_run(api, record, stack, grid, run_dir)
            edges = _edges(api, stack, grid)
            recorder = Recorder(server, rules, grid, {one.endpoint for one in plan.objectives if one.endpoint})
            present = Counter(one["__name__"] for one in api.series(['{__name__!=""}'], grid.start, grid.end))
            recorder.write(_objectives(plan, edges, stack, grid))
            recorder.compute(rules.recorded_names if everything else recorder.cheap_or_alerted(present))
            yield RunData(
                api=ArchiveApi(server, recorder),
                record=record,
                rules=rules.alerts,
                interval=grid.step,
                eval_offset=0.0,
                start=grid.start,
                end=grid.end,
                edges=edges,
                stack=stack,
            )
        except QueryError as error:
            broken = broken_archive(error, run_dir.tsdb)
            if broken is None:
                raise
            raise broken from error
        finally:
            server.stop()


def _memory_limit(blocks: Sequence[Block]) -> int:
    """Bytes from which on the server collects garbage at once (the Go runtime's soft limit), more for a large archive.

    Measured on a day of 2,000 series at 15 s: without it 1.17 GB at most in all processes, with it 0.77 GB, no slower.
    """
    samples = sum(block.samples for block in blocks)
    return _LEAST_MEMORY + _BYTES_PER_SAMPLE * samples


def _start(server: PrometheusServer, run_dir: RunDirectory) -> None:
    try:
        server.start()
    except PreflightError:
        raise
    except HarnessError as error:
        broken = broken_archive(error, run_dir.tsdb)
        raise broken or ArchiveError(f"Prometheus cannot read the archive {run_dir.tsdb}: {error.message}") from error


def _grid(record: RunRecord, blocks: Sequence[Block], step: float, run_dir: RunDirectory) -> Grid:
    end = record.ended_at
    if end is None:  # the harness was killed: up to the last sample
        end = max((block.end_ms / 1000 for block in blocks), default=record.started_at)
    if end < record.started_at:
        raise ArchiveError(f"{run_dir.record_file}: the run ends before it starts")
    if blocks and not any(block.overlaps(record.started_at, end) for block in blocks):
        # Interrupted before the first scrape, a run has samples of its winding down only: little, but no error.
        late = [b.end_ms / 1000 for b in blocks if b.overlaps(end, end + _WIND_DOWN_SECONDS)]
        if record.ended_by == "completed" or not late:
            raise ArchiveError(f"no block in {run_dir.tsdb} holds samples between the run's start and end")
        end = max(late)
    if end - record.started_at > LONGEST_SECONDS:
        raise ArchiveError(
            f"{run_dir.tsdb} goes on for {format_duration(end - record.started_at)} after the run's start"
        )
    return Grid.over(record.started_at, end, step)


def _stack(api: PrometheusApi, plan: Plan, grid: Grid, run_dir: RunDirectory) -> str:
    """The stack whose series the archive holds."""
    found = sorted(s for s in api.label_values(STACK, [f'{{{STACK}!=""}}'], grid.start, grid.end) if s)
    if plan.stack in found:
        return plan.stack
    if len(found) == 1:
        return found[0]
    if not found:
        raise ArchiveError(
            f"no series in {run_dir.tsdb} has the label {STACK!r} between the run's start and end",
            remedy=f"set the label {STACK!r} in the scrape configuration of the Prometheus that scrapes the run",
        )
    raise ArchiveError(
        f"{run_dir.tsdb} holds series of several stacks ({', '.join(found)}), none of them the plan's, {plan.stack!r}",
        remedy=f"write the run's own into {run_dir.plan_file}, as: stack: {found[0]}",
    )


def _same_run(api: PrometheusApi, record: RunRecord, stack: str, grid: Grid, run_dir: RunDirectory) -> None:
    """Raises ArchiveError when the series say that they are another run's, or two runs' at once."""
    seconds = max(1, int(grid.end - record.started_at))
    info = f'{RUN_INFO}{{{STACK}="{stack}",run_id!=""}}'
    found = api.query(f"count by (run_id) (count_over_time({info}[{seconds}s]))", grid.end)
    others = sorted({one.labels["run_id"] for one in found} - {record.run_id})
    if others:
        raise ArchiveError(
            f"{run_dir.record_file} is of the run {record.run_id!r}, "
            f"but {run_dir.tsdb} holds series of {', '.join(map(repr, others))}",
            remedy="put the run.json and the tsdb of one run together; one stack carries one run at a time",
        )


def _edges(api: PrometheusApi, stack: str, grid: Grid) -> tuple[float, ...]:
    selector = f'{REQUEST_DURATION}_bucket{{{STACK}="{stack}"}}'
    try:
        return parse_edges(api.label_values("le", [selector], grid.start, grid.end))
    except ValueError as error:
        raise ArchiveError(f"a bucket of {REQUEST_DURATION} has an edge that is no number: {error}") from error


def _objectives(plan: Plan, edges: tuple[float, ...], stack: str, grid: Grid) -> list[Series]:
    times = grid.times
    return [
        Series({**labels, "__name__": name, STACK: stack}, times, np.full(times.shape, value))
        for name, labels, value in objective_series(plan, edges)
    ]
