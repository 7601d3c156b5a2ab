"""What every fault is made of: the world it acts on, its hooks, and leaks that take unit after unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from target.fault_amounts import is_on, share_of, units_due
from target.faults import FaultSpec


class InjectedError(Exception):
    """An error burst failed this request on purpose."""


@dataclass(frozen=True)
class World:
    """What faults act on, and which share of the application's rate this worker bears (slot of slots).

    Attributes:
        directory: shared by all workers, gone with the application.
    """

    engine: Engine
    redis_url: str
    directory: Path
    slot: int
    slots: int

    @property
    def leads(self) -> bool:
        """Whether this worker does what is to be done once in the whole application."""
        return self.slot == 0


class ActiveFault:
    """A fault that is on in this worker. ``elapsed``: seconds since it was switched on, in the whole application.

    Args:
        joined: elapsed seconds at which this worker begins with it.
    """

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        self.spec, self.world, self.joined = spec, world, joined

    def tick(self, elapsed: float) -> None:
        """Do what is due; called a few times a second by one thread."""

    def before_request(self, elapsed: float) -> None:
        """Spoil a request: sleep, or raise InjectedError; called by the request's thread."""

    def stop(self) -> None:
        """Switched off: give back what was taken, as a restart would."""

    def on(self, elapsed: float) -> bool:
        """Whether the effect has begun and not ended by itself."""
        return is_on(elapsed, self.spec["delay"], self.spec.values.get("seconds", float("inf")))


class Leak(ActiveFault):
    """Takes this worker's share of units at a rate. A worker that joins late begins there, not with the whole past."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._taken = self._due(joined)

    @property
    def per_second(self) -> float:
        """Units per second, all workers together."""
        return self.spec["per_minute"] / 60

    def _due(self, elapsed: float) -> int:
        total = units_due(elapsed, self.spec["delay"], self.per_second)
        return share_of(total, self.world.slot, self.world.slots)

    def tick(self, elapsed: float) -> None:
        due = self._due(elapsed)
        while self._taken < due and self.take():
            self._taken += 1

    def take(self) -> bool:
        """Take one unit; False: not now."""
        raise NotImplementedError
