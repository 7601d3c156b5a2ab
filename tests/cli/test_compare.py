"""``harness compare`` by its whole output: the table, its exit codes, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli_group import cli
from harness.plan.regression import Baseline
from harness.run.baselines import add_baseline
from tests.judge.fabricate import STEADY_FROM, plan
from tests.judge.test_regression_runs import VERSIONS, a_run, put_verdict


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3, 4):
        put_verdict(a_run(found, f"2026-{seed}-made", seed))
    put_verdict(a_run(found, "2026-5-made", 5, cpu=0.5))
    put_verdict(a_run(found, "2026-6-made", 6, versions={**VERSIONS, "cpu": "Xeon"}))
    add_baseline(found, "main", "2026-1-made")
    add_baseline(found, "main", "2026-2-made")
    add_baseline(found, "main", "2026-3-made")
    return found


def told(root: Path, *words: str) -> tuple[int, str]:
    os.environ.pop("COLUMNS", None)
    result = CliRunner().invoke(cli, ["compare", *words, "--out", str(root)], standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        code = getattr(result.exception, "exit_code", None)
        if code is None:
            raise result.exception
        return int(code), str(result.exception)
    return int(result.return_value), result.output


def test_more_cpu_is_worse_and_exits_10(root: Path) -> None:
    code, text = told(root, "2026-5-made", "main")
    assert code == 10
    assert text.startswith("FAIL  compared with 3 earlier runs: 1 worse, 0 better, ")
    worse = [line for line in text.splitlines() if line.startswith("worse")]
    assert len(worse) == 1
    assert "cpu_per_1000_requests" in worse[0] and "process web" in worse[0] and "+25" in worse[0]
    assert "baseline runs: 2026-1-made, 2026-2-made, 2026-3-made" in text


def test_the_same_build_exits_0_and_as_json_says_what_could_not_be_told(root: Path) -> None:
    code, text = told(root, "2026-4-made", "main", "--json")
    assert code == 0
    found = json.loads(text)
    assert found["outcome"] == "pass"
    by_name = {row["query"]: row["change"] for row in found["rows"]}
    assert by_name["throughput"] == by_name["cpu_per_1000_requests"] == by_name["error_ratio"] == "same"
    assert by_name["memory_growth"] == "cannot tell"


def test_what_is_required_and_cannot_be_told_exits_11(root: Path) -> None:
    assert told(root, "2026-4-made", "main", "--require", "memory_growth")[0] == 11
    assert told(root, "2026-4-made", "main", "--require", "throughput")[0] == 0


def test_another_machine_is_refused_by_name_unless_forced(root: Path) -> None:
    code, text = told(root, "2026-4-made", "main", "2026-6-made")
    assert code == 2
    assert "2026-6-made: another processor: Xeon, not AMD EPYC" in text and "--force" in text
    code, text = told(root, "2026-4-made", "2026-6-made", "--force")
    assert code == 0
    assert "FORCED, although not comparable: 2026-6-made: another processor: Xeon, not AMD EPYC" in text
    assert "`between_runs` is assumed" in text


def test_markdown_is_a_table(root: Path) -> None:
    code, text = told(root, "2026-5-made", "main", "--format", "markdown")
    assert code == 10
    assert text.startswith("## FAIL: 2026-5-made")
    row = next(line for line in text.splitlines() if "`cpu_per_1000_requests`" in line)
    assert row.startswith("| ❌ worse |") and "process web" in row


def test_mistakes_are_told(root: Path) -> None:
    assert told(root, "2026-4-made", "2026-4-made")[0] == 2
    code, text = told(root, "2026-4-made", "nightly")
    assert code == 2 and "nor the name of a baseline (main)" in text and "harness archive baseline RUN --name" in text
    code, text = told(root, "2026-4-made", "main", "--require", "speed")
    assert code == 2 and "there is no query 'speed'" in text


# --- harness runs --trend


def trend(root: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["runs", "--out", str(root), "--trend", *words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return int(result.return_value), result.output


def test_the_trend_names_the_run_from_which_on_it_is_worse(tmp_path: Path) -> None:
    for seed in range(1, 10):
        put_verdict(a_run(tmp_path, f"2026-{seed:02}-made", seed, cpu=0.4 if seed < 6 else 0.52))
    code, text = trend(tmp_path, "made")
    assert code == 0
    worse = [line for line in text.splitlines() if line.startswith("worse")]
    assert len(worse) == 1, text
    assert "cpu_per_1000_requests" in worse[0] and "since 2026-06-made" in worse[0] and "+30" in worse[0]
    assert "over 9 runs, 2026-01-made to 2026-09-made: 1 changed" in text
    again = json.loads(trend(tmp_path, "made", "--json")[1])  # from what was kept: no archive is opened
    (changed,) = [one for one in again["trends"] if one["changes"]]
    assert changed["changes"][0]["run_id"] == "2026-06-made"


def test_runs_without_a_series_have_no_trend(tmp_path: Path) -> None:
    """Runs that are too short to be measured are comparable, and tell nothing."""
    for seed in range(1, 9):
        put_verdict(a_run(tmp_path, f"2026-{seed:02}-made", seed, steady_to=STEADY_FROM + 60))
    code, text = trend(tmp_path, "made")
    assert code == 11, text
    assert "nothing could be measured in enough of the 8 runs" in text
    assert trend(tmp_path, "made", "--json")[0] == 11


def test_too_few_runs_have_no_trend(tmp_path: Path) -> None:
    put_verdict(a_run(tmp_path, "2026-01-made", 1))
    a_run(tmp_path, "2026-02-made", 2)
    code, text = trend(tmp_path, "made")
    assert code == 11
    assert "1 comparable runs of 'made'" in text
    assert "left out: 2026-02-made: 2026-02-made was not judged" in text
    assert trend(tmp_path, "other")[0] == 11


def test_what_the_plan_requires_is_required_here_too_and_shown(root: Path) -> None:
    """`harness run` of that plan is INCONCLUSIVE: the same question by hand must not be answered with 0."""
    on = plan().model_copy(update={"baseline": Baseline(name="main", require=("memory_growth", "throughput"))})
    put_verdict(a_run(root, "2026-7-made", 7, on=on))
    code, text = told(root, "2026-7-made", "main")
    assert code == 11
    assert text.startswith("INCONCLUSIVE")
    untold = [line for line in text.splitlines() if line.startswith("required, and cannot be told")]
    assert len(untold) == 1 and "memory_growth" in untold[0] and "too short" in untold[0], text
    found = json.loads(told(root, "2026-7-made", "main", "--json")[1])
    assert (found["outcome"], found["required"]) == ("inconclusive", ["memory_growth", "throughput"])
