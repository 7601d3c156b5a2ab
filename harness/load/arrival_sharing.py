"""Who takes which of the open model's arrivals: the master shares the blocks out among the workers that have users.

A worker that joins or is lost changes the sharing from the second block after the present one on: all have heard
of it by then, and no arrival is made twice. Locust masters only.
"""

from __future__ import annotations

import time
from typing import Any

import gevent
from locust.runners import STATE_RUNNING, MasterRunner

from harness.plan.arrivals import BLOCK, Schedule

MESSAGE = "endurance_arrivals"
INTERVAL = 0.25  # seconds between looks at the workers
_LEAD = 2  # blocks
_GATHERING = 15.0  # seconds in which the first sharing waits for all workers' users


class ArrivalSharing:
    """The master's part.

    Attributes:
        planned: arrivals of the blocks that were shared out and are over.
    """

    def __init__(self, runner: MasterRunner, schedule: Schedule, workers: int) -> None:
        self._runner = runner
        self._schedule = schedule
        self._workers = workers
        self._members: tuple[str, ...] = ()
        self._counted: int | None = None  # blocks up to here are in ``planned``
        self.planned = 0

    def run(self, shape: Any) -> None:
        """Never returns; a greenlet of its own. ``shape.start_time``: when the load began, by this process' clock."""
        while True:
            gevent.sleep(INTERVAL)
            if shape.started_at is not None and not shape.held:
                self.look(time.perf_counter() - shape.start_time)

    def look(self, elapsed: float) -> None:
        """Tells the workers when the sharing changes, and counts what was due up to ``elapsed`` seconds."""
        present = int(elapsed // BLOCK)
        # A worker whose users are still being made could take nothing.
        members = tuple(sorted(c.id for c in self._runner.clients.all if c.state == STATE_RUNNING))
        if not self._members and len(members) < self._workers and elapsed < _GATHERING:
            return
        if members and members != self._members:
            self._members = members
            first = present + _LEAD
            # Not a time of day: clocks of machines differ, and may be set while the load runs.
            data = {"elapsed": elapsed, "block": first, "members": list(members)}
            self._runner.send_message(MESSAGE, data)
            if self._counted is None:
                self._counted = first
        while self._counted is not None and self._counted < min(present, self._schedule.blocks):
            self.planned += len(self._schedule.block(self._counted))
            self._counted += 1
