"""Faults of the request itself: errors, CPU, waiting. /health, /metrics and /faults are spared (fault_runtime)."""

from __future__ import annotations

import hashlib
import threading
import time

from flask import request

from target.fault_amounts import creep, request_fails, stall_left
from target.fault_effects.base import ActiveFault, InjectedError, World
from target.faults import FaultSpec

MOST_SECONDS = 30.0  # a creep that nobody ends must not hold threads for ever
# hashlib lets other threads run while it hashes a block: to burn a core must not starve the thread of /metrics.
_BLOCK = bytes(64 * 1024)


class ErrorBurst(ActiveFault):
    """Fails an even share of the requests."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._count = 0
        self._lock = threading.Lock()

    def before_request(self, elapsed: float) -> None:
        if not self.on(elapsed):
            return
        with self._lock:
            number, self._count = self._count, self._count + 1
        if request_fails(number, self.spec["ratio"]):
            raise InjectedError("injected by the fault error_burst")


class LatencyCreep(ActiveFault):
    """Each request waits a little longer than the one before."""

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            time.sleep(creep(elapsed, self.spec["delay"], self.spec["ms_per_minute"] / 1000, MOST_SECONDS))


class CpuCreep(ActiveFault):
    """Each request takes a little more CPU time than the one before."""

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            burn(creep(elapsed, self.spec["delay"], self.spec["ms_per_minute"] / 1000, MOST_SECONDS))


class SlowDashboard(ActiveFault):
    """One endpoint waits for something else, as for another service. The others are as ever."""

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed) and request.path == "/dashboard":
            time.sleep(self.spec["ms"] / 1000)


class CpuWork(ActiveFault):
    """Each request takes the same CPU time more: a build that computes more."""

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            burn(self.spec["ms"] / 1000)


class RareWait(ActiveFault):
    """Every so many requests one waits long: too few to move a percentile, enough to cost throughput."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._count = 0
        self._lock = threading.Lock()

    def before_request(self, elapsed: float) -> None:
        if not self.on(elapsed):
            return
        with self._lock:
            self._count += 1
            waits = self._count % int(self.spec["requests"]) == 0
        if waits:
            time.sleep(self.spec["ms"] / 1000)


class Stall(ActiveFault):
    """Now and then nothing is answered for a while: a stop-the-world pause, a checkpoint, a frozen disk."""

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            time.sleep(stall_left(elapsed, self.spec["delay"], self.spec["every"], self.spec["pause"]))


def burn(seconds: float) -> None:
    """Uses so much CPU time of this thread."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        hashlib.sha256(_BLOCK)
