"""Faults of the worker process: descriptors, threads, workers that exit; and the healthy recycling of workers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from target.fault_effects.base import ActiveFault, Leak, World
from target.faults import FaultSpec

RECYCLING_SPREAD = 0.5  # of the requests: as gunicorn's jitter, so that workers do not all go at once


class DescriptorLeak(Leak):
    """Opens files and forgets them."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._open: list[int] = []

    def take(self) -> bool:
        try:
            self._open.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return False  # the limit is reached: from here on the requests suffer
        return True

    def stop(self) -> None:
        while self._open:
            os.close(self._open.pop())


class ThreadLeak(Leak):
    """Starts threads that wait for something that never comes."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._never = threading.Event()

    def take(self) -> bool:
        try:
            threading.Thread(target=self._never.wait, name="leaked", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def stop(self) -> None:
        self._never.set()


class CrashLoop(Leak):
    """A worker exits every so often, one after the other, in the middle of its requests."""

    die: Callable[[int], object] = staticmethod(os._exit)

    @property
    def per_second(self) -> float:
        return 1 / self.spec["every"]

    def take(self) -> bool:
        self.die(1)
        return True


class WorkerRecycling(ActiveFault):
    """Healthy: a worker ends in order after so many requests, and gunicorn starts another (its max_requests)."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._lock = threading.Lock()
        self._left = int(spec["requests"] * (1 + RECYCLING_SPREAD * world.slot / world.slots))

    def before_request(self, elapsed: float) -> None:
        if not self.on(elapsed):
            return
        with self._lock:
            self._left -= 1
            ends = self._left == 0
        if ends:
            # What gunicorn does itself at max_requests: stop accepting, finish what is under way, exit.
            os.kill(os.getpid(), signal.SIGTERM)
