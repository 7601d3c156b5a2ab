"""A step of the clock in the archive of a healthy run: no evidence, and never a leak."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.assets import rules_path
from harness.cli import main
from harness.judge import judge_run
from harness.judge.verdict import Outcome
from harness.plan.dump import dump_plan
from harness.selftest.cases import CASES
from harness.selftest.clock_step import AT_SHARE, STEP_SECONDS, step_clock
from harness.selftest.lab import row_of
from harness.selftest.whole_run import Whole
from tests.judge import fabricate


def test_a_healthy_run_is_inconclusive_after_the_step_and_stays_as_it_is(tmp_path: Path) -> None:
    made = fabricate.write_run(tmp_path / "run", fabricate.Made())
    made.plan_file.write_text(dump_plan(fabricate.plan(), mask=True))
    before = judge_run(made, rules_dir=rules_path())
    assert before.outcome <= Outcome.WARN, [f.summary for f in before.findings]

    whole = step_clock(Whole(0, "", made.path, [], 1.0), tmp_path / "elsewhere")

    assert whole.exit_code == 11, whole.output
    assert {o["outcome"] for o in whole.verdict["objectives"]}.isdisjoint({"fail"})
    assert row_of(CASES["clock-step"], whole).right
    assert whole.meddled_at == fabricate.STEADY_FROM + AT_SHARE * fabricate.STEADY
    gaps = [r["longest_gap"] for r in whole.verdict["coverage"]["series"]]
    assert max(gaps) >= STEP_SECONDS  # a counter bridges it
    assert judge_run(made, rules_dir=rules_path()).to_json() == before.to_json()
    assert json.loads(made.record_file.read_text()) == whole.record


def test_an_earlier_lab_is_judged_again_by_todays_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = fabricate.write_run(tmp_path / "run", fabricate.Made())
    made.plan_file.write_text(dump_plan(fabricate.plan(), mask=True))
    # A lab that took the run for inconclusive, and one run that was never made.
    row = {"case": "healthy", "repeat": 1, "directory": str(made.path), "seconds": 5.0, "began_at": None}
    rows = [row | {"outcome": "inconclusive"}, row | {"directory": str(tmp_path / "none")}]
    (tmp_path / "matrix.json").write_text(json.dumps({"schema": 1, "rows": rows}))

    with pytest.raises(SystemExit) as end:
        main(["selftest", "--again", str(tmp_path), "--json"])
    matrix = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert [(r["case"], r["outcome"], r["right"]) for r in matrix["rows"]] == [("healthy", "pass", True)]
    assert json.loads((tmp_path / "matrix.json").read_text()) == matrix

    (tmp_path / "matrix.json").write_text('{"rows": [{"case": "nonsense"}]}')
    with pytest.raises(SystemExit) as end:
        main(["selftest", "--again", str(tmp_path)])
    assert end.value.code == 12
    assert "is no matrix of this harness" in capsys.readouterr().err
