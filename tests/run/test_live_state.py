"""What a run says of itself while it is on, and what `harness status` makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ArchiveError
from harness.ownership import owned
from harness.run.display import Progressed
from harness.run.interrupts import STOPPED, Interrupted, StopRequest, stop_on_signals
from harness.run.live_state import STATE_FILE, LiveState, StateUi, read_state
from harness.run.record import RunDirectory, RunRecord
from harness.run.status import in_words, standing_of, status_of, to_json


class Shown:
    def __init__(self, trouble: Exception | None = None) -> None:
        self.said: list[str] = []
        self.trouble = trouble

    def event(self, text: str, level: str = "info") -> None:
        self._say(f"{level} {text}")

    def progress(self, state: Progressed) -> None:
        self._say(state.phase)

    def close(self) -> None:
        self._say("closed")

    def _say(self, text: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.said.append(text)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    found = RunDirectory(tmp_path / "r")
    found.work.mkdir(parents=True)
    found.write_record(RunRecord("r", "p", 100.0, "http://t"))
    return found


def steady(elapsed: float) -> Progressed:
    return Progressed("steady", elapsed, 100.0, 9, 10, 21.0, 0.5, 0.0, 2.0**20, ("TargetDown",))


def test_what_it_does_and_its_figures_stand_in_the_file(directory: RunDirectory) -> None:
    now = [100.0]
    ui = StateUi(Shown(), directory.work / STATE_FILE, lambda: now[0], lambda: now[0])
    assert read_state(directory) is None
    ui.event("starting PostgreSQL")
    ui.event("worth knowing", "note")
    assert read_state(directory) == LiveState(100.0, doing="starting PostgreSQL")
    ui.tell(prometheus="http://p")
    now[0] = 101.0
    ui.progress(steady(30))
    assert read_state(directory) == LiveState(
        101.0, "", "steady", 30.0, 100.0, "http://p", 9, 10, 21.0, 0.5, 0.0, 2.0**20, ("TargetDown",)
    )
    now[0] = 101.5
    ui.progress(steady(31))
    state = read_state(directory)
    assert state is not None and state.elapsed == 30, "once a second is enough"
    now[0] = 102.0
    ui.progress(steady(32))
    state = read_state(directory)
    assert state is not None and state.elapsed == 32
    ui.close()
    ui.event("judging")
    state = read_state(directory)
    assert state is not None and (state.phase, state.doing) == ("", "judging")
    assert [p.name for p in directory.work.iterdir()] == [STATE_FILE]


@pytest.mark.parametrize("trouble", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed file")])
def test_a_terminal_that_went_away_ends_nothing(directory: RunDirectory, trouble: Exception) -> None:
    shown = Shown(trouble)
    ui = StateUi(shown, directory.work / STATE_FILE, lambda: 100.0)
    ui.event("one")
    shown.trouble = None
    ui.progress(steady(3))
    ui.close()
    ui.event("two")
    assert shown.said == [], "nor is it tried again"
    state = read_state(directory)
    assert state is not None and state.doing == "two"


def test_a_full_disk_ends_nothing() -> None:
    shown = Shown()
    StateUi(shown, Path("/proc/no/such/state.json"), lambda: 100.0).event("one")
    assert shown.said == ["info one"]


def test_a_damaged_state_is_told(directory: RunDirectory) -> None:
    (directory.work / STATE_FILE).write_text('{"at": 1, "alerts": [], "new": 2}')
    with pytest.raises(ArchiveError, match=r"is not the state of a run"):
        read_state(directory)
    (directory.work / STATE_FILE).write_text('{"at"')
    with pytest.raises(ArchiveError, match="not valid JSON"):
        read_state(directory)


@pytest.mark.parametrize(
    ("key", "value"),
    [("at", 1e300), ("at", -1), ("at", None), ("at", True), ("at", "now"), ("elapsed", "x"), ("total", [1]),
     ("phase", 5), ("doing", None), ("users", "9"), ("rps", float("nan")), ("memory", 1e300), ("p95", -1.0),
     ("alerts", [1]), ("alerts", None), ("prometheus", {})],
)  # fmt: skip
def test_a_state_that_no_harness_writes_is_one_clear_error(directory: RunDirectory, key: str, value: object) -> None:
    (directory.work / STATE_FILE).write_text(json.dumps({"at": 5, "alerts": [], key: value}))
    with pytest.raises(ArchiveError, match=r"is not the state of a run that this version knows"):
        status_of(directory, 10.0)


def test_alive_hung_dead_and_over_are_told_apart() -> None:
    open_record, over = RunRecord("r", "p", 100.0, "t"), RunRecord("r", "p", 100.0, "t", ended_at=200.0)
    loaded, judging = LiveState(110.0, phase="steady"), LiveState(110.0, doing="judging")
    assert standing_of(True, open_record, loaded, 125.0) == "on"
    assert standing_of(True, open_record, loaded, 131.0) == "silent"
    assert standing_of(True, over, judging, 500.0) == "on", "a judgement takes its time in silence"
    assert standing_of(True, open_record, None, 500.0) == "on"
    assert standing_of(False, open_record, loaded, 111.0) == "dead"
    assert standing_of(False, over, None, 111.0) == "over"


def test_a_run_that_is_on_in_words_and_for_programs(directory: RunDirectory) -> None:
    ui = StateUi(Shown(), directory.work / STATE_FILE, lambda: 150.0)
    ui.tell(prometheus="http://p")
    ui.progress(steady(30))
    with owned(directory.work):
        found = status_of(directory, 151.0)
    assert in_words(found, "", "r") == [
        "r: on", "  plan p on http://t", "  steady, 30%, 1m 10s of load left",
        "  9 of 10 users, 21.0 rps, p95 500ms, errors 0.00%, memory 1 MiB", "  alerts: TargetDown",
        "  Prometheus: http://p",
    ]  # fmt: skip
    told = to_json(found, "")
    assert (told["standing"], told["phase"], told["left"], told["ended_by"]) == ("on", "steady", 70.0, None)
    json.dumps(told, allow_nan=False)


def test_a_dead_harness_is_told_as_dead_with_what_to_do(directory: RunDirectory) -> None:
    assert in_words(status_of(directory, 150.0), "", "r") == [
        "r: its harness died; nobody makes load or judges", "  plan p on http://t",
        "  its load had not begun: start it anew",
    ]  # fmt: skip
    directory.write_record(replace(directory.read_record(), steady_from=110.0))
    StateUi(Shown(), directory.work / STATE_FILE, lambda: 150.0).progress(steady(30))
    found = status_of(directory, 3750.0)
    assert in_words(found, "", "r") == [
        "r: its harness died; nobody makes load or judges", "  plan p on http://t",
        "  its last sign of life was 1h ago", "  go on with it: harness resume r",
        "  or close and judge it: harness judge r",
    ]  # fmt: skip
    assert (found.left, to_json(found, "")["phase"]) == (None, "")


def test_a_run_that_is_over(directory: RunDirectory) -> None:
    directory.write_record(
        RunRecord("r", "p", 100.0, "t", ended_at=200.0, ended_by="interrupted", reason="ended by SIGINT")
    )
    found = status_of(directory, 300.0)
    assert in_words(found, "inconclusive", "r")[0] == "r: interrupted (ended by SIGINT), inconclusive"
    assert in_words(found, "", "r") == [
        "r: interrupted (ended by SIGINT), not judged", "  plan p on t", "  judge it: harness judge r",
    ]  # fmt: skip


def test_a_stop_file_asks_as_a_signal_does(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    stop = StopRequest(file)
    assert not stop.requested
    stop.check()
    file.touch()
    assert stop.requested and stop.signal_name == STOPPED
    with pytest.raises(Interrupted, match="harness stop"):
        stop.check()


def test_a_lost_terminal_changes_nothing_and_children_may_still_be_reloaded() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with stop_on_signals() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop.requested
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        os.kill(child.pid, signal.SIGHUP)
        assert child.wait() == -signal.SIGHUP, "what is started here does not inherit that it is ignored"
    assert signal.getsignal(signal.SIGHUP) is before
