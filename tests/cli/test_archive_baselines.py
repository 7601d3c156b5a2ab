"""Which list of baselines a run is put into, and that it is found there again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.judge.regression_runs import choose
from harness.plan.dump import dump_plan
from harness.plan.regression import Baseline
from harness.run.baselines import add_baseline, read_baselines
from harness.run.json_files import write_json
from harness.run.record import RunDirectory, RunRecord
from tests.cli.test_archive import harness
from tests.judge.fabricate import plan


def a_run(root: Path, folder: str, run_id: str, started_at: float = 1_790_000_000.0) -> RunDirectory:
    """A run that passed, without series: which list it is in is not asked of them."""
    directory = RunDirectory(root / folder)
    directory.path.mkdir(parents=True)
    directory.write_record(RunRecord(run_id, "made", started_at, "http://localhost"))
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    told = {"schema": 1, "run_id": run_id, "outcome": "pass", "findings": [], "coverage": {}}
    objective = {"objective": "error_ratio", "subject": "all", "outcome": "pass", "value": 0.0, "limit": 0.01}
    write_json(directory.verdict_file, {**told, "objectives": [{**objective, "unit": "ratio", "note": ""}]})
    return directory


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of `harness run --out .../data`, seen from a folder without runs."""
    found = a_run(tmp_path / "data", "r1", "r1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return found


def test_a_run_of_another_folder_is_not_put_into_a_list_that_no_run_reads(
    capsys: pytest.CaptureFixture[str], elsewhere: RunDirectory
) -> None:
    """It said "baseline main: r1", and every later run in that folder had nothing to compare with."""
    code, out, err = harness(capsys, "archive", "baseline", str(elsewhere.path))
    assert (code, out) == (2, "")
    assert "is not in runs" in err and f"--out {elsewhere.path.parent}" in err
    assert not Path("runs").exists()
    where = ("--out", str(elsewhere.path.parent))
    assert harness(capsys, "archive", "baseline", str(elsewhere.path), *where)[:2] == (0, "baseline main: r1\n")
    assert read_baselines(elsewhere.path.parent) == {"main": ("r1",)}


def test_a_run_is_taken_out_by_its_directory_too(capsys: pytest.CaptureFixture[str], elsewhere: RunDirectory) -> None:
    root = elsewhere.path.parent
    add_baseline(root, "main", "r1")
    add_baseline(root, "main", "gone")
    told = harness(capsys, "archive", "baseline", str(elsewhere.path), "--remove", "--out", str(root))
    assert told[:2] == (0, "baseline main: gone\n"), told[2]
    assert harness(capsys, "archive", "baseline", "gone", "--remove", "--out", str(root))[0] == 0, "as its id"


def test_a_baseline_whose_folder_was_renamed_is_found_by_its_id(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The list holds run ids, and pruning takes them as such."""
    a_run(tmp_path, "before-the-upgrade", "r1")
    code, out, _ = harness(capsys, "archive", "baseline", "before-the-upgrade", "--out", str(tmp_path))
    assert (code, out) == (0, "baseline main: r1\n")
    rows = json.loads(harness(capsys, "archive", "list", "--json", "--out", str(tmp_path))[1])
    assert [row["baselines"] for row in rows] == [["main"]]
    now = a_run(tmp_path, "r2", "r2", started_at=1_790_000_100.0)
    on = plan().model_copy(update={"baseline": Baseline(name="main")})
    found = choose(on, now.read_record(), tmp_path, read_baselines(tmp_path))
    assert [one.path.name for one in found.directories] == ["before-the-upgrade"], found
    code, _, err = harness(capsys, "compare", "r2", "main", "--out", str(tmp_path))
    assert "is no run" not in err


def test_a_baseline_that_grows_every_night_keeps_its_newest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is a baseline is never pruned: a nightly job that names each good night would fill its disk."""
    for day in range(4):
        run_id = f"r{day}"
        a_run(tmp_path, run_id, run_id, started_at=1_790_000_000.0 + day)
        told = harness(capsys, "archive", "baseline", run_id, "--keep", "2", "--out", str(tmp_path))
        assert told[0] == 0, told
    assert told[1] == "baseline main: r2, r3\n"
    assert harness(capsys, "archive", "prune", "--keep", "0", "--keep-days", "0", "--out", str(tmp_path))[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["r2", "r3"]
    code, _, err = harness(capsys, "archive", "baseline", "r3", "--remove", "--keep", "1", "--out", str(tmp_path))
    assert code == 2 and "--keep" in err


@pytest.mark.parametrize("job", ["github-nightly.yml", "gitlab-nightly.yml"])
def test_the_nightly_jobs_do_not_keep_every_good_night_for_ever(job: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "ci" / job).read_text(encoding="utf-8")
    (line,) = [one for one in text.splitlines() if "harness archive baseline" in one]
    assert "--keep 10" in line and "last_passed: 10" in text
