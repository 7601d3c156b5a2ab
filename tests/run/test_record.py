"""The run directory and run.json: found, written whole, and refused by name when damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ArchiveError, UsageError
from harness.run.record import RunDirectory, RunRecord, create_run_directory, find_run, list_runs

START = '"completed", "started_at": "2026-11-22T16:22:40Z"'
NOW = 1_795_364_560.25
HEAD = '{"schema": 1, "run_id": "a", "plan": "p", "target": "t", "ended_by": '
RECORD = RunRecord(run_id="r1", plan="smoke", started_at=NOW, target="http://127.0.0.1:5000")


def test_no_runs_yet(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "missing") == []
    with pytest.raises(UsageError, match="there is no run in"):
        find_run("last", tmp_path)
    with pytest.raises(UsageError, match="'r9' is no run"):
        find_run("r9", tmp_path)


def test_a_relative_folder_gives_an_absolute_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children run in folders of their own: a relative path would mean another place to each."""
    monkeypatch.chdir(tmp_path)
    run_id, directory = create_run_directory(Path("runs"), "smoke", NOW)
    assert run_id == "20261122T162240Z-smoke"
    assert directory.path == tmp_path / "runs" / run_id
    assert directory.path.is_dir()


def test_two_runs_of_one_second_do_not_collide(tmp_path: Path) -> None:
    first, _ = create_run_directory(tmp_path, "smoke", NOW)
    second, _ = create_run_directory(tmp_path, "smoke", NOW)
    assert second == f"{first}-2"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match=r"cannot create a run directory in .*file: "):
        create_run_directory(tmp_path / "file", "smoke", NOW)


def test_the_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    full = replace(RECORD, steady_from=NOW + 1, steady_to=NOW + 9.5, ended_at=NOW + 9.5, ended_by="aborted",
                   reason="alert X", versions={"python": "3.11"}, notes=("a", "b"))  # fmt: skip
    directory.write_record(full)
    assert directory.read_record() == full
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_record_is_the_same_before_and_after_its_file(tmp_path: Path) -> None:
    """A report made at the end of a run and one made of its file would differ by a millisecond."""
    for part in range(1, 2000, 7):
        moment = NOW + part / 1999
        record = replace(RECORD, started_at=moment, steady_from=moment + 0.0004, ended_at=moment + 114.2906)
        RunDirectory(tmp_path).write_record(record)
        assert RunDirectory(tmp_path).read_record() == record


def test_until_something_better_is_known_a_run_has_crashed(tmp_path: Path) -> None:
    RunDirectory(tmp_path).write_record(RECORD)
    assert RunDirectory(tmp_path).read_record().ended_by == "crashed"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ('{"schema": 1, "run_id"', "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"schema": 2}', "this harness reads schema 1"),
        ('{"schema": 1, "run_id": 5}', "'run_id' must be a string"),
        (HEAD + '"magic"}', "'ended_by' must be one of"),
        (HEAD + '"completed"}', "'started_at' is missing"),
        (HEAD + '"completed", "started_at": "2026-01-01T00:00:00"}', "'started_at' has no time zone"),
        (HEAD + '"completed", "started_at": "9999-12-31T23:59:59-05:00"}', "'started_at' is no time of a run"),
        (HEAD + START + ', "ended_at": "2027-11-22T16:22:40Z"}', "'ended_at' is more than 40 days from 'started_at'"),
        (HEAD + START + ', "steady_from": "2025-11-22T16:22:40Z"}', "'steady_from' is more than 40 days"),
        (HEAD + START + ', "notes": 5}', "'notes' must be a list"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ArchiveError, match=says):
        RunDirectory(tmp_path).read_record()


def test_last_is_the_run_that_began_last_whatever_folders_are_called(tmp_path: Path) -> None:
    """A run that passed and was kept as "good-one" would else answer for the failed run after it."""
    _, old = create_run_directory(tmp_path, "smoke", NOW - 3600)
    old.write_record(replace(RECORD, started_at=NOW - 3600))
    old.path.rename(tmp_path / "good-one")
    _, new = create_run_directory(tmp_path, "smoke", NOW)
    new.write_record(RECORD)
    assert find_run("last", tmp_path).path == new.path
    # A record that cannot be read stands where its name puts it: the command must fail over it, not skip it.
    _, damaged = create_run_directory(tmp_path, "smoke", NOW + 60)
    damaged.record_file.write_text("{")
    assert find_run("last", tmp_path).path == damaged.path


def test_last_is_the_newest_and_links_do_not_count(tmp_path: Path) -> None:
    for stamp in (NOW, NOW + 60):
        _, directory = create_run_directory(tmp_path, "smoke", stamp)
        directory.write_record(RECORD)
    (tmp_path / "zzz").symlink_to(directory.path)
    assert find_run("last", tmp_path).path == directory.path
    assert len(list_runs(tmp_path)) == 2
