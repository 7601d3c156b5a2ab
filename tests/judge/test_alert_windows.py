"""Which part of a run an alert is looked for in."""

from __future__ import annotations

from pathlib import Path

from harness.assets import data_path
from harness.judge import judge_run
from tests.judge.fabricate import STEADY, WARMUP, Made, lose, named, plan, write_run

RULES = data_path("prometheus") / "rules"


def test_a_process_that_goes_in_the_first_minute_of_a_short_steady_state_is_told(tmp_path: Path) -> None:
    made = Made(lost=lose(named("namedprocess", "harness_process"), WARMUP + 20))
    short = WARMUP + 100
    run = write_run(tmp_path / "run", made, steady_to=1_790_000_000.0 + short, ended_at=1_790_000_000.0 + short)
    assert short < WARMUP + STEADY
    verdict = judge_run(run, plan(), rules_dir=RULES)
    (gone,) = [f for f in verdict.findings if f.summary.startswith("TargetProcessesGone")]
    assert gone.signal == "restarts"
    assert gone.onset is not None
    assert abs(gone.onset - (1_790_000_000.0 + WARMUP + 20)) <= 25
