"""`harness mark`: what it writes, when it refuses, and what a run that is on makes of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli_mark import window_start
from harness.errors import UsageError
from harness.judge.set_aside import read_marks
from harness.ownership import owned
from harness.plan.loading import load_plan_text
from harness.run.marks import quiet_windows
from harness.run.record import RunDirectory, RunRecord
from tests.cli.test_bad_input import PLAN, harness

BEGAN = 1_790_000_000.0  # 2026-09-21T14:13:20Z


def make_run(folder: Path, ended_at: float | None) -> RunDirectory:
    run = RunDirectory(folder / "runs" / "r1")
    run.path.mkdir(parents=True)
    run.write_record(RunRecord("r1", "p", BEGAN, "http://x", BEGAN + 10, ended_at=ended_at))
    return run


def test_a_run_that_is_over_needs_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, BEGAN + 3600)
    code, _, err = harness(capsys, "mark", "deploy", "--exclude", "10m")
    assert code == 2
    assert err == "error: the run r1 is over\n  say when it began: --at 2026-11-23T14:05:00Z\n"
    code, out, _ = harness(capsys, "mark", "deploy", "--exclude", "10m", "--at", "2026-09-21T14:20:00Z", "--run", "r1")
    assert code == 0
    assert out == "r1: 10m from 2026-09-21T14:20:00.000Z are set aside: deploy; judge it again: harness judge r1\n"
    (mark,) = read_marks(run.marks)
    assert (mark.start, mark.end, mark.reason, mark.by) == (BEGAN + 400, BEGAN + 1000, "deploy", "hand")


def test_a_run_whose_harness_died_is_not_said_to_be_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, None)
    code, _, err = harness(capsys, "mark", "deploy", "--exclude", "10m")
    assert code == 2
    assert err == (
        "error: the harness of the run r1 died: the run is not on\n  go on with it: harness resume r1, then mark it "
        "again; or say when it began: --at 2026-11-23T14:05:00Z\n"
    )
    assert not run.marks.exists()


@pytest.mark.parametrize("words", [("--exclude", "soon"), ("--exclude", "0s"), ()])
def test_nothing_is_written_of_a_wrong_mark(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, BEGAN + 3600)
    code, _, err = harness(capsys, "mark", "deploy", *words, "--at", "2026-09-21T14:20:00Z")
    assert (code, err == "") == (2, False)
    assert not run.marks.exists()


def test_a_window_begins_now_or_within_the_run() -> None:
    on, over = RunRecord("r", "p", BEGAN, "x"), RunRecord("r", "p", BEGAN, "x", ended_at=BEGAN + 60)
    assert window_start(None, on, "r", on=True, now=BEGAN + 5) == BEGAN + 5
    assert window_start("2026-09-21T14:13:50Z", over, "r", on=False, now=0) == BEGAN + 30
    for at in ("2026-09-21T14:13:00Z", "2026-09-21T15:13:00Z", "2026-09-21T14:13:50", "at noon"):
        with pytest.raises(UsageError):
            window_start(at, over, "r", on=False, now=0)


def test_no_alert_ends_a_run_in_a_window_of_the_plan_or_of_a_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, None)
    text = PLAN.format(port=1) + "set_aside: [{at: 2s, duration: 3s, reason: x}]\n"
    plan = load_plan_text(text, where="p.yml", environ={})
    (planned,) = quiet_windows(run, plan, run.read_record(), BEGAN + 10)
    assert (planned.start, planned.end) == (BEGAN + 12, BEGAN + 15 + 2 * 5 + 60)
    with owned(run.work):  # as a harness that makes this run
        code, out, _ = harness(capsys, "mark", "deploy", "--exclude", "1m")
    assert (code, out.endswith("are set aside: deploy\n")) == (0, True)
    assert len(quiet_windows(run, plan, run.read_record(), BEGAN + 10)) == 2


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_run_from_elsewhere_has_nothing_written_outside_of_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path, BEGAN + 3600)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    run.marks.symlink_to(precious) if kind == "link" else os.mkfifo(run.marks)
    code, out, err = harness(capsys, "mark", "deploy", "--exclude", "10m", "--at", "2026-09-21T14:20:00Z")
    assert (code, out) == (12, "")
    assert "marks.jsonl could not be written: " in err
    assert precious.read_text() == "precious"
