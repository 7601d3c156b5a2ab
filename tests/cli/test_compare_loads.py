"""``harness compare`` of stress runs by its whole output: less is held, as much is held, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.assets import rules_path
from harness.judge import judge_run
from harness.judge.verdict import Outcome
from harness.run.record import RunDirectory
from tests.cli.test_compare import told
from tests.judge.fabricate import Made, lose, named, write_run
from tests.judge.stressed import BREAKS, BROKE, DROPPED, PLAN, RECORD, between
from tests.judge.test_regression_runs import VERSIONS


def a_stress_run(
    root: Path, run_id: str, made: Made, text: str = PLAN, versions: Mapping[str, str] = VERSIONS, without: str = ""
) -> None:
    # The made-up series name another run.
    made = replace(made, lost=lose(named("harness_run_info", *([without] if without else []))))
    directory: RunDirectory = write_run(root / run_id, made, run_id=run_id, versions=versions, **RECORD)
    directory.plan_file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("runs")
    a_stress_run(found, "2026-1-held-40", BREAKS)
    a_stress_run(found, "2026-2-held-40", replace(BREAKS, seed=2))
    # It breaks at 40 users already.
    a_stress_run(found, "2026-3-held-20", replace(BREAKS, slow=between(60, DROPPED + 20, 0.5, 0.01)))
    # It holds as much, and is well again later.
    a_stress_run(found, "2026-3-slow-to-recover", replace(BREAKS, slow=between(BROKE, DROPPED + 70, 0.5, 0.01)))
    a_stress_run(found, "2026-4-blind", BREAKS, without="process_cpu_seconds_total")
    a_stress_run(found, "2026-5-strict", BREAKS, PLAN.replace("error_ratio: 1%", "error_ratio: 0.5%"))
    a_stress_run(found, "2026-6-elsewhere", BREAKS, versions={**VERSIONS, "cpus": "64"})
    a_stress_run(found, "2026-7-damaged", BREAKS)
    for block in (found / "2026-7-damaged" / "tsdb").glob("*/index"):
        block.write_bytes(b"nothing")
    return found


def test_a_run_that_holds_less_is_worse_and_exits_10(root: Path) -> None:
    code, text = told(root, "2026-3-held-20", "2026-1-held-40")
    assert code == 10, text
    assert text.startswith("FAIL  capacity compared with 1 earlier run: 1 worse, 0 same, 0 better, 0 cannot tell")
    row = next(line for line in text.splitlines() if line.startswith("worse"))
    for words in ("2026-1-held-40", "40, below 80 users", "20, below 40 users", "all of its interval lies below"):
        assert words in row


def test_a_run_that_holds_as_much_exits_0_as_json(root: Path) -> None:
    code, text = told(root, "2026-2-held-40", "2026-1-held-40", "2026-3-held-20", "--json")
    assert code == 0
    found = json.loads(text)
    assert (found["outcome"], found["low"], found["high"], found["unit"]) == ("pass", 40.0, 80.0, "users")
    assert [(row["run_id"], row["change"]) for row in found["rows"]] == [
        ("2026-1-held-40", "same"), ("2026-3-held-20", "better"),
    ]  # fmt: skip


def test_a_run_that_takes_longer_to_recover_is_worse(root: Path) -> None:
    """It holds as much as before: until its time to recover was compared it was the same, with exit code 0."""
    code, text = told(root, "2026-3-slow-to-recover", "2026-1-held-40")
    assert code == 10, text
    assert text.startswith("FAIL  capacity compared with 1 earlier run: 0 worse, 1 same")
    (line,) = [one for one in text.splitlines() if one.startswith("recovery")]
    assert line.startswith("recovery worse: ") and "in 2026-1-held-40 (more than 2 times as long)" in line
    found = json.loads(told(root, "2026-2-held-40", "2026-1-held-40", "--json")[1])
    assert [row["change"] for row in found["recovery"]] == ["same"]


def test_a_run_whose_generator_nobody_measured_cannot_be_told_and_exits_11(root: Path) -> None:
    code, text = told(root, "2026-3-held-20", "2026-4-blind", "--format", "markdown")
    assert code == 11
    assert text.startswith("## INCONCLUSIVE: 2026-3-held-20")
    assert "| cannot tell |" in text and "nobody knows whether it kept up" in text


def test_runs_that_are_not_comparable_are_refused_by_name(root: Path) -> None:
    code, text = told(root, "2026-2-held-40", "2026-5-strict", "2026-6-elsewhere", "2026-7-damaged")
    assert code == 2
    assert "2026-5-strict: other limits say when a load is held: error_ratio" in text
    assert "2026-6-elsewhere: another number of cores: 64, not " in text
    assert "2026-7-damaged: " in text
    code, text = told(root, "2026-2-held-40", "2026-5-strict", "--force")
    assert code == 0
    assert "FORCED, although not comparable: 2026-5-strict: other limits say when a load is held" in text


def test_a_damaged_run_and_required_queries_are_no_comparison(root: Path) -> None:
    assert told(root, "2026-7-damaged", "2026-1-held-40")[0] not in (0, 10)
    code, text = told(root, "2026-2-held-40", "2026-1-held-40", "--require", "throughput")
    assert code == 2 and "compared by its capacity" in text


def test_a_plan_of_steps_that_asked_for_queries_is_judged_and_told(tmp_path: Path) -> None:
    """Plans that were run before `harness check` refused it; it compared the signals of different loads then."""
    a_stress_run(tmp_path, "2026-1-held-40", BREAKS, PLAN + "baseline: {last_passed: 3}\n")
    directory = RunDirectory(tmp_path / "2026-1-held-40")
    verdict = judge_run(directory, rules_dir=rules_path(), baselines=dict)
    (found,) = (one for one in verdict.findings if one.check == "regression")
    assert found.outcome is Outcome.WARN
    assert "the load of a stress run changes" in found.summary and "harness compare RUN EARLIER" in found.summary
    assert verdict.comparison is None and not (directory.path / "regression.json").exists()
    assert list(verdict.findings) == sorted(verdict.findings, key=lambda one: -one.outcome)
