"""Who takes which of the open model's arrivals: the master shares the blocks out among the workers that have users.

A worker that joins or is lost changes the sharing from the second block after the present one on: all have heard
of it by then, and no arrival is made twice. Locust masters only.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner

from harness.plan.arrivals import BLOCK, SteeredSchedule

MESSAGE = "endurance_arrivals"
INTERVAL = 0.25  # seconds between looks at the workers
_LEAD = 2  # blocks
_GATHERING = 15.0  # seconds in which the first sharing waits for all workers' users


class ArrivalSharing:
    """The master's part.

    Attributes:
        planned: arrivals of the blocks that were shared out and are over.
    """

    def __init__(self, runner: MasterRunner, schedule: SteeredSchedule, workers: int) -> None:
        self._runner = runner
        self._schedule = schedule
        self._workers = workers
        self._members: tuple[str, ...] = ()
        self._counted: int | None = None  # blocks up to here are in ``planned``
        self.planned = 0
        self._rates: list[tuple[int, float]] = []  # (from block on, arrivals per second) of whoever steers
        self._steered: float | None = None  # not told yet

    def steer(self, rate: float) -> None:
        """So many arrivals per second from now on, in place of the plan's."""
        self._steered = rate

    def run(self, shape: Any) -> None:
        """Never returns; a greenlet of its own. ``shape.start_time``: when the load began, by this process' clock."""
        while True:
            gevent.sleep(INTERVAL)
            if shape.started_at is not None and not shape.held:
                self.look(time.perf_counter() - shape.start_time)

    def look(self, elapsed: float) -> None:
        """Tells the workers when the sharing changes, and counts what was due up to ``elapsed`` seconds."""
        present = int(elapsed // BLOCK)
        # A worker whose first users are still being made could take nothing.
        members = tuple(
            sorted(
                c.id
                for c in self._runner.clients.all
                if c.state == STATE_RUNNING or (c.state == STATE_SPAWNING and c.id in self._members)
            )
        )
        if not self._members and len(members) < self._workers and elapsed < _GATHERING:
            return
        if members and (members != self._members or self._steered is not None):
            self._members = members
            first = present + _LEAD
            if self._steered is not None:
                self._rates = [one for one in self._rates if one[0] < first] + [(first, self._steered)]
                self._steered = None
                self._schedule.steer(self._rates)
            # Not a time of day: clocks of machines differ, and may be set while the load runs.
            data = {"elapsed": elapsed, "block": first, "members": list(members), "rates": self._rates}
            self._runner.send_message(MESSAGE, data)
            if self._counted is None:
                self._counted = first
        while self._counted is not None and self._counted < min(present, self._schedule.blocks):
            self.planned += len(self._schedule.block(self._counted))
            self._counted += 1
