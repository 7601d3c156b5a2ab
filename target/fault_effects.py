"""What each fault of ``target.faults`` does to the worker it is on in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, exc

from target.faults import MEMORY_UNIT_BYTES, FaultSpec, burst_on, request_fails, share_of, units_due


class InjectedError(Exception):
    """An error burst failed this request on purpose."""


@dataclass(frozen=True)
class World:
    """What faults act on, and which share of the application's rate this worker bears (slot of slots)."""

    engine: Engine
    slot: int
    slots: int


class ActiveFault:
    """A fault that is on in this worker. ``elapsed``: seconds since it was switched on, in the whole application."""

    def tick(self, elapsed: float) -> None:
        """Do what is due; called a few times a second by one thread."""

    def before_request(self, elapsed: float) -> None:
        """Spoil a request: sleep, or raise InjectedError; called by the request's thread."""

    def stop(self) -> None:
        """Switched off: give back what was taken, as a restart would."""


class _Leak(ActiveFault):
    """Takes this worker's share of units at a rate. A worker that joins late begins there, not with the whole past."""

    def __init__(self, spec: FaultSpec, world: World, per_second: float, joined: float) -> None:
        self._delay, self._per_second, self._world = spec["delay"], per_second, world
        self._taken = self._due(joined)

    def _due(self, elapsed: float) -> int:
        total = units_due(elapsed, self._delay, self._per_second)
        return share_of(total, self._world.slot, self._world.slots)

    def tick(self, elapsed: float) -> None:
        due = self._due(elapsed)
        while self._taken < due and self.take():
            self._taken += 1

    def take(self) -> bool:
        """Take one unit; False: not now."""
        raise NotImplementedError


class MemoryLeak(_Leak):
    """Keeps blocks of random bytes: every page is written, and neither zswap nor KSM can make it small."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, spec["mb_per_s"] * 1e6 / MEMORY_UNIT_BYTES, joined)
        self._blocks: list[bytes] = []

    def take(self) -> bool:
        self._blocks.append(os.urandom(MEMORY_UNIT_BYTES))
        return True

    def stop(self) -> None:
        self._blocks.clear()


class ConnectionLeak(_Leak):
    """Checks connections out of the application's pool, begins a transaction and forgets them: a handler that leaks."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, spec["per_minute"] / 60, joined)
        self._held: list[PoolProxiedConnection] = []

    def take(self) -> bool:
        pool = self._world.engine.pool
        if isinstance(pool, QueuePool) and pool.checkedout() >= pool.size() + pool._max_overflow:
            return False  # nothing left to leak; waiting for one would look like a request that waits
        try:
            connection = self._world.engine.raw_connection()
            self._held.append(connection)
            connection.cursor().execute("SELECT 1")
        except (exc.TimeoutError, exc.DBAPIError):
            return False
        return True

    def stop(self) -> None:
        while self._held:
            self._held.pop().close()


class ErrorBurst(ActiveFault):
    """Fails an even share of the requests."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        self._spec = spec
        self._count = 0
        self._lock = threading.Lock()

    def before_request(self, elapsed: float) -> None:
        if not burst_on(elapsed, self._spec["delay"], self._spec["seconds"]):
            return
        with self._lock:
            number, self._count = self._count, self._count + 1
        if request_fails(number, self._spec["ratio"]):
            raise InjectedError("injected by the fault error_burst")


FaultMaker = Callable[[FaultSpec, World, float], ActiveFault]


def reference_faults() -> Mapping[str, FaultMaker]:
    """How each fault of ``FAULT_PARAMETERS`` is made from (spec, world, elapsed seconds at which this worker joins)."""
    return {"memory_leak": MemoryLeak, "connection_leak": ConnectionLeak, "error_burst": ErrorBurst}
