"""When a cell of the kill matrix, or a soak, must not count as right: what nobody would see by its verdict alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.selftest.kill_lab import row_of
from harness.selftest.soak import problems_of
from harness.selftest.whole_run import orphans
from tests.selftest.test_kills import BY_NAME, whole


@pytest.mark.usefixtures("counted")
def test_a_traceback_in_a_log_of_ours_is_wrong(tmp_path: Path) -> None:
    made = whole(tmp_path, "warn", code=0, summary="the sidecar died and was started again, once")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "sidecar.log").write_text("all is well\n")
    (logs / "locust-worker-1.log").write_text("Traceback (most recent call last):\n  what the locustfile raised\n")
    assert row_of(BY_NAME["sidecar SIGKILL"], 1, 0.4, made, 1.0).problem == ""
    (logs / "locust-master.log").write_text("Traceback (most recent call last):\nTypeError: tell_workers()\n")
    assert row_of(BY_NAME["sidecar SIGKILL"], 1, 0.4, made, 1.0).problem == "a traceback in locust-master.log"


def test_what_was_done_must_be_told_not_only_something(tmp_path: Path) -> None:
    def problem(name: str, summary: str) -> str:
        return row_of(BY_NAME[name], 1, 0.4, whole(tmp_path, "inconclusive", code=11, summary=summary), 1.0).problem

    lag = "event loop delay p99 (locust-master) was over 100ms for 1m, at most 1.107s; harness judge RUN"
    for name in ("redis SIGTERM", "redis SIGKILL", "redis SIGSTOP", "harness SIGSTOP"):
        assert problem(name, lag).startswith("nothing says ")
    assert problem("redis SIGTERM", "the sidecar's collector 'redis:cache' could not read from 11:58:37 on") == ""
    assert problem("harness SIGSTOP", "job 'harness' (the run's own series) was lost: 100 of 160 samples") == ""
    assert problem("harness SIGSTOP", "the harness did not look at its run for 1m: alerts may have") == ""


def test_who_was_born_and_lost_its_parent_unseen_is_left_too(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    leaves = (
        "import subprocess, sys\n"
        "sleeps = [sys.executable, '-c', 'import time; time.sleep(600)', *sys.argv[1:]]\n"
        "print(subprocess.Popen(sleeps, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)\n"
    )

    def orphan(cwd: Path, *words: str) -> int:
        made = subprocess.run([sys.executable, "-c", leaves, *words], cwd=cwd, capture_output=True, check=True)
        return int(made.stdout)

    pids = [orphan(tmp_path, str(folder / "r" / "x.json")), orphan(folder), orphan(tmp_path)]
    try:
        assert {one.pid for one in orphans(folder)} == set(pids[:2]), "the third has nothing to do with it"
    finally:
        for pid in pids:
            psutil.Process(pid).kill()


def test_a_soak_that_showed_nothing_is_none() -> None:
    said = {"outcome": "warn", "findings": [{"summary": "the sidecar died and was started again, 4 times"}]}
    record, killed = {"ended_by": "completed", "reason": ""}, {"sidecar": 4}
    growth = {"harness": 0.0, "sidecar": 9.0, "locust-master": -3.0, "locust-worker-1": 5.0 * 2**20}
    assert problems_of(said, record, killed, growth, 7200.0) == []
    assert problems_of(said, record, {}, growth, 7200.0) == ["nothing was killed"]
    assert problems_of(said, record, killed, {}, 600.0) == [], "too short to tell"
    assert problems_of(said, record, killed, {"harness": 0.0, "sidecar": 6e6}, 7200.0) == [
        "the growth of locust-master is not known", "the growth of locust-worker is not known",
        "sidecar grew by 5.722 MiB, more than 5 MiB",
    ]  # fmt: skip
    assert problems_of(said | {"outcome": "pass"}, record, killed | {"prometheus": 1}, growth, 7200.0) == [
        "pass, though nothing but parts of the harness died", "prometheus was killed 1 times and no finding tells it",
    ]  # fmt: skip
