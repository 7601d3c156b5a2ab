"""A group's counters, which must not fall when a member is recycled or dies. Pure.

As process-exporter counts: what each member adds since it was last seen is added up, so a dead member keeps its last
contribution. A member born after the first look counts from its birth; one that was there before counts from the first
look, so that a restarted sidecar begins at 0, which Prometheus takes for the counter reset it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from exporters.procfs import Stat


class Account:
    """Counters of one group.

    Attributes:
        user, system: CPU seconds.
        starts: members that began after the first look.
        seen: any member was ever found.
    """

    def __init__(self, first_look: float) -> None:
        """``first_look``: in clock ticks since boot, like ``Stat.start``."""
        self.user = 0.0
        self.system = 0.0
        self.starts = 0
        self.seen = False
        # Starts are known to the tick only. One in the tick of the first look, not found by it, began after it.
        self._first_look = math.floor(first_look)
        self._first = True
        self._last: dict[tuple[int, int], tuple[float, float]] = {}

    def update(self, members: Iterable[Stat]) -> None:
        last: dict[tuple[int, int], tuple[float, float]] = {}
        for member in members:
            self.seen = True
            before = self._last.get(member.identity)
            if before is None:
                born_later = not self._first and member.start >= self._first_look
                self.starts += born_later
                before = (0.0, 0.0) if born_later else (member.user, member.system)
            # The kernel's own figures can step back by a tick; a counter may not.
            user, system = max(member.user, before[0]), max(member.system, before[1])
            self.user += user - before[0]
            self.system += system - before[1]
            last[member.identity] = (user, system)
        self._last, self._first = last, False
