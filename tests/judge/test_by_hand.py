"""A run directory that somebody made by hand: ``run.json``, ``plan.yml``, and blocks that promtool made of text."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.judge_by_hand import text_of
from harness.cli import main
from harness.judge import judge_run
from harness.plan.dump import dump_plan
from harness.prom.series import Series
from harness.run.record import PLAN, RunDirectory
from tests.judge.fabricate import END, RECORD, START, Made, plan, series_of, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
OBJECTIVES = "\n  latency_p95: 800ms\n  error_ratio: 1%\n  memory_limit: 1GiB\n"


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--json"])
    assert isinstance(end.value.code, int)
    return end.value.code, json.loads(capsys.readouterr().out)


@pytest.fixture
def by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    directory = RunDirectory(tmp_path / "runs" / "by-hand")
    directory.tsdb.mkdir(parents=True)
    directory.write_record(RECORD)
    directory.plan_file.write_text(dump_plan(plan(OBJECTIVES), mask=True))
    series = [replace(one, labels={k: v for k, v in one.labels.items() if v}) for one in series_of(Made())]
    text = tmp_path / "openmetrics.txt"
    text.write_text("".join(text_of(series, START, END + 10)))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(directory.tsdb)]
    subprocess.run(command, check=True, capture_output=True)
    return directory


def test_it_is_judged_as_any_other_and_stricter_objectives_change_its_verdict(
    capsys: pytest.CaptureFixture[str], by_hand: RunDirectory, tmp_path: Path
) -> None:
    code, verdict = harness(capsys, "judge", "by-hand")
    assert (code, verdict["outcome"], verdict["findings"]) == (0, "pass", [])
    same = judge_run(write_run(tmp_path / "other", Made()), plan(OBJECTIVES), rules_dir=RULES).to_json()
    assert verdict == same, "who made the blocks does not matter"
    strict = tmp_path / "strict.yml"
    strict.write_text(dump_plan(plan("\n  latency_p95: 50ms\n  error_ratio: 1%\n  memory_limit: 100MiB\n"), mask=True))
    code, stricter = harness(capsys, "judge", "by-hand", "--plan", str(strict))
    outcomes = {one["objective"]: one["outcome"] for one in stricter["objectives"]}  # type: ignore[index,attr-defined]
    assert (code, outcomes["memory_limit"], outcomes["error_ratio"]) == (10, "fail", "pass")
    assert outcomes["latency_p95"] == "fail", "half of the requests took longer"
    assert json.loads(by_hand.verdict_file.read_text()) == verdict, "it keeps the verdict of its own plan"


def test_text_holds_every_digit() -> None:
    one = Series({"__name__": "m", "a": "b"}, np.array([1.0015, 2.0]), np.array([1 / 3, float("nan")]))
    assert "".join(text_of([one], 0.0, 3.0)).splitlines() == [
        'm{a="b"} 0.3333333333333333 1.002', 'm{a="b"} nan 2.000', "# EOF",
    ]  # fmt: skip


def test_a_plan_that_was_edited_after_the_run_cannot_pass(
    capsys: pytest.CaptureFixture[str], by_hand: RunDirectory
) -> None:
    by_hand.write_record(replace(RECORD, versions={PLAN: by_hand.plan_digest()}))
    by_hand.plan_file.write_bytes(by_hand.plan_file.read_bytes().replace(b"\n", b"\r\n"))
    assert harness(capsys, "judge", "by-hand")[0] == 0, "how its lines end does not matter"
    before = by_hand.plan_file.read_text()
    by_hand.plan_file.write_text(before.replace("800ms", "900ms"))
    for options in ((), ("--plan", str(by_hand.plan_file))):
        code, verdict = harness(capsys, "judge", "by-hand", *options)
        (finding,) = verdict["findings"]  # type: ignore[misc]
        assert (code, finding["outcome"]) == (11, "inconclusive")  # type: ignore[index]
        assert "plan.yml was changed after the run" in finding["summary"]  # type: ignore[index]
    by_hand.plan_file.write_text(before)
    assert harness(capsys, "judge", "by-hand")[0] == 0, "the old one is back"
