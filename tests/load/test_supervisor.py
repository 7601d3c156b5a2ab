"""Workers that die, and a machine that cannot start another just then: the load goes on and is tried again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import HarnessError
from harness.load import supervisor
from harness.load.processes import Announcement, LocustChild
from harness.load.supervisor import WorkerSupervisor


class Child(LocustChild):
    """One that needs no process."""

    def __init__(self, started: float) -> None:
        self.started, self.living = started, True
        self.log_path = Path("/nowhere")

    @property
    def alive(self) -> bool:
        return self.living

    def announcement(self) -> Announcement:
        return Announcement(1, 9646, "id")

    def kill(self) -> None:
        self.living = False

    def how_it_ended(self) -> str:
        return "signal SIGKILL"


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.trouble: Exception | None = None
        self.said: list[str] = []
        self.stopped = False
        monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.workers = WorkerSupervisor(self._spawn, lambda _: None, self.said.append, lambda: self.stopped)
        self.workers.add("w")

    def _spawn(self, _name: str, _port: int) -> LocustChild:
        if self.trouble is not None:
            raise self.trouble
        return Child(self.now)

    def until(self, later: float) -> None:
        while self.now < later:
            self.now += 0.5
            self.workers.look_after(frozenset())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.mark.parametrize(
    "make",
    [lambda: HarnessError("cannot start w: [Errno 12] Cannot allocate memory"), lambda: OSError(errno.EAGAIN, "no")],
)
def test_a_worker_that_cannot_be_started_ends_no_load(world: World, make: Callable[[], Exception]) -> None:
    world.until(100.0)
    child = world.workers.children[0]
    world.trouble = make()
    child.kill()
    world.until(130.0)
    assert world.workers.children == []
    assert world.said[0] == "w was lost (signal SIGKILL) and is started again"
    assert world.said[1].startswith("w could not be started again, and is tried on: ")
    assert 4 <= world.workers.restarts <= 7, "with growing pauses"
    world.trouble = None
    world.until(170.0)
    assert len(world.workers.children) == 1


def test_a_worker_that_died_is_replaced_at_once_and_none_when_the_load_ends(world: World) -> None:
    world.until(100.0)
    world.workers.children[0].kill()
    world.until(100.5)
    assert (len(world.workers.children), world.workers.restarts) == (1, 1)
    world.stopped = True
    world.workers.children[0].kill()
    world.until(110.0)
    assert world.workers.restarts == 1
