"""A container that ended and stays ended has no new start: that is no evidence that it did not restart, it is gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import INTERVAL, RECORD, START, STEADY, WARMUP, Made, plan, series_of

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
ENDS = WARMUP + 60
ON = plan("  error_ratio: 1%\n", processes="[]\n  containers: [worker]")


def judged(folder: Path, ended: tuple[float, float]) -> Verdict:
    """A run whose container did not run between two times since the start, as the sidecar tells it."""
    t = np.arange(0.0, WARMUP + STEADY + 1, INTERVAL) + 1.7
    runs = (t < ended[0]) | (t >= ended[1])
    labels = {"harness": "default", "job": names.JOB_SIDECAR, "instance": names.JOB_SIDECAR}
    started = np.where(t < ended[1], START - 3600, START + ended[1])
    times = np.round(START + t, 3)

    def of(metric: str, values: np.ndarray, keep: np.ndarray, **more: str) -> Series:
        return Series({"__name__": metric, **labels, **more}, times[keep], values[keep])

    every = np.ones(t.shape, dtype=bool)
    container = [
        of(names.CONTAINER_START, started, every, name="worker"),
        of(names.CONTAINER_WORKING_SET, np.full(t.shape, 90e6), runs, name="worker"),
        of(names.COLLECTOR_UP, runs.astype(float), every, collector="container:worker"),
    ]
    directory = RunDirectory(folder / "run")
    directory.path.mkdir(parents=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add([*series_of(Made()), *container])
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return judge_run(directory, ON, rules_dir=RULES)


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        ((1e9, 1e9), Outcome.PASS),
        ((ENDS, 1e9), Outcome.INCONCLUSIVE),
        ((-1e9, 1e9), Outcome.INCONCLUSIVE),
        ((ENDS, ENDS + 8), Outcome.FAIL),
    ],
    ids=["runs", "ends", "never ran", "restarts"],
)
def test_restarts_of_a_container_are_judged_while_it_runs(
    ended: tuple[float, float], outcome: Outcome, tmp_path: Path
) -> None:
    verdict = judged(tmp_path, ended)
    (one,) = (o for o in verdict.objectives if o.objective == "restarts")
    assert one.outcome is outcome, one.note
    assert verdict.outcome is outcome
    if outcome is Outcome.INCONCLUSIVE:
        (finding,) = (f for f in verdict.findings if f.check == "coverage")
        assert "collector 'container:worker' could not read" in finding.summary
        assert names.CONTAINER_WORKING_SET in finding.summary
