"""When a stress run ends that breaks its target, as it should: on a clock of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.run import watch
from harness.run.abort import FiringAlert
from tests.run.plans import make_plan
from tests.run.watch_world import ABORT, BEGIN, World, watcher

STRESS = """
name: t
kind: stress
target: {url: "http://127.0.0.1:9"}
scrape_interval: 1s
load:
  warmup: 10s
  stages: [{duration: 60s, users: 50}, {duration: 60s, users: 100}, {duration: 60s, users: 200}LOW]
objectives: {latency_p95: 800ms RECOVERY}
ABORT
"""
BROKE = FiringAlert("ErrorsExcessive", {"severity": "critical", "abort": "true"}, "half of the requests fail")
WATCHED = 3 * 10 + 2  # seconds: three windows of 10 s, two scrapes


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(watch.time, "sleep", world.sleep)
    return world


def ends_at(
    world: World,
    tmp_path: Path,
    *alerts: FiringAlert,
    at: float = 70.0,
    until: float | None = None,
    low: str = ", {duration: 200s, users: 10}",
    recovery: str = ", recovery: 40s",
    abort: str = "",
) -> tuple[str, float]:
    """How and when (seconds of load) a stress run ends whose alerts fire from ``at`` to ``until``."""
    looker = watcher(world, tmp_path)
    looker.plan = make_plan(STRESS.replace("LOW", low).replace("RECOVERY", recovery).replace("ABORT", abort))
    world.script[BEGIN + at] = lambda: setattr(world, "alerts", alerts)
    if until is not None:
        world.script[BEGIN + until] = lambda: setattr(world, "alerts", ())
    ending = looker.until_the_end()
    return ending.by, ending.at - BEGIN


def test_a_stress_run_goes_on_past_its_break(world: World, tmp_path: Path) -> None:
    assert ends_at(world, tmp_path, BROKE) == ("completed", 380)


def test_a_dead_target_ends_a_stress_run_when_it_should_have_recovered(world: World, tmp_path: Path) -> None:
    by, at = ends_at(world, tmp_path, BROKE, ABORT)
    assert by == "aborted"
    assert at == pytest.approx(180 + 40 + WATCHED, abs=1.5)


def test_a_target_that_came_back_ends_nothing(world: World, tmp_path: Path) -> None:
    assert ends_at(world, tmp_path, ABORT, until=200.0) == ("completed", 380)


def test_a_target_that_dies_on_the_way_down_gets_its_time_too(world: World, tmp_path: Path) -> None:
    by, at = ends_at(world, tmp_path, ABORT, at=230.0)
    assert by == "aborted"
    assert at == pytest.approx(230 + 40 + WATCHED, abs=1.5)


def test_without_a_way_down_a_whole_dead_hold_is_enough(world: World, tmp_path: Path) -> None:
    by, at = ends_at(world, tmp_path, ABORT, low="", recovery="")
    assert by == "aborted"
    assert at == pytest.approx(120, abs=1.5)  # dead from 70 s on: the second hold, judged from 72 s, was dead


def test_an_alert_that_the_plan_names_ends_a_stress_run_too(world: World, tmp_path: Path) -> None:
    by, at = ends_at(world, tmp_path, BROKE, abort="abort_on: [ErrorsExcessive]")
    assert by == "aborted"
    assert at == pytest.approx(70, abs=1.5)
