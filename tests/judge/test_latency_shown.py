"""The quantile that is shown beside a latency objective, also of a load whose process began anew half-way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import ObjectiveResult, Outcome
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, START, STEADY_FROM, WARMUP, Made, plan, series_of, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
STEADY = 600.0


def judged(folder: Path, restarted: float | None) -> ObjectiveResult:
    """A healthy run; ``restarted``: seconds after which every process of the load counted from 0 again."""
    run = RunDirectory(folder / "run")
    run.path.mkdir(parents=True)
    made = []
    for one in series_of(Made(), WARMUP + STEADY):
        values = one.values
        if restarted is not None and one.labels["__name__"].startswith((names.REQUEST_DURATION, names.REQUEST_ERRORS)):
            late = one.times >= START + restarted
            values = np.where(late, values - values[np.argmax(late)], values)
        made.append(Series(one.labels, one.times, values))
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(made)
        writer.finish(run.tsdb)
    end = STEADY_FROM + STEADY
    run.write_record(replace(RECORD, steady_to=end, ended_at=end))
    verdict = judge_run(run, plan("  latency_p95: 800ms\n"), rules_dir=RULES)
    (line,) = (one for one in verdict.objectives if one.objective == "latency_p95")
    return line


@pytest.mark.parametrize("after", [30.0, 300.0, 590.0])
def test_a_process_that_began_anew_takes_no_latency_along(after: float, tmp_path: Path) -> None:
    whole = judged(tmp_path / "a", None)
    again = judged(tmp_path / "b", WARMUP + after)
    assert whole.outcome is again.outcome is Outcome.PASS
    assert whole.value is not None
    assert again.value == pytest.approx(whole.value, rel=0.05)


def test_requests_that_failed_are_not_told_as_slow_ones(tmp_path: Path) -> None:
    failing = Made(errors=lambda t: np.full_like(t, 0.2), slow=lambda t: np.zeros_like(t))
    verdict = judge_run(write_run(tmp_path / "run", failing), plan("  latency_p95: 2s\n"), rules_dir=RULES)
    (line,) = (one for one in verdict.objectives if one.objective == "latency_p95")
    assert line.outcome is Outcome.FAIL
    share, rest = line.note.split("%", 1)
    assert float(share) == pytest.approx(80, abs=0.5)
    assert rest.startswith(" of ") and "within 2s in the whole steady state (" in rest
    failed = float(rest.split("(")[1].split()[0].replace(",", ""))
    assert failed == pytest.approx(0.2 * float(rest.split()[1].replace(",", "")), rel=0.03)
    assert rest.endswith(" of them failed, which counts as over it)")
