"""Keeps the Locust workers of a run alive: finds the dead and the hung, and starts them again."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.load.control import ControlError
from harness.load.last_words import telling
from harness.load.memory_guard import EXIT_CODE
from harness.load.processes import LocustChild
from harness.load.restart import back_off, failures_in_a_row, why_replace


@dataclass
class WorkerPlace:
    """One worker's place: the process in it may change, the name and (if it stays free) the port do not."""

    name: str
    child: LocustChild | None
    port: int = 0
    failures: int = 0  # deaths in a row, each soon after its start
    restart_at: float = 0.0
    missing_since: float | None = None


class WorkerSupervisor:
    """The workers of one load.

    Args:
        spawn: starts a worker from its name and the port it served before (0: any).
        forget: tells the master that the worker of this client id is gone; may raise ControlError.
        problem: takes what went wrong, in words for a person.
        stopped: whether the load was told to end, perhaps from a signal handler: nothing is started then.
    """

    def __init__(
        self,
        spawn: Callable[[str, int], LocustChild],
        forget: Callable[[str], None],
        problem: Callable[[str], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._spawn = spawn
        self._forget = forget
        self._problem = problem
        self._stopped = stopped
        self.places: list[WorkerPlace] = []
        self.restarts = 0

    @property
    def children(self) -> list[LocustChild]:
        """The processes that are in their places now."""
        return [place.child for place in self.places if place.child is not None]

    def add(self, name: str) -> None:
        """Starts a worker of that name."""
        self.places.append(WorkerPlace(name, self._spawn(name, 0)))

    def look_after(self, missing: AbstractSet[str]) -> None:
        """Replaces who is dead or hung; ``missing``: client ids that the master no longer hears from."""
        for place in self.places:
            self._look_after(place, missing)

    def _look_after(self, place: WorkerPlace, missing: AbstractSet[str]) -> None:
        if self._stopped():
            return
        now = time.monotonic()
        child = place.child
        if child is None:
            if now >= place.restart_at:
                self._begin(place, now)
            return
        reason = self._reason(place, child, missing, now) if child.alive else ""
        if reason is None:
            return
        child.kill()
        announced = child.announcement()
        self._problem(f"{place.name} was lost ({reason or _how_it_ended(child)}) and is started again")
        place.failures = failures_in_a_row(place.failures, now - child.started)
        delay = back_off(place.failures)
        place.child, place.restart_at, place.missing_since = None, now + delay, None
        if announced is not None:
            try:
                self._forget(announced.client_id)
            except ControlError:
                self._problem(f"the Locust master could not be told that {place.name} is gone")
        if delay == 0 and not self._stopped():
            self._begin(place, now)

    def _begin(self, place: WorkerPlace, now: float) -> None:
        """Starts its worker; a machine that cannot just now (no memory, no process left) is asked again later."""
        self.restarts += 1
        try:
            place.child = self._spawn(place.name, place.port)
        except (HarnessError, OSError) as error:
            place.failures += 1
            place.restart_at = now + back_off(place.failures)
            why = error.message if isinstance(error, HarnessError) else str(error)
            self._problem(f"{place.name} could not be started again, and is tried on: {why}")

    @staticmethod
    def _reason(place: WorkerPlace, child: LocustChild, missing: AbstractSet[str], now: float) -> str | None:
        announced = child.announcement()
        if announced is not None:
            place.port = announced.port
        if announced is None or announced.client_id not in missing:
            place.missing_since = None
        elif place.missing_since is None:
            place.missing_since = now
        return why_replace(
            age=now - child.started,
            announced=announced is not None,
            missing=None if place.missing_since is None else now - place.missing_since,
        )


def _how_it_ended(child: LocustChild) -> str:
    """With its reason where it ended itself for want of memory."""
    how = child.how_it_ended()
    return telling(child.last_words()) if how == f"exit code {EXIT_CODE}" else how
