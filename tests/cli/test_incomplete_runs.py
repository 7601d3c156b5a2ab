"""A run directory that lacks a part: each command says which, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_archive import harness
from tests.cli.test_archive_baselines import a_run


@pytest.mark.parametrize("command", [("judge",), ("replay",)])
def test_a_run_without_its_series_says_where_they_may_be(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    a_run(tmp_path, "r1", "r1")
    code, _, err = harness(capsys, *command, "r1", "--out", str(tmp_path))
    assert code == 12
    assert "tsdb is missing: this run's series were not kept" in err
    assert "--series-only" in err and "copy" in err, err


def test_verify_does_not_say_that_series_which_are_not_there_were_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a_run(tmp_path, "r1", "r1")
    code, out, _ = harness(capsys, "archive", "verify", "r1", "--out", str(tmp_path))
    assert (code, out) == (11, "r1: its series are not there: never archived, or pruned with --series-only\n")


def test_a_run_without_its_plan_is_not_told_to_name_a_shipped_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for run_id in ("r1", "r2"):
        a_run(tmp_path, run_id, run_id)
    (tmp_path / "r1" / "plan.yml").unlink()
    code, _, err = harness(capsys, "compare", "r1", "r2", "--out", str(tmp_path))
    assert code == 12
    assert "r1/plan.yml is missing" in err and "shipped" not in err and "run.json, plan.yml and tsdb" in err, err
