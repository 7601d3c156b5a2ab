"""Hands due arrivals to idle users: one Locust worker's part of the open model's schedule.

An arrival that finds every user busy waits for one for a tenth of a second, and is dropped and counted after that. What
it waited is latency, which counts from the intended start (``harness.load.open_model``). Locust workers only.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence

import gevent
from gevent.hub import Waiter, get_hub

from harness.plan.arrivals import BLOCK, Schedule

EDGES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds
LATEST = 0.1  # seconds after its time in which an arrival may still find a user
_NAP = 0.05  # seconds between looks at an empty schedule


class Arrivals:
    """One worker's arrivals.

    Attributes:
        started, dropped: arrivals that a user took, and those that found none.
        lag_counts, lag_total: by ``EDGES`` and +Inf, how late users took them, and the sum in seconds.

    Not thread-safe; greenlets of one thread share it.
    """

    def __init__(self, schedule: Schedule, clock: Callable[[], float] = time.perf_counter) -> None:
        self._schedule = schedule
        self._clock = clock
        self._origin: float | None = None  # by our clock
        self._sharing: list[tuple[int, int, int]] = []  # (from block on, members, this member or -1), increasing
        self._made = 0  # blocks up to here are in ``_due``
        self._due: deque[float] = deque()
        self._waiting: deque[float] = deque()
        self._idle: deque[Waiter] = deque()
        self.started = 0
        self.dropped = 0
        self.lag_counts = [0] * (len(EDGES) + 1)
        self.lag_total = 0.0

    def share_out(self, elapsed: float, block: int, members: Sequence[str], own: str) -> None:
        """The master's word: who shares the blocks from ``block`` on.

        Args:
            elapsed: seconds since the load began.
            own: this worker's id; not among the members: it has no arrivals.
        """
        first = self._origin is None
        if first:
            self._origin = self._clock() - elapsed
        block = max(block, self._made)
        self._sharing = [one for one in self._sharing if one[0] < block]
        self._sharing.append((block, len(members), members.index(own) if own in members else -1))
        if first:
            self._made = block

    def run(self) -> None:
        """Never returns; a greenlet of its own."""
        while True:
            gevent.sleep(self.turn())

    def turn(self) -> float:
        """Hands out what is due; returns the seconds until something is due again."""
        if self._origin is None:
            return _NAP
        now = self._clock() - self._origin
        self._make(now)
        while self._due and self._due[0] <= now:
            self._waiting.append(self._due.popleft())
        while self._waiting and now - self._waiting[0] > LATEST:
            self._waiting.popleft()
            self.dropped += 1
        while self._waiting and self._idle:
            self._hand_over(self._idle.popleft(), self._waiting.popleft())
        soonest = self._due[0] - now if self._due else _NAP
        if self._waiting:
            soonest = min(soonest, self._waiting[0] + LATEST - now + 1e-3)
        return max(0.0, min(soonest, _NAP))

    def take(self) -> float:
        """Waits until an arrival is due for the calling user; returns its intended time by our clock."""
        waiter = Waiter()
        if self._waiting:
            self._hand_over(waiter, self._waiting.popleft())
        else:
            self._idle.append(waiter)
        try:
            due: float = waiter.get()
        except BaseException:
            # The user was sent away while it waited, or with an arrival in its hands.
            if waiter in self._idle:
                self._idle.remove(waiter)
            else:
                self.dropped += 1
            raise
        lag = max(0.0, self._clock() - due)
        self.started += 1
        self.lag_counts[bisect_left(EDGES, lag)] += 1
        self.lag_total += lag
        return due

    def _hand_over(self, waiter: Waiter, due: float) -> None:
        assert self._origin is not None
        # A waiter may be woken by the hub only.
        get_hub().loop.run_callback(waiter.switch, due + self._origin)

    def _make(self, now: float) -> None:
        """Blocks up to the one after the present."""
        last = min(int(now // BLOCK) + 1, self._schedule.blocks - 1)
        while self._made <= last:
            members, member = self._of(self._made)
            if member >= 0:
                self._due.extend(self._schedule.share(self._made, members, member))
            self._made += 1

    def _of(self, block: int) -> tuple[int, int]:
        members, member = 0, -1
        for first, count, index in self._sharing:
            if first <= block:
                members, member = count, index
        return members, member
