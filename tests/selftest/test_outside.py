"""What the lab does to processes and to archives: real processes, a real Prometheus."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.errors import HarnessError
from harness.prom.series import Series
from harness.selftest.case import HEALTHY, Case
from harness.selftest.clock_step import stepped
from harness.selftest.lab import row_of, run_lab
from harness.selftest.outside import Beat, beat, reload_target
from harness.selftest.whole_run import Whole, members, whole_run
from tests.servers import wait_until

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_beat_stops_and_continues_and_leaves_them_running() -> None:
    with subprocess.Popen(SLEEPS) as child:
        process = psutil.Process(child.pid)
        end = beat([process], Beat(stopped=0.1, running=0.1))
        seen = set()
        until = time.monotonic() + 2
        while len(seen) < 2 and time.monotonic() < until:
            seen.add(process.status() == psutil.STATUS_STOPPED)
        end()
        assert seen == {True, False}
        assert process.status() != psutil.STATUS_STOPPED
        child.kill()
        child.wait()
        beat([process], Beat(0.1, 0.1))()  # a process that is gone is no error


def test_only_members_of_the_run_are_found() -> None:
    with subprocess.Popen([*SLEEPS, "some-words"]) as child:
        me = psutil.Process()
        wait_until(lambda: "some-words" in psutil.Process(child.pid).cmdline(), "the child's command line")
        assert [p.pid for p in members(me, "some-words")] == [child.pid]
        with pytest.raises(HarnessError, match="no process of the run"):
            members(psutil.Process(child.pid), "some-words")
        with pytest.raises(HarnessError, match="gunicorn"):
            reload_target(psutil.Process(child.pid))
        child.kill()


def test_a_step_moves_what_comes_after_it_and_cuts_at_the_end() -> None:
    series = Series({"a": "b"}, np.arange(10.0), np.arange(10.0) * 2)
    found = stepped(series, at=4.0, step=3.0, end=9.5)
    assert found.times.tolist() == [0, 1, 2, 3, 7, 8, 9]
    assert found.values.tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert stepped(series, at=100.0, step=3.0, end=9.0).times.tolist() == series.times.tolist()


def test_a_run_that_cannot_start_is_no_verdict(tmp_path: Path) -> None:
    whole = whole_run(tmp_path, ["--fault", "nonsense"], plan="selftest")
    assert whole.exit_code == 2
    row = row_of(Case("x", HEALTHY, (), "x"), whole)
    assert (row.outcome, row.right) == ("error", False)
    assert "exit code 2" in row.problem


def test_what_is_never_done_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="before anything could be done"):
        whole_run(tmp_path, ["--fault", "nonsense"], plan="selftest", meddle=lambda _: None)


def test_the_lab_goes_on_after_a_run_that_failed(tmp_path: Path) -> None:
    told = []
    cases = [
        Case("one", HEALTHY, (), "x", arguments=("--no-such-option",)),
        Case("two", HEALTHY, (), "x", ("nonsense",), "steal_cpu"),
    ]
    rows = run_lab(cases, tmp_path / "lab", repeat=2, side_by_side=2, tell=told.append)
    assert [(r.case, r.repeat, r.outcome) for r in rows] == [
        ("one", 1, "error"), ("one", 2, "error"), ("two", 1, "error"), ("two", 2, "error"),
    ]  # fmt: skip
    assert len(told) == 4
    assert all(r.problem for r in rows)


def test_processes_left_running_are_trouble(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text('{"outcome": "pass", "findings": [], "first_cause": null}')
    row = row_of(Case("x", HEALTHY, (), "x"), Whole(0, "", tmp_path, ["7 gunicorn"], 1.0))
    assert (row.outcome, row.right, row.problem) == ("pass", False, "still running: 7 gunicorn")


def test_a_lab_that_is_killed_leaves_no_run_behind(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom harness.selftest.whole_run import whole_run\n"
        "whole_run(Path(sys.argv[1]), [], plan='selftest')\n"
    )

    def running() -> list[str]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(tmp_path) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) as lab:
        wait_until(lambda: list(tmp_path.glob("runs/*/run.json")) != [], "a run that has begun")
        lab.kill()
    wait_until(lambda: running() == [], "the end of the run that the lab had started")
