"""Faults of memory, and two healthy habits that look like one: a cache that fills, a collector's saw tooth."""

from __future__ import annotations

import gc
import os
from collections import deque

from target.fault_amounts import share_of, tooth_phase, units_due
from target.fault_effects.base import ActiveFault, Leak, World
from target.faults import FaultSpec

MEMORY_UNIT_BYTES = 256 * 1024  # above the allocator's mmap threshold: what is freed goes back to the system at once
ENTRY_TEXTS_PER_KB = 6  # a text of 96 characters takes 145 bytes and its place in a list


class MemoryLeak(Leak):
    """Keeps blocks of random bytes: every page is written, and neither zswap nor KSM can make it small."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._blocks: list[bytes] = []

    @property
    def per_second(self) -> float:
        return self.spec["mb_per_s"] * 1e6 / MEMORY_UNIT_BYTES

    def take(self) -> bool:
        self._blocks.append(os.urandom(MEMORY_UNIT_BYTES))
        return True

    def stop(self) -> None:
        self._blocks.clear()


class MemoryLumps(MemoryLeak):
    """A whole lump now and then, in one worker after the other: a report, an import, a nightly job that leaks."""

    @property
    def per_second(self) -> float:
        return 1 / self.spec["every"]

    def take(self) -> bool:
        self._blocks.append(os.urandom(int(self.spec["mb"] * 1e6)))
        return True


class RequestLeak(ActiveFault):
    """Keeps something of every request: it grows with the load and stands still without."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._blocks: list[bytes] = []

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            self._blocks.append(os.urandom(int(self.spec["kb"] * 1000)))

    def stop(self) -> None:
        self._blocks.clear()


class UnboundedCache(ActiveFault):
    """A dictionary under keys that never come again: small objects, referenced for ever, which no collector finds."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._entries: dict[bytes, list[str]] = {}

    def before_request(self, elapsed: float) -> None:
        if self.on(elapsed):
            texts = max(1, int(self.spec["kb"] * ENTRY_TEXTS_PER_KB))
            self._entries[os.urandom(16)] = [os.urandom(48).hex() for _ in range(texts)]

    def stop(self) -> None:
        self._entries.clear()


class CappedCache(MemoryLeak):
    """Healthy: fills at a rate up to its cap, then every new entry drives the oldest out."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        cap = int(spec["cap_mb"] * 1e6 / MEMORY_UNIT_BYTES)
        self._kept: deque[bytes] = deque(maxlen=share_of(cap, world.slot, world.slots))

    def take(self) -> bool:
        self._kept.append(os.urandom(MEMORY_UNIT_BYTES))
        return True

    def stop(self) -> None:
        self._kept.clear()


class _Cycle:
    """Refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.block = os.urandom(MEMORY_UNIT_BYTES)
        self.itself = self


class SawTooth(ActiveFault):
    """Healthy: garbage in reference cycles builds up until the period ends, then one collection frees it all.

    It is held until then: when Python's collector runs by itself depends on what else the worker allocates.
    """

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._garbage: list[_Cycle] = []
        self._tooth = -1

    def tick(self, elapsed: float) -> None:
        slot, slots = self.world.slot, self.world.slots
        tooth, into = tooth_phase(elapsed, self.spec["delay"], self.spec["period"], slot, slots)
        if tooth != self._tooth:
            self._tooth = tooth
            self.stop()
        due = units_due(into, 0.0, self.spec["mb_per_s"] * 1e6 / MEMORY_UNIT_BYTES)
        while len(self._garbage) < share_of(due, slot, slots):
            self._garbage.append(_Cycle())

    def stop(self) -> None:
        if self._garbage:
            self._garbage.clear()
            gc.collect()
