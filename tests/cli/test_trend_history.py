"""Which runs a history is made of, and that none is left out of it without a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.cli_trend import history
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan_text
from harness.run.record import RunDirectory, RunRecord
from tests.cli.test_archive_baselines import a_run
from tests.cli.test_compare import trend
from tests.judge.fabricate import plan

STRESS = """
kind: stress
target: {url: http://localhost}
load: {stages: [{duration: 5m, users: 10}, {duration: 5m, users: 20}]}
objectives: {latency_p95: 1s}
"""


def ended(directory: RunDirectory, by: str) -> RunRecord:
    begun = directory.read_record()
    record = replace(begun, ended_by=by, ended_at=begun.started_at + 60)  # type: ignore[arg-type]
    directory.write_record(record)
    return record


def test_every_run_that_is_left_out_is_told(tmp_path: Path) -> None:
    """A history of the nights that went well alone would call a service steady that fell over every third night."""
    for name, by in (("r1", "completed"), ("r2", "aborted"), ("r3", "crashed")):
        directory = a_run(tmp_path, name, name)
        directory.plan_file.write_text(dump_plan(plan(), mask=True))
        ended(directory, by)
    (tmp_path / "r4").mkdir()
    (tmp_path / "r4" / "run.json").write_text("{")
    (tmp_path / "r1" / "verdict.json").unlink()
    a_run(tmp_path, "r5", "r5")  # as a run that is on
    found, left_out = history("made", tmp_path)
    assert found == []
    told = dict(left_out)
    assert sorted(told) == ["r1", "r2", "r3", "r4", "r5"], told
    assert "was not judged" in told["r1"]
    assert (told["r2"], told["r3"]) == ("it did not complete: aborted", "it did not complete: crashed")
    assert "run.json" in told["r4"]
    assert told["r5"] == "it did not complete: it is on, or its harness died"


def test_a_stress_plan_has_no_such_trend_and_says_what_has(tmp_path: Path) -> None:
    on = load_plan_text(STRESS, where="s.yml", environ={})
    directory = a_run(tmp_path, "s1", "s1")
    ended(directory, "completed")
    directory.plan_file.write_text(dump_plan(on, mask=True))
    code, text = trend(tmp_path, "made")
    assert code == 11
    assert "a stress run has no steady load" in text and "harness compare" in text
