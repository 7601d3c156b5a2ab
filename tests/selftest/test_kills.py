"""The kill matrix without its runs: what is in it, when a row is right, what the page says, and whom it kills."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import psutil
import pytest
import redis

from harness.errors import UsageError
from harness.judge.verdict import Outcome
from harness.prom.series import Series
from harness.run.json_files import write_json
from harness.run.record import RunRecord
from harness.run.redis_server import start_redis
from harness.selftest.going_on import go_on
from harness.selftest.kill_lab import KillRow, exit_code_of, row_of, run_cell, to_json
from harness.selftest.kill_page import renewed
from harness.selftest.killing import ended_and_started, stop_for_a_while, when
from harness.selftest.kills import CELLS, Action, Part, choose, moment
from harness.selftest.soak import Soak, in_words, killer
from harness.selftest.whole_run import Whole

SCRAPED = [Series({"__name__": "up", "job": "load"}, np.array([149.0]), np.array([1.0]))]
BY_NAME = {cell.name: cell for cell in CELLS}
ROW = KillRow("sidecar SIGKILL", 1, ("warn", "inconclusive"), "warn", "the sidecar died", 1.0, 0.4, 150.0, "d", "")


def test_every_part_meets_every_action() -> None:
    assert len(CELLS) == 36
    assert {(c.part, c.action) for c in CELLS} == {(p, a) for p in get_args(Part) for a in get_args(Action)}
    assert len(BY_NAME) == len(CELLS)


def test_no_cell_takes_a_pass_that_proves_nothing() -> None:
    """A part that is needed was away: only what serves those that it has, and is asked for no more, may pass."""
    passing = [cell.name for cell in CELLS if Outcome.PASS in cell.outcomes]
    assert passing == ["target-master SIGSTOP", "postgresql SIGTERM"]
    assert all(cell.told for cell in CELLS if cell.part in ("locust-worker", "locust-master", "sidecar", "prometheus"))


def test_moments_are_random_and_repeatable() -> None:
    cell = BY_NAME["redis SIGKILL"]
    moments = [moment(cell, seed) for seed in range(50)]
    assert moments == [moment(cell, seed) for seed in range(50)]
    assert len(set(moments)) == 50 and min(moments) >= 0.25 and max(moments) <= 0.60
    stopped = [moment(BY_NAME["redis SIGSTOP"], seed) for seed in range(50)]
    assert max(stopped) * 170 + 60 < 120, "there is a time after it"


def test_a_worker_of_the_target_is_stopped_for_longer_than_gunicorn_waits() -> None:
    """When it was as long, chance told whether the worker was given up: once 0.95 % of the requests failed, a pass."""
    settings = (Path(__file__).parents[2] / "target" / "gunicorn.conf.py").read_text()
    waits = re.search(r"^timeout = (\d+)$", settings, re.MULTILINE)
    cell = BY_NAME["target-worker SIGSTOP"]
    assert waits and cell.stopped >= float(waits[1]) + 10
    assert max(moment(cell, seed) for seed in range(50)) * 170 + cell.stopped < 140, "there is a time after it"


def test_cells_are_chosen_by_part_action_or_name() -> None:
    assert [c.action for c in choose(CELLS, ["sidecar"])] == ["SIGTERM", "SIGKILL", "SIGSTOP", "restart"]
    assert {c.action for c in choose(CELLS, ["SIGKILL"])} == {"SIGKILL"}
    assert [c.name for c in choose(CELLS, ["redis restart"])] == ["redis restart"]
    assert choose(CELLS, []) == list(CELLS)
    with pytest.raises(UsageError, match="'mars' is nothing in the kill matrix"):
        choose(CELLS, ["mars"])


def test_the_moment_is_seen_in_the_output() -> None:
    pattern = when(0.3)
    assert not pattern.search("warmup    40%  left 1m\nsteady    29%  left 1m\n")
    assert pattern.search("steady    30%  left 1m")
    assert pattern.search("steady    99%  left 1m")


def whole(tmp_path: Path, outcome: str, *, code: int, summary: str = "", left: tuple[str, ...] = ()) -> Whole:
    write_json(tmp_path / "verdict.json", {
        "outcome": outcome, "findings": [{"summary": summary, "objective": ""}] if summary else [],
    })  # fmt: skip
    write_json(tmp_path / "run.json", RunRecord("r", "p", 100.0, "t", notes=("noted",)).to_json())
    return Whole(code, "output", tmp_path, list(left), 100.0, meddled_at=150.0, scraped=SCRAPED)


@pytest.mark.usefixtures("counted")
def test_a_row_is_right_only_when_everything_is(tmp_path: Path) -> None:
    cell, told = BY_NAME["sidecar SIGKILL"], "the sidecar died and was started again, once"

    def problem(**change: object) -> str:
        fields: dict[str, object] = {"outcome": "warn", "code": 0, "summary": told} | change
        kept = fields.pop("kept", 1.0)
        made = whole(tmp_path, **fields)  # type: ignore[arg-type]
        return row_of(cell, 1, 0.4, made, kept).problem  # type: ignore[arg-type]

    assert problem() == ""
    assert problem(outcome="pass") == "pass instead of warn or inconclusive"
    assert problem(code=11) == "warn, yet exit code 11"
    assert problem(summary="all is well") == f"nothing says {'the sidecar died and was started again'!r}"
    assert problem(left=("7 gunicorn",)) == "still running: 7 gunicorn"
    assert problem(kept=0.5) == "only 50% of what was scraped before is kept"
    assert problem(kept=None) == "its series were not kept"


def test_a_run_without_a_verdict_is_no_row_that_is_right(tmp_path: Path) -> None:
    row = row_of(BY_NAME["sidecar SIGKILL"], 1, 0.4, Whole(1, "boom", tmp_path, [], 3.0), None)
    assert (row.outcome, row.right) == ("error", False)
    assert "no verdict, exit code 1: boom" in row.problem


def test_the_exit_code_and_the_json() -> None:
    wrong = KillRow(**{**ROW.__dict__, "problem": "a false pass"})
    assert (int(exit_code_of([])), int(exit_code_of([ROW])), int(exit_code_of([ROW, wrong]))) == (12, 0, 10)
    assert (to_json([ROW, wrong])["right"], to_json([ROW, wrong])["runs"]) == (1, 2)


def test_the_page_keeps_what_it_knew_and_tells_what_was_not_run() -> None:
    page = renewed("", [ROW], CELLS, "2026-11-23 08:00")
    assert "| sidecar | not run | warn | not run | not run |" in page
    assert "1 of 1 cells as expected in each run (1 runs); 35 of 36 not run yet." in page
    other = KillRow(
        **{**ROW.__dict__, "cell": "redis SIGKILL", "outcome": "pass", "problem": "pass | <instead> of fail"}
    )
    page = renewed(page, [other], CELLS, "2026-11-23 09:00")
    assert "| sidecar | not run | warn | not run | not run |" in page
    assert "| redis | not run | **pass** | not run | not run |" in page
    assert "1 of 2 cells as expected in each run (2 runs); 34 of 36 not run yet." in page
    assert "pass / &lt;instead> of fail" in page
    assert renewed(page, [], CELLS, "later") == page


def test_the_page_adds_seeds_and_keeps_what_went_wrong_until_it_is_run_again() -> None:
    page = renewed("", [ROW], CELLS, "08:00")
    wrong = replace(ROW, seed=3, outcome="pass", problem="a pass", kept=None)
    page = renewed(page, [wrong], CELLS, "09:00")
    page = renewed(page, [replace(ROW, seed=2, outcome="inconclusive", kept=0.98, finding="late")], CELLS, "10:00")
    assert (
        "| sidecar SIGKILL | warn/inconclusive | 1, 2, 3 | 3, 3, 3 | warn, inconclusive, **pass** | **2 of 3** | "
        "100%, 98%, - | 10:00 | a pass |" in page
    )
    assert "| sidecar | not run | warn, inconclusive, **pass** | not run | not run |" in page
    assert "0 of 1 cells as expected in each run (3 runs); 35 of 36 not run yet." in page
    page = renewed(page, [replace(wrong, outcome="warn", problem="", finding="mended")], CELLS, "11:00")
    assert "| 1, 2, 3 | 3, 3, 3 | warn, inconclusive, warn | yes | 100%, 98%, - | 11:00 | mended |" in page
    page = renewed(page, [replace(ROW, expected=("fail",), outcome="fail")], CELLS, "12:00")
    assert "| sidecar SIGKILL | fail | 1 | 3 | fail | yes |" in page, "what was right before does not count any more"
    with pytest.raises(ValueError, match=r"unpack|literal"):
        renewed(page.replace("| fail | 1 | 3 |", "| fail | one | 3 |"), [], CELLS, "13:00")


def test_a_process_is_stopped_and_goes_on() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process = psutil.Process(child.pid)
    try:
        end = stop_for_a_while([process], seconds=600)
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        end()
        wait_for(lambda: process.status() != psutil.STATUS_STOPPED)
        stop_for_a_while([process], seconds=0.2)
        wait_for(lambda: process.status() != psutil.STATUS_STOPPED)
    finally:
        child.kill()
        child.wait()


STOPS = """
import signal, sys, time, psutil
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored, where the tests run under nohup
from harness.selftest.killing import stop_for_a_while
stop_for_a_while([psutil.Process(int(pid)) for pid in sys.argv[1:]], seconds=600)
print("stopped", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_what_was_stopped_goes_on_however_the_lab_ends(number: signal.Signals) -> None:
    children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
    stopped = [psutil.Process(child.pid) for child in children]
    try:
        with subprocess.Popen(
            [sys.executable, "-c", STOPS, *(str(child.pid) for child in children)], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as lab:  # fmt: skip
            assert lab.stdout is not None and lab.stdout.readline() == b"stopped\n"
            for process in stopped:
                wait_for(lambda process=process: process.status() == psutil.STATUS_STOPPED)  # type: ignore[misc]
            lab.send_signal(number)
            assert lab.wait() != 0
        for process in stopped:
            wait_for(lambda process=process: process.status() != psutil.STATUS_STOPPED)  # type: ignore[misc]
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_half_stopped_part_goes_on_when_the_rest_cannot_be_stopped() -> None:
    class Guarded(psutil.Process):
        def suspend(self) -> None:
            raise psutil.AccessDenied(self.pid)

    children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
    first, second = psutil.Process(children[0].pid), Guarded(children[1].pid)
    try:
        with pytest.raises(psutil.AccessDenied):
            stop_for_a_while([first, second], seconds=600)
        wait_for(lambda: first.status() != psutil.STATUS_STOPPED)
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_the_number_of_a_process_that_is_gone_is_left_alone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process = psutil.Process(child.pid)
    try:
        process.suspend()
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        go_on([f"{child.pid}:{process.create_time() - 5.0!r}"])
        assert process.status() == psutil.STATUS_STOPPED
        go_on([f"{child.pid}:{process.create_time()!r}"])
        wait_for(lambda: process.status() != psutil.STATUS_STOPPED)
    finally:
        child.kill()
        child.wait()


def test_a_server_is_ended_and_started_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.selftest.killing.AWAY_SECONDS", 0.0)
    code = "import os, time; open(f'{os.environ[\"MARK\"]}-{os.getpid()}', 'w').close(); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], env={"MARK": "m"}, cwd=tmp_path)
    wait_for(lambda: (tmp_path / f"m-{child.pid}").exists())
    end = ended_and_started(psutil.Process(child.pid), signal.SIGTERM)
    try:
        assert child.wait() == -signal.SIGTERM
        wait_for(lambda: len(list(tmp_path.glob("m-*"))) == 2)
    finally:
        end()
    [again] = [int(p.name[2:]) for p in tmp_path.glob("m-*") if p.name != f"m-{child.pid}"]
    assert not psutil.pid_exists(again)


def test_redis_is_ended_and_started_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes its address over its command line, and its file of settings is named nowhere then."""
    monkeypatch.setattr("harness.selftest.killing.AWAY_SECONDS", 0.1)
    with start_redis(tmp_path, tmp_path / "redis.log") as (child, url), redis.Redis.from_url(url) as client:
        first = client.info("server")["run_id"]
        end = ended_and_started(psutil.Process(child.pid), signal.SIGTERM)
        wait_for(lambda: answers(url))
        with redis.Redis.from_url(url) as again:
            assert again.info("server")["run_id"] != first
        end()
        assert not answers(url)


def answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def test_what_cannot_be_done_to_a_part_is_a_row_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def whole_run(*_: object, **__: object) -> Whole:
        raise FileNotFoundError(2, "No such file or directory", "redis-server 127.0.0.1:1")

    monkeypatch.setattr("harness.selftest.kill_lab.whole_run", whole_run)
    row = run_cell(BY_NAME["redis restart"], tmp_path, 1)
    assert not row.right
    assert (row.outcome, "redis-server 127.0.0.1:1" in row.problem) == ("error", True)


def test_the_soaks_killer_finds_nothing_to_kill_and_ends() -> None:
    killed: Counter[str] = Counter()
    end = killer(1.0, 1, killed, lambda _: None)(psutil.Process())
    time.sleep(0.3)
    assert end is not None
    end()
    assert killed == Counter()


def test_a_soak_in_words() -> None:
    found = Soak("d", 7300.0, "warn", {"sidecar": 4}, {"harness": 2.0**20}, ["x"])
    assert in_words(found) == [
        "warn after 2h 1m; killed: sidecar 4; d", "  harness grew by 1 MiB", "  WRONG: x",
    ]  # fmt: skip
    assert in_words(Soak("d", 60.0, "warn", {}, {}, []))[-1].endswith("the harness's own processes grow")


def wait_for(true: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
