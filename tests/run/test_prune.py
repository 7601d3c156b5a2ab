from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ArchiveError, UsageError
from harness.run.baselines import add_baseline, read_baselines, remove_baseline
from harness.run.prune import DAY, StoredRun, kept_because, remove_leftovers, remove_run, size_of
from harness.run.record import RunDirectory, list_runs

NOW = 1_790_000_000.0


def stored(number: int, age_days: float, **known: object) -> StoredRun:
    run = StoredRun(RunDirectory(Path(f"/runs/{number}")), str(number), "soak", NOW - age_days * DAY)
    return replace(run, **known)  # type: ignore[arg-type]


def going(*runs: StoredRun, keep: int = 0, keep_days: float = 0) -> set[str]:
    reasons = kept_because(runs, NOW, keep=keep, keep_days=keep_days)
    assert reasons.keys() == {run.directory.path for run in runs}
    return {path.name for path, reason in reasons.items() if not reason}


def test_a_run_goes_when_it_is_neither_among_the_newest_nor_young():
    runs = [stored(n, age_days=n) for n in range(1, 11)]
    assert going(*runs, keep=3, keep_days=5) == {"5", "6", "7", "8", "9", "10"}
    assert going(*runs, keep=7, keep_days=2) == {"8", "9", "10"}
    assert going(*runs, keep=0, keep_days=0) == {str(n) for n in range(1, 11)}
    assert going(keep=20, keep_days=90) == set()


def test_a_baseline_never_goes_and_takes_no_place_from_the_others():
    runs = [stored(1, 1), stored(2, 200), stored(3, 300, baselines=("main",)), stored(4, 400)]
    assert going(*runs, keep=2, keep_days=90) == {"4"}
    assert going(*runs) == {"1", "2", "4"}


def test_the_passed_runs_that_a_plan_compares_with_stay():
    """What its newest run asks for holds for the plan; of other plans nothing is held."""
    runs = [stored(n, age_days=n, passed=n % 2 == 0, protect_passed=2) for n in range(1, 9)]
    other = [stored(20 + n, age_days=n, plan="other", passed=True) for n in range(1, 4)]
    assert going(*runs, *other) == {"1", "3", "5", "6", "7", "8", "21", "22", "23"}
    unknown = replace(runs[0], protect_passed=None)
    assert going(unknown, *runs[1:]) == {"1", "3", "5", "7"}, "a plan that cannot be read may compare with all"


def test_a_verdict_that_cannot_be_read_stays_and_takes_no_place_from_one_that_passed():
    runs = [stored(1, 1, passed=None, protect_passed=1), stored(2, 2, passed=True), stored(3, 3, passed=True)]
    assert going(*runs) == {"3"}


def test_a_run_that_is_on_says_too_what_its_plan_compares_with():
    on = stored(1, 0, trouble="it is on", protect_passed=1)
    assert going(on, stored(2, 100, passed=True), stored(3, 200, passed=True)) == {"3"}


def test_what_cannot_be_understood_stays():
    runs = [stored(1, 999, started_at=None, trouble="unreadable"), stored(2, 999, trouble="it is on"), stored(3, 999)]
    assert going(*runs) == {"3"}
    assert going(stored(1, 0, started_at=None)) == set()


def test_baselines_are_named_kept_in_order_and_taken_back(tmp_path: Path):
    assert read_baselines(tmp_path / "none") == {}
    add_baseline(tmp_path, "main", "a")
    add_baseline(tmp_path, "main", "b")
    add_baseline(tmp_path, "release-1.2", "a")
    assert add_baseline(tmp_path, "main", "a") == {"main": ("b", "a"), "release-1.2": ("a",)}
    assert remove_baseline(tmp_path, "main", "b") == read_baselines(tmp_path) == {"main": ("a",), "release-1.2": ("a",)}
    assert remove_baseline(tmp_path, "main", "a") == {"release-1.2": ("a",)}
    with pytest.raises(UsageError, match="no baseline named 'main'"):
        remove_baseline(tmp_path, "main", "a")
    with pytest.raises(UsageError, match="no name of a baseline"):
        add_baseline(tmp_path, "../x", "a")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 2, "baselines": {}}', '{"schema": 1}', '{"schema": 1, "baselines": {"a": "b"}}',
             '{"schema": 1, "baselines": {"a": [""]}}']
)  # fmt: skip
def test_a_list_of_baselines_that_cannot_be_read_is_an_error_not_none(tmp_path: Path, text: str):
    (tmp_path / "baselines.json").write_text(text)
    with pytest.raises(ArchiveError, match=r"baselines\.json"):
        read_baselines(tmp_path)
    with pytest.raises(ArchiveError, match=r"baselines\.json"):
        add_baseline(tmp_path, "main", "a")
    assert (tmp_path / "baselines.json").read_text() == text


def a_run(root: Path, name: str) -> RunDirectory:
    path = root / name
    (path / "tsdb").mkdir(parents=True)
    (path / "tsdb" / "x").write_bytes(b"x" * 1000)
    (path / "run.json").write_text("{}")
    return RunDirectory(path)


def test_a_run_is_removed_whole_or_only_its_series(tmp_path: Path):
    one, two = a_run(tmp_path, "one"), a_run(tmp_path, "two")
    assert size_of(one.path) == 1002
    remove_run(one)
    assert [run.path.name for run in list_runs(tmp_path)] == ["two"]
    remove_run(two, series_only=True)
    assert sorted(p.name for p in two.path.iterdir()) == ["run.json"]
    remove_run(two, series_only=True)  # again: nothing to do
    assert sorted(p.name for p in tmp_path.iterdir()) == ["two"]


def test_what_a_killed_prune_left_is_not_shown_and_goes_with_the_next(tmp_path: Path):
    one, two = a_run(tmp_path, "one"), a_run(tmp_path, "two")
    one.path.rename(tmp_path / ".pruned-1-one")
    two.tsdb.rename(two.path / ".pruned-1-tsdb")
    assert [run.path.name for run in list_runs(tmp_path)] == ["two"]
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["two"]
    assert [p.name for p in two.path.iterdir()] == ["run.json"]
