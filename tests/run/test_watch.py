"""The loop around the load: every way in which a load can end, on a clock of the test's own."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path

import pytest

from harness.judge.windows import Window
from harness.run import watch
from harness.run.abort import FiringAlert, abort_reason
from harness.run.clock_watch import ClockWatch
from harness.run.disk_watch import Room
from harness.run.interrupts import Interrupted, stop_on_signals
from harness.run.journal import Journal
from tests.run.watch_world import ABORT, BEGIN, World, watcher


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(watch.time, "sleep", world.sleep)
    return world


def test_a_load_runs_to_its_planned_end(world: World, tmp_path: Path) -> None:
    looker = watcher(world, tmp_path)
    ending = looker.until_the_end()
    assert (ending.by, ending.reason, ending.at) == ("completed", "", BEGIN + 120)
    assert {s.phase for s in world.shown} == {"warmup", "steady"}
    assert world.shown[0].elapsed == 0
    assert world.shown[-1].elapsed == 119.5
    assert looker.schedule is not None
    assert looker.schedule.steady_window(ending.at) == (BEGIN + 10, BEGIN + 120)


def test_the_clock_of_the_run_is_the_loads_own(world: World, tmp_path: Path) -> None:
    world.status.started_at = None
    world.script[BEGIN + 5] = lambda: setattr(world.status, "started_at", BEGIN + 4.5)
    assert watcher(world, tmp_path).until_the_end().at == BEGIN + 124.5


def test_a_load_that_never_begins(world: World, tmp_path: Path) -> None:
    world.status.started_at = None
    ending = watcher(world, tmp_path).until_the_end()
    assert (ending.by, ending.reason) == ("aborted", "generator broke: the load did not start within 60 s")


def test_an_abort_alert_ends_it(world: World, tmp_path: Path) -> None:
    world.script[BEGIN + 40] = lambda: setattr(world, "alerts", (ABORT,))
    ending = watcher(world, tmp_path).until_the_end()
    assert (ending.by, ending.reason) == ("aborted", "target broke: alert TargetDown: it is down")
    assert BEGIN + 40 <= ending.at <= BEGIN + 41


def test_an_alert_ends_it_also_when_the_clock_was_set_back(world: World, tmp_path: Path) -> None:
    def back() -> None:
        world.now = BEGIN + 20
        world.alerts = (ABORT,)

    world.script[BEGIN + 60] = back
    looker = watcher(world, tmp_path)
    looker._clock_watch = ClockWatch(least=1000.0)  # which would end it first
    ending = looker.until_the_end()
    assert ending.reason == "target broke: alert TargetDown: it is down" and BEGIN + 20 <= ending.at <= BEGIN + 21


def test_a_disk_without_room_is_told_and_ends_it_after_a_minute(world: World, tmp_path: Path) -> None:
    looker = watcher(world, tmp_path)
    looker.room = lambda: Room(tmp_path, 0.0 if world.now >= BEGIN + 30 else 1e9, 1e6)
    ending = looker.until_the_end()
    assert ending.by == "aborted"
    assert ending.reason == f"telemetry lost: no space left on the disk of {tmp_path} for 1m: nothing more can be kept"
    assert BEGIN + 90 <= ending.at <= BEGIN + 92
    assert [level for level, text in world.events if text.startswith("no space left on the disk")] == ["note"]


def test_a_disk_that_was_full_for_a_while_is_told_and_ends_nothing(world: World, tmp_path: Path) -> None:
    looker = watcher(world, tmp_path)
    looker.room = lambda: Room(tmp_path, 0.0 if BEGIN + 30 <= world.now < BEGIN + 60 else 1e9, 1e6)
    assert looker.until_the_end().by == "completed"
    assert [level for level, text in world.events if text.startswith("no space left on the disk")] == ["note"]


def set_clock(world: World, by: float) -> None:
    world.now += by


def test_a_clock_that_is_set_back_far_ends_it(world: World, tmp_path: Path) -> None:
    """Prometheus drops what comes before what it has: no gap shows in the series, so nothing else would tell."""
    world.script[BEGIN + 40] = lambda: set_clock(world, -20.0)
    ending = watcher(world, tmp_path).until_the_end()
    assert ending.by == "aborted"
    assert ending.reason.startswith("telemetry lost: the clock was set back by 20s")
    assert BEGIN + 20 <= ending.at <= BEGIN + 21


def test_a_harness_that_was_held_up_sees_no_step_back(world: World, tmp_path: Path) -> None:
    """Looks that take long, and a pause (SIGSTOP) between the readings of the two clocks."""
    reads = count()

    def monotonic() -> float:
        passed = world.passed
        if next(reads) == 100:  # the first reading of a look; then a minute passes
            set_clock(world, 60.0)
            world.passed += 60.0
        return passed

    looker = watcher(world, tmp_path)
    looker.monotonic = monotonic
    assert looker.until_the_end().by == "completed"
    assert next(reads) > 101
    assert not [text for _, text in world.events if "set back" in text]


def test_steps_back_add_up_and_small_ones_are_told(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.script[BEGIN + 40] = lambda: set_clock(world, -4.0)
    assert watcher(world, tmp_path).until_the_end().by == "completed", "5.5 s may be missing of 110 s"
    assert [text for level, text in world.events if "set back by 4s" in text and level == "note"]
    twice = World(script={BEGIN + at: lambda: set_clock(twice, -4.0) for at in (40, 60)})
    monkeypatch.setattr(watch.time, "sleep", twice.sleep)
    ending = watcher(twice, tmp_path).until_the_end()
    assert (ending.by, ending.reason[:14]) == ("aborted", "telemetry lost")


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("errors", "target broke"),
        ("db_pool", "target broke"),
        ("generator", "generator broke"),
        ("telemetry", "telemetry lost"),
    ],
)
def test_the_reason_tells_what_broke(signal: str, words: str) -> None:
    assert abort_reason(FiringAlert("X", {"signal": signal})) == f"{words}: alert X"


def test_an_alert_in_a_time_that_was_set_aside_does_not_end_it(world: World, tmp_path: Path) -> None:
    world.script[BEGIN + 40] = lambda: setattr(world, "alerts", (ABORT,))
    looker = watcher(world, tmp_path)
    looker.set_aside = lambda schedule: [Window(schedule.load_from + 30, schedule.load_from + 60)]
    ending = looker.until_the_end()
    assert ending.reason == "target broke: alert TargetDown: it is down"
    assert BEGIN + 60 <= ending.at <= BEGIN + 62
    assert ("note", "alert TargetDown: it is down did not end the run: this time was set aside") in world.events


def test_another_alert_is_told_once_and_does_not_end_it(world: World, tmp_path: Path) -> None:
    world.alerts = (FiringAlert("Slow", {"severity": "critical"}),)
    assert watcher(world, tmp_path).until_the_end().by == "completed"
    assert world.events == [("info", "alert: Slow")]
    assert world.shown[-1].alerts == ("Slow",)


def test_death_of_prometheus_ends_it(world: World, tmp_path: Path) -> None:
    world.script[BEGIN + 30] = lambda: setattr(world, "prometheus_ended", "ended")
    ending = watcher(world, tmp_path).until_the_end()
    assert (ending.by, ending.at) == ("aborted", BEGIN + 30)
    assert ending.reason.startswith("telemetry lost: Prometheus ended")


def test_a_prometheus_that_stays_silent_ends_it(world: World, tmp_path: Path) -> None:
    world.silent = True
    ending = watcher(world, tmp_path).until_the_end()
    assert ending.by == "aborted"
    assert ending.reason.startswith("telemetry lost: Prometheus has not answered for")
    assert 60 < ending.at - BEGIN < 65
    assert world.shown[-1].rps is None, "an old figure must not pass for a new one"


def test_a_prometheus_that_is_silent_for_a_while_does_not(world: World, tmp_path: Path) -> None:
    world.silent = True
    world.script[BEGIN + 50] = lambda: setattr(world, "silent", False)
    assert watcher(world, tmp_path).until_the_end().by == "completed"


def test_death_of_the_load_master_ends_it(world: World, tmp_path: Path) -> None:
    world.status.state, world.status.problems = "dead", ("the Locust master died (was killed by SIGKILL)",)
    ending = watcher(world, tmp_path).until_the_end()
    assert ending.by == "aborted"
    assert "killed by SIGKILL" in ending.reason


def test_a_restarted_worker_is_scraped_where_it_is_now(world: World, tmp_path: Path) -> None:
    moved = [("locust-master", "127.0.0.1:1"), ("locust-worker-1", "127.0.0.1:7")]
    world.script[BEGIN + 5] = lambda: setattr(world, "targets", moved)
    watcher(world, tmp_path).until_the_end()
    assert world.told == [moved]


def test_growing_problems_are_said_once(world: World, tmp_path: Path) -> None:
    world.status.problems = ("the locustfile raised 1 exceptions, among them: x",)
    world.script[BEGIN + 5] = lambda: setattr(
        world.status, "problems", ("the locustfile raised 2 exceptions, among them: x", "locust-worker-1 was lost")
    )
    looker = watcher(world, tmp_path)
    looker.until_the_end()
    assert looker.journal.notes == ("the locustfile raised 1 exceptions, among them: x", "locust-worker-1 was lost")


def test_a_bystanders_death_is_noted_and_the_run_goes_on(world: World, tmp_path: Path) -> None:
    class Dead:
        name, pid = "the sidecar", 7

        def alive(self) -> bool:
            return world.now < BEGIN + 20

        def ending(self) -> str:
            return "was killed by SIGKILL"

    looker = watcher(world, tmp_path, children=(Dead(),))
    assert looker.until_the_end().by == "completed"
    assert looker.journal.notes == ("the sidecar was killed by SIGKILL while the load ran; the run goes on without it",)


def test_the_first_signal_ends_it_in_order_and_the_second_at_once(world: World, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert signal.getsignal(signal.SIGTERM) is not before
        stop.check()
        world.script[BEGIN + 12] = lambda: signal.raise_signal(signal.SIGTERM)
        ending = watcher(world, tmp_path, stop).until_the_end()
        assert (ending.by, ending.reason, ending.at) == ("interrupted", "ended by SIGTERM", BEGIN + 12)
        with pytest.raises(Interrupted):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)  # nothing more may disturb the clean-up
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_journal_masks_secrets_and_keeps_notes(world: World, tmp_path: Path) -> None:
    journal = Journal(world, tmp_path / "log", world.clock)
    journal.event("began")
    journal.note("lost postgresql://u:s3cret@h/d")
    journal.note("lost postgresql://u:s3cret@h/d")
    assert journal.notes == ("lost postgresql://u:***@h/d",)
    assert (tmp_path / "log").read_text() == (
        "1970-01-01T00:16:40.000Z info began\n1970-01-01T00:16:40.000Z note lost postgresql://u:***@h/d\n"
    )
