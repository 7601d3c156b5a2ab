"""Ends a Locust worker before it takes the last of the machine's memory. Runs in Locust children only.

Each body that is read is bounded (``answer_limits``), all of them together are not: five hundred users with 60 MB each
are 30 GB. Where memory runs out the kernel ends what it likes, the target or its database among it, and the run blames
them. A worker that ends itself is a finding with its reason, and is started again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

import psutil

from harness.free_memory import AT_MOST, GROUPS, memory_bounds
from harness.units import format_bytes

LEAST_LEFT = 256 * 2**20  # bytes that may still be taken here
LEAST_SHARE = 1 / 16  # of a small container, where the above would be much of all that it has
LEAST_OWN = 512 * 2**20  # bytes; a smaller worker is not what takes the memory
EVERY = 8 * 2**20  # bytes of bodies between two looks, which take 0.1 ms
Bound = tuple[float, float]
EXIT_CODE = 71  # EX_OSERR of sysexits.h
logger = logging.getLogger(__name__)


class MemoryGuard:
    """Of one process.

    Args:
        bounds: bytes that may still be taken and bytes in all, of the machine and of each limit here.
        own: bytes that this process has.
    """

    def __init__(
        self, bounds: Callable[[], Sequence[Bound]], own: Callable[[], float], end: Callable[[int], None]
    ) -> None:
        self._bounds = bounds
        self._own = own
        self._end = end
        self._unseen = 0

    def read(self, count: int) -> None:
        """So many bytes of a body were read or unpacked."""
        self._unseen += count
        if self._unseen >= EVERY:
            self._unseen = 0
            self.look()

    def look(self) -> None:
        """Ends the process where little is left and much of it is its own."""
        scarce = [free for free, of in self._bounds() if free < min(LEAST_LEFT, of * LEAST_SHARE)]
        if not scarce:
            return
        own = self._own()
        if own >= LEAST_OWN:
            logger.error("%s are left here and this worker has %s", format_bytes(min(scarce)), format_bytes(own))
            # The run's notes have this line: without figures, so that one that ends again and again is told once.
            logger.critical(
                "out of memory, so it ended itself: give it fewer users or more memory, or read large answers with "
                "stream=True"
            )
            self._end(EXIT_CODE)


def guard_of_this_process() -> MemoryGuard:
    process = psutil.Process()
    # At once: what is in the way of an orderly end (users with their greenlets) holds the memory.
    return MemoryGuard(lambda: memory_bounds(GROUPS, AT_MOST), lambda: float(process.memory_info().rss), os._exit)
