"""Parts that are started again in the middle of a run: when, how often, and what is said; and with real processes."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.prom.server import PrometheusServer
from harness.run.child import Child
from harness.run.restartable import PrometheusPart, SidecarPart, answers
from harness.run.sidecar import start_again, start_sidecar
from harness.run.supervision import Supervised
from tests.run.plans import make_plan


class Part:
    """A part whose life the test decides."""

    part, title = "sidecar", "the sidecar"

    def __init__(self) -> None:
        self.lives = self.well = True
        self.trouble: HarnessError | None = None
        self.begun = self.killed = 0

    def alive(self) -> bool:
        return self.lives

    def answers(self) -> bool:
        return self.well

    def ending(self) -> str:
        return "was killed by SIGKILL"

    def begin(self) -> None:
        self.begun += 1
        if self.trouble is not None:
            raise self.trouble
        self.lives = True

    def kill(self) -> None:
        self.killed += 1
        self.lives = False


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def world() -> tuple[Part, Clock, Supervised]:
    part, clock = Part(), Clock()
    return part, clock, Supervised(part, hung_after=15, start_seconds=30, now=clock)


def looks(clock: Clock, one: Supervised, seconds: float) -> list[str]:
    said = []
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 0.5
        text = one.look()
        if text is not None:
            said.append(text)
    return said


def test_a_part_that_is_well_is_left_alone(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    assert looks(clock, one, 600) == []
    assert (part.begun, part.killed, one.restarts, one.part) == (0, 0, 0, "sidecar")


def test_a_dead_part_is_replaced_at_once_and_named(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    part.lives = False
    assert one.look() == "the sidecar was lost (was killed by SIGKILL) and is started again"
    assert (part.begun, one.restarts) == (1, 1)
    assert looks(clock, one, 100) == []


def test_a_part_that_dies_again_and_again_waits_longer_each_time(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    begun: list[float] = []
    while clock.now < 1200:
        part.lives = False
        before = part.begun
        one.look()
        if part.begun > before:
            begun.append(clock.now)
        clock.now += 0.5
    pauses = [round(b - a) for a, b in itertools.pairwise(begun)]
    assert pauses[:6] == [1, 2, 4, 8, 16, 30] or pauses[:6] == [2, 2, 4, 8, 16, 30]
    assert max(pauses) <= 31, "it is never given up"
    assert one.restarts == len(begun)


def test_a_part_that_lived_long_is_replaced_at_once_again(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    for _ in range(5):
        part.lives = False
        one.look()
        looks(clock, one, 120)
    begun = part.begun
    part.lives = False
    one.look()
    assert part.begun == begun + 1


def test_a_hung_part_is_replaced(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    looks(clock, one, 60)
    part.well = False
    said = looks(clock, one, 14)
    assert said == []
    said = looks(clock, one, 10)
    assert len(said) == 1 and "the sidecar was lost (it did not answer for 16 s)" in said[0]
    assert (part.killed, part.begun) == (1, 1)


def test_a_part_may_be_silent_for_a_while(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    part.well = False
    assert looks(clock, one, 12) == []
    part.well = True
    assert looks(clock, one, 60) == []


def test_a_part_that_does_not_come_up_is_tried_again(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    part.lives = part.well = False
    one.look()
    assert looks(clock, one, 29) == [], "it has its time to come up, longer than a silence"
    said = looks(clock, one, 5)
    assert said == ["the sidecar was lost (it did not come up in time) and is started again"]


def test_what_cannot_be_started_is_said_and_tried_again(world: tuple[Part, Clock, Supervised]) -> None:
    part, clock, one = world
    part.lives, part.trouble = False, HarnessError("no more processes")
    assert one.look() == "the sidecar could not be started again: no more processes"
    part.trouble = None
    looks(clock, one, 5)
    assert part.lives and one.restarts == 2


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_a_real_prometheus_killed_outright_comes_back_with_what_it_had(tmp_path: Path) -> None:
    config = "global: {scrape_interval: 200ms}\nscrape_configs: [{job_name: p, static_configs: [{targets: ['%s']}]}]\n"
    server = PrometheusServer(tmp_path / "data", tmp_path, config=lambda own: config % own)
    with server:
        part = PrometheusPart(server)
        one = Supervised(part, hung_after=30, start_seconds=60)
        api = server.api()
        until(lambda: bool(api.query("up == 1", time.time())))
        before, port, last = server.pid, server.address, time.time()
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda: not part.alive())
        said = one.look()
        assert said == "Prometheus was lost (was killed by signal 9) and is started again"
        until(part.answers)
        assert one.look() is None
        assert (server.pid != before, server.address, one.restarts) == (True, port, 1)
        assert api.raw("up", last - 60, last), "nothing that it had recorded is lost"
        until(lambda: bool(api.query("up == 1", time.time())))
    assert not part.alive()


def test_a_real_sidecar_killed_outright_comes_back_at_the_same_address(tmp_path: Path) -> None:
    plan = make_plan()
    target = plan.target.model_validate({**plan.target.model_dump(), "processes": [{"name": "me", "pid": os.getpid()}]})
    plan = plan.model_copy(update={"target": target})
    log, replaced = tmp_path / "sidecar.log", []
    with start_sidecar(plan, tmp_path, log) as (child, address):

        def again() -> Child:
            return start_again(tmp_path, log, address)

        part = SidecarPart(child, address, again, replaced.append)
        one = Supervised(part, hung_after=15, start_seconds=30)
        assert part.answers() and one.look() is None
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: not part.alive())
        assert one.look() == "the sidecar was lost (was killed by SIGKILL) and is started again"
        try:
            until(part.answers)
            assert [c.pid for c in replaced] == [part.child.pid]
        finally:
            part.kill()
    assert not part.alive() and not answers(address, "/favicon.ico")
