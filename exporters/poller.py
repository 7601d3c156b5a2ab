"""Reads one source again and again in a thread of its own, and keeps the latest reading for /metrics.

One thread per source: a source that hangs delays nobody, and is never asked a second time while it hangs. What is too
old, or could not be read, is withdrawn: the collector says ``up`` False and hands out no reading.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Readings are handed out for this many intervals: one missed tick is tolerated, the second is seen.
STALE_INTERVALS = 2.5
# At short intervals a busy machine delays a thread by more than a tick: then three, as long as Prometheus looks back.
MAX_STALE_INTERVALS = 3.0
# A latency histogram of one ping per 5 s would see few stalls; one per second costs some 0.2 ms.
PING_SECONDS = 1.0
# On a loaded machine a reading at an interval of 1 s may take longer than that without anything being wrong.
MIN_TIMEOUT_SECONDS = 2.0
MAX_TIMEOUT_SECONDS = 10.0

log = logging.getLogger(__name__)


class Unreadable(Exception):
    """The source could not be read. The text names what and why, and holds no secret."""


class Reading(Protocol):
    """What a source returns. ``problems``: parts that could not be read (absent in the reading), in words."""

    @property
    def problems(self) -> tuple[str, ...]: ...


R = TypeVar("R", bound=Reading)
R_co = TypeVar("R_co", bound=Reading, covariant=True)


class Source(Protocol[R_co]):
    """Where readings come from. All methods are called by the poller's one thread.

    ``read`` and ``ping`` bound their own I/O by a time-out and raise Unreadable.
    """

    def read(self) -> R_co: ...

    def ping(self) -> None:
        """A short probe between two readings; its result is part of the next reading."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Snapshot(Generic[R]):
    """What the poller knows now.

    Attributes:
        up: the last attempt read everything, and not too long ago.
        reading: None when there is none, it is too old, or the last attempt failed.
        duration: seconds of the last attempt, or of the one under way when that takes longer; None before the first.
    """

    up: bool
    reading: R | None
    duration: float | None


def stale_after(interval: float) -> float:
    """Seconds after which a reading is withdrawn."""
    return max(STALE_INTERVALS * interval, min(MAX_STALE_INTERVALS * interval, interval + MIN_TIMEOUT_SECONDS))


def io_timeout(interval: float) -> float:
    """Seconds that one attempt to read may take."""
    return min(max(interval, MIN_TIMEOUT_SECONDS), MAX_TIMEOUT_SECONDS)


class Poller(Generic[R]):
    """Polls ``source`` every ``interval`` seconds, pinging once a second in between when ``ping`` is set."""

    def __init__(
        self,
        name: str,
        source: Source[R],
        *,
        interval: float,
        ping: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._source = source
        self._interval = interval
        self._ping_every = PING_SECONDS if ping and interval > PING_SECONDS else math.inf
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._attempted = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._reading: R | None = None
        self._read_at = -math.inf
        self._duration: float | None = None
        self._began: float | None = None
        self._said: str | None = None

    def start(self) -> None:
        self._thread.start()

    def wait_first(self, timeout: float) -> bool:
        """True once the first attempt has ended, well or not."""
        return self._attempted.wait(timeout)

    def stop(self) -> None:
        """Asks the thread to end; it closes its source. Does not wait: a hung one would hold up the exit."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def snapshot(self) -> Snapshot[R]:
        with self._lock:
            now = self._clock()
            fresh = now - self._read_at <= stale_after(self._interval)
            reading = self._reading if fresh else None
            under_way = now - self._began if self._began is not None else 0.0
            duration = max(self._duration, under_way) if self._duration is not None else under_way or None
            return Snapshot(reading is not None and not reading.problems, reading, duration)

    def _run(self) -> None:
        next_read = next_ping = self._clock()
        try:
            while not self._stop.is_set():
                now = self._clock()
                if now >= next_read:
                    self._attempt(self._read)
                    # Missed ticks are skipped, not made up for; the phase stays.
                    next_read += self._interval * max(1, math.ceil((self._clock() - next_read) / self._interval))
                elif self._reading is not None:
                    self._attempt(self._source.ping)
                next_ping = self._clock() + self._ping_every
                self._stop.wait(max(0.0, min(next_read, next_ping) - self._clock()))
        finally:
            self._source.close()

    def _read(self) -> None:
        began = self._clock()
        reading = self._source.read()
        with self._lock:
            self._reading, self._read_at = reading, self._clock()
            self._duration = self._read_at - began
        self._say("; ".join(reading.problems))

    def _attempt(self, action: Callable[[], None]) -> None:
        with self._lock:
            self._began = self._clock()
        try:
            action()
        except Unreadable as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - the thread's edge: a defect here is said, and costs one reading, not the run
            # The exception's text is left out: it may quote a URL with its password.
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown place"
            self._failed(f"internal error {type(error).__name__} at {place}")
        finally:
            with self._lock:
                self._began = None
            self._attempted.set()

    def _failed(self, reason: str) -> None:
        with self._lock:
            self._reading = None
            if self._began is not None:
                self._duration = self._clock() - self._began
        self._say(reason)

    def _say(self, problem: str) -> None:
        """Logs changes only: a database that is down for a night is one line, not ten thousand."""
        if problem == self._said or (self._said is None and not problem):
            self._said = problem
            return
        self._said = problem
        if problem:
            log.warning("%s: cannot read: %s", self.name, problem)
        else:
            log.warning("%s: reads again", self.name)
