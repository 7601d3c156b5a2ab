"""What is kept of earlier runs: damage is INCONCLUSIVE and named, a part is judged alone, pruning spares baselines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.plan.dump import dump_plan
from harness.prom.blocks import find_blocks
from harness.prom.manifest import write_manifest
from harness.run.baselines import add_baseline
from harness.run.record import RunDirectory
from tests.judge.fabricate import END, START, STEADY_FROM, Made, plan, write_run

BURST = STEADY_FROM + 150 - START  # seconds since the start: from then on a tenth of the requests fails


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    directory = write_run(
        tmp_path_factory.mktemp("runs") / "made", Made(errors=lambda t: np.where(t >= BURST, 0.1, 0.0))
    )
    directory.plan_file.write_text(dump_plan(plan("\n  error_ratio: 1%\n  latency_p95: 2s\n"), mask=True))
    write_manifest(directory.tsdb)
    return directory


@pytest.fixture
def run(burst: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    return RunDirectory(Path(shutil.copytree(burst.path, tmp_path / "runs" / "made")))


def test_a_damaged_archive_is_inconclusive_and_names_the_block(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    block = find_blocks(run.tsdb)[0].path
    index = bytearray((block / "index").read_bytes())
    index[len(index) // 2] ^= 0xFF
    (block / "index").write_bytes(bytes(index))
    code, out, err = harness(capsys, "judge", "last", "--json")
    assert code == 11
    verdict = json.loads(out)
    assert verdict["outcome"] == "inconclusive"
    assert verdict["findings"][0]["summary"] == (
        f"the archive {run.tsdb.relative_to(Path.cwd())} is broken: block {block.name} cannot be read, "
        f"{block.name}/index has another checksum"
    )
    assert "undamaged copy" in err and "Traceback" not in err
    assert json.loads(run.verdict_file.read_text()) == verdict, "there was none before"
    assert (run.path / "report.html").is_file()
    code, out, _ = harness(capsys, "archive", "verify", "last", "--json")
    assert (code, json.loads(out)[0]["damage"]) == (11, [f"{block.name}/index has another checksum"])


def test_damage_does_not_replace_what_was_judged_before_it(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    assert harness(capsys, "judge", "last")[0] == 10
    before = run.verdict_file.read_bytes()
    code, out, _ = harness(capsys, "archive", "verify", "last")
    assert (code, out[: len("made: whole: ")]) == (0, "made: whole: ")
    shutil.rmtree(find_blocks(run.tsdb)[0].path)
    assert harness(capsys, "judge", "last")[0] == 11
    assert run.verdict_file.read_bytes() == before


def test_a_list_of_checksums_that_is_damaged_is_told_as_damage(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    (run.tsdb / "archive.json").write_text("{")
    code, out, _ = harness(capsys, "archive", "verify", "last", "last", "--json")
    told = json.loads(out)
    assert (code, [one["ok"] for one in told]) == (11, [False, False])
    assert "archive.json cannot be read" in told[0]["damage"][0]


def test_prometheus_own_checksums_find_damage_where_there_are_no_others(
    capsys: pytest.CaptureFixture[str], run: RunDirectory
):
    (run.tsdb / "archive.json").unlink()
    assert harness(capsys, "archive", "verify", "last")[0] == 11, "it cannot be told"
    chunks = find_blocks(run.tsdb)[0].path / "chunks" / "000001"
    data = bytearray(chunks.read_bytes())
    for at in range(100, len(data), 50):
        data[at] ^= 0xFF
    chunks.write_bytes(bytes(data))
    code, out, _ = harness(capsys, "judge", "last", "--json")
    assert code == 11
    assert find_blocks(run.tsdb)[0].path.name in json.loads(out)["findings"][0]["summary"]


def test_a_part_of_a_run_is_judged_alone(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    assert harness(capsys, "judge", "last", "--json")[0] == 10
    before = run.verdict_file.read_bytes()
    code, out, _ = harness(capsys, "judge", "last", "--json", "--to", f"{BURST - 5:.0f}s")
    verdict = json.loads(out)
    assert (code, verdict["outcome"], verdict["findings"]) == (0, "pass", [])
    assert verdict["coverage"]["part"] == {"from": "2026-09-21T14:14:20.000Z", "to": "2026-09-21T14:16:45.000Z"}
    assert {o["objective"]: o["value"] for o in verdict["objectives"]}["error_ratio"] == 0.0
    code, out, _ = harness(capsys, "judge", "last", "--json", "--from", "2026-09-21T14:16:55Z")
    found = {o["objective"]: o for o in json.loads(out)["objectives"]}
    assert (code, found["error_ratio"]["outcome"]) == (10, "fail")
    assert found["error_ratio"]["value"] == pytest.approx(0.1, abs=0.01), "0.04 over the whole run"
    assert run.verdict_file.read_bytes() == before, "the run keeps its verdict"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "10s"), "is no part of the steady state"),  # within the warm-up
        (("--to", "2026-09-21T18:00:00Z"), "is no part of the steady state"),
        (("--from", "200s", "--to", "100s"), "is no part of the steady state"),
        (("--from", "2026-09-21T14:16:55"), "has no time zone"),
        (("--from", "noon"), "neither a time nor a duration"),
    ],
)
def test_a_part_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], run: RunDirectory, options: tuple[str, ...], told: str
):
    code, _, err = harness(capsys, "judge", "last", *options)
    assert code == 2
    assert told in err
    assert not run.verdict_file.exists()


def copies(run: RunDirectory, *run_ids: str) -> None:
    """Runs of these ids, each an hour older than the one before; END is in 2026."""
    record = run.read_record()
    for number, run_id in enumerate(run_ids):
        other = RunDirectory(run.path.parent / run_id)
        shutil.copytree(run.path, other.path)
        data = json.loads(run.record_file.read_text()) | {"run_id": run_id}
        other.record_file.write_text(json.dumps(data))
        moved = other.read_record()
        age = 3600.0 * number
        other.write_record(type(record)(**{**vars(moved), "started_at": START - age, "steady_from": None,
                                           "steady_to": None, "ended_at": END - age}))  # fmt: skip
    shutil.rmtree(run.path)


def test_pruning_spares_baselines_and_the_newest(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    root = run.path.parent
    copies(run, "e", "d", "c", "b", "a")
    code, _, err = harness(capsys, "archive", "baseline", "b", "--name", "main")
    assert code == 2 and "the run b did not pass" in err and "--force" in err
    assert harness(capsys, "archive", "baseline", "b", "--force")[:2] == (0, "baseline main: b\n")
    (root / "broken").mkdir()
    (root / "broken" / "run.json").write_text("{")
    code, out, _ = harness(capsys, "archive", "prune", "--keep", "2", "--keep-days", "0", "--dry-run", "--json")
    told = json.loads(out)
    assert (code, [one["run_id"] for one in told["removed"]]) == (0, ["a", "c"])
    assert {one["run_id"]: one["because"][:10] for one in told["kept"]} == {
        "d": "among the ", "e": "among the ", "b": "baseline m", "broken": "unreadable",
    }  # fmt: skip
    assert told["bytes"] > 10_000
    assert {path.name for path in root.iterdir() if path.is_dir()} == {"a", "b", "c", "d", "e", "broken"}
    code, out, _ = harness(capsys, "archive", "prune", "--keep", "2", "--keep-days", "0")
    assert code == 0 and "removed  a" in out and "stays    b: baseline main" in out
    assert {path.name for path in root.iterdir() if path.is_dir()} == {"b", "d", "e", "broken"}
    harness(capsys, "archive", "prune", "--keep", "0", "--keep-days", "0", "--series-only")
    assert {path.name for path in root.iterdir() if path.is_dir()} == {"b", "d", "e", "broken"}
    assert (root / "b" / "tsdb").is_dir() and not (root / "d" / "tsdb").exists()
    assert harness(capsys, "archive", "baseline", "b", "--remove")[1] == "baseline main: no run\n"
    rows = json.loads(harness(capsys, "archive", "list", "--json")[1])
    assert {row["run_id"]: row["series_bytes"] > 0 for row in rows} == {
        "b": True, "broken": False, "d": False, "e": False,
    }  # fmt: skip
    assert "baseline" in harness(capsys, "archive", "list")[1]


def test_a_run_that_becomes_a_baseline_while_others_are_removed_stays(
    capsys: pytest.CaptureFixture[str], run: RunDirectory, monkeypatch: pytest.MonkeyPatch
):
    root = run.path.parent
    copies(run, "c", "b", "a")
    monkeypatch.setattr("harness.cli_archive.remove_leftovers", lambda root: add_baseline(root, "main", "b"))
    code, out, _ = harness(capsys, "archive", "prune", "--keep", "0", "--keep-days", "0", "--json")
    told = json.loads(out)
    assert (code, [one["run_id"] for one in told["removed"]]) == (0, ["a", "c"])
    assert told["kept"] == [{"run_id": "b", "because": "baseline main"}]
    assert {path.name for path in root.iterdir() if path.is_dir()} == {"b"}


def test_young_runs_stay(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    copies(run, "b", "a")
    assert harness(capsys, "archive", "prune", "--keep", "0", "--keep-days", "36500")[0] == 0
    assert {path.name for path in run.path.parent.iterdir()} == {"a", "b"}


def test_an_empty_archive_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    code, out, _ = harness(capsys, "archive", "list", "--out", str(tmp_path))
    assert (code, out) == (0, f"there is no run in {tmp_path}; start one with: harness run PLAN\n")
    assert harness(capsys, "archive", "list", "--out", str(tmp_path), "--json")[1] == "[]\n"


def test_a_list_of_baselines_that_cannot_be_read_stops_pruning(capsys: pytest.CaptureFixture[str], run: RunDirectory):
    (run.path.parent / "baselines.json").write_text("{")
    code, _, err = harness(capsys, "archive", "prune", "--keep", "0", "--keep-days", "0")
    assert code == 12 and "baselines.json" in err
    assert run.tsdb.is_dir()
