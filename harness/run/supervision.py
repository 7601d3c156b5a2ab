"""Keeps the parts of a run alive that may be started again in the middle of it: the sidecar, its own Prometheus.

As Locust's workers (``harness.load.supervisor``): a dead or hung part is replaced, at once the first time, then with a
growing pause. Nothing here waits: a part that takes its time to come up does not hold up the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from harness.errors import HarnessError
from harness.load.restart import back_off, failures_in_a_row

ASK_EVERY = 5.0  # seconds between two questions whether a part that exists still answers
ASK_AGAIN = 2.0  # while it does not: each question may hold up the run's loop for a second


class Restartable(Protocol):
    """A part that can be started again where it was: same address, same data."""

    part: str  # value of the label ``part``

    @property
    def title(self) -> str:
        """As a person calls it."""

    def alive(self) -> bool: ...

    def answers(self) -> bool:
        """Whether it does its work; takes a second at most."""

    def ending(self) -> str:
        """How it ended, in words."""

    def begin(self) -> None:
        """Starts it without waiting for it. Raises HarnessError."""

    def kill(self) -> None: ...


class Supervised:
    """One part under supervision.

    Args:
        hung_after: seconds without an answer after which one that exists is taken for hung.
        start_seconds: after which one that was started again must answer.
        now: monotonic seconds.

    Attributes:
        restarts: how often it was started again.
    """

    def __init__(
        self, part: Restartable, *, hung_after: float, start_seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._part = part
        self._hung_after = hung_after
        self._start_seconds = start_seconds
        self._now = now
        self._began = now()
        self._silent_since: float | None = None
        self._ask_at = 0.0
        self._restart_at: float | None = None  # while it is down
        self._coming_up = False
        self._failures = 0
        self.restarts = 0

    @property
    def part(self) -> str:
        return self._part.part

    def look(self) -> str | None:
        """Replaces it when it is dead or hung; returns what happened, in words for a person."""
        now = self._now()
        if self._restart_at is not None:
            return self._begin(now) if now >= self._restart_at else None
        why = self._lost(now)
        if why is None:
            return None
        self._part.kill()
        self._failures = failures_in_a_row(self._failures, now - self._began)
        self._restart_at = now + back_off(self._failures)
        said = f"{self._part.title} was lost ({why}) and is started again"
        return self._begin(now) or said if now >= self._restart_at else said

    def _lost(self, now: float) -> str | None:
        if not self._part.alive():
            return self._part.ending()
        if now < self._ask_at:
            return None
        if self._part.answers():
            self._silent_since, self._coming_up = None, False
            self._ask_at = now + ASK_EVERY
            return None
        self._ask_at = now + ASK_AGAIN
        # From the first question without an answer: when it fell silent before that nobody knows.
        self._silent_since = now if self._silent_since is None else self._silent_since
        silent = now - self._silent_since
        if self._coming_up:
            return "it did not come up in time" if silent > self._start_seconds else None
        return f"it did not answer for {silent:.0f} s" if silent > self._hung_after else None

    def _begin(self, now: float) -> str | None:
        """Starts it; what went wrong, in words."""
        self.restarts += 1
        self._began = self._silent_since = now
        self._ask_at = now + ASK_AGAIN
        self._coming_up = True
        try:
            self._part.begin()
        except HarnessError as error:
            self._failures += 1
            self._restart_at = now + back_off(self._failures)
            return f"{self._part.title} could not be started again: {error.message}"
        self._restart_at = None
        return None
