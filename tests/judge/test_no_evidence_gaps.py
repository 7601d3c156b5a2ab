"""Holes in the load's own counters: what a later sample of the same process tells is bridged, the rest was not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, START, STEADY, WARMUP, Made, flat, lose, plan, series_of, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
ON = plan("  latency_p95: 800ms\n  error_ratio: 1%\n")
Change = Callable[[Series], Series]


def judged(folder: Path, made: Made, change: Change) -> Verdict:
    """A run whose only Locust worker's series were changed."""
    directory = RunDirectory(folder / "run")
    directory.path.mkdir(parents=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(change(s) if s.labels["instance"] == "locust-worker-1" else s for s in series_of(made))
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return judge_run(directory, ON, rules_dir=RULES)


def unscraped(since: float, until: float, *, anew: bool = False) -> Change:
    """The worker does not answer between two times since the start; ``anew``: it counts from 0 afterwards."""

    def change(one: Series) -> Series:
        after_start = one.times - START
        lost = (after_start >= since) & (after_start < until)
        if one.labels["__name__"] == "up":
            return Series(one.labels, one.times, np.where(lost, 0.0, one.values))
        values = one.values
        if anew and one.labels["__name__"].endswith(("_total", "_count", "_bucket")):
            values = np.where(after_start >= until, values - values[after_start < until][-1], values)
        return Series(one.labels, one.times[~lost], values[~lost])

    return change


def errors(verdict: Verdict) -> Outcome:
    (one,) = (o for o in verdict.objectives if o.objective == "error_ratio")
    return one.outcome


def test_nobody_knows_how_requests_ended_after_the_last_scrape(tmp_path: Path) -> None:
    """The recorded rate goes on for a minute after its counter's end: it is no sample."""
    failing = Made(errors=lambda t: (t >= 256).astype(float))
    verdict = judged(tmp_path, failing, unscraped(256, 1e9))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert errors(verdict) is Outcome.INCONCLUSIVE
    (finding,) = (f for f in verdict.findings if f.check == "coverage")
    assert finding.outcome is Outcome.INCONCLUSIVE and "locust-worker-1) did not answer from 14:17:3" in finding.summary


@pytest.mark.parametrize(("anew", "outcome"), [(False, Outcome.PASS), (True, Outcome.INCONCLUSIVE)])
def test_a_counter_that_began_anew_in_a_hole_does_not_bridge_it(anew: bool, outcome: Outcome, tmp_path: Path) -> None:
    """What the lost process had counted since its last scrape is in no sample: it may all have failed."""
    verdict = judged(tmp_path, Made(), unscraped(150, 180, anew=anew))
    assert errors(verdict) is outcome
    assert any(f.check == "coverage" and f.outcome is max(outcome, Outcome.WARN) for f in verdict.findings)


@pytest.mark.parametrize(
    ("objective", "name", "labels"),
    [
        ("memory_limit", names.PROC_MEMORY, {"memtype": "proportionalResident"}),
        ("db_pool_use", names.POOL_SIZE, {}),
    ],
)
def test_a_level_that_no_rule_recorded_was_not_seen(
    objective: str, name: str, labels: dict[str, str], tmp_path: Path
) -> None:
    """Resident memory is there, the proportional one could not be read; a pool's connections, but not its size."""
    lost = lose(lambda one: one["__name__"] == name and labels.items() <= one.items(), 250)
    on = plan("  latency_p95: 800ms\n  memory_limit: 1GiB\n  db_pool_use: 90%\n")
    verdict = judge_run(write_run(tmp_path / "run", Made(lost=lost)), on, rules_dir=RULES)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (one,) = (o for o in verdict.objectives if o.objective == objective)
    assert one.outcome is Outcome.INCONCLUSIVE
    assert "no sample of harness_" in one.note and "longer than the 15s allowed" in one.note


def test_processes_without_a_single_descriptor_were_not_read(tmp_path: Path) -> None:
    """An exporter that may not look into /proc/PID/fd says 0, and 0 does not grow."""
    on = plan("  latency_p95: 800ms\n  fd_growth: 50%\n")
    verdict = judge_run(write_run(tmp_path / "run", Made(fds=flat(0.0))), on, rules_dir=RULES)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (one,) = (o for o in verdict.objectives if o.objective == "fd_growth")
    assert one.outcome is Outcome.INCONCLUSIVE and one.note.startswith("no samples of harness_kind_subject:open_fds")
