"""Drives the load of a capacity plan: sets it, waits, reads Prometheus, asks the search (``harness.judge``) what next.

Each load that was held is told to ``on_step`` at once. The verdict reads the same windows again in the archive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from harness.errors import HarnessError, QueryError
from harness.judge.capacity_search import Found, Tried, search
from harness.judge.capacity_settings import hold_seconds, rest_load, settings_of
from harness.judge.probe_reading import ProbeReader, ProbeReading
from harness.judge.windows import Window
from harness.plan.model import Plan
from harness.run.journal import Journal
from harness.run.protocols import Load
from harness.run.record import LoadStep
from harness.units import format_duration

State = Literal["reaching", "holding", "resting", "ramping"]
REACH_SECONDS = 30.0  # in which the users are there; else the reading says how many were
OPEN_REACH_SECONDS = 3.0  # all workers have heard of a new rate by then
READABLE_INTERVALS = 2.0  # after that a window's last scrape is in Prometheus
LEAST_BREACH_SECONDS = 10.0  # no hold is cut short before: one bad moment is no breach
REST_SECONDS = 5.0  # of good answers at the low load: the target has recovered
REST_INTERVALS = 5.0
IDLE_REQUESTS = 5.0
RAMP_FROM, RAMP_TO = 0.6, 1.4  # of the interval's ends: the resources' order is read from this last ramp
RAMP_EVERY = 1.0
_WORDS = {
    "narrow": "the interval is narrow enough",
    "top": "the highest load of the plan (capacity.max) held",
    "bottom": "even the lowest load broke the objectives",
    "generator": "the load generator reached its own limit first: add load.workers",
    "telemetry": "three loads in a row showed nothing",
    "probes": "as many loads as are allowed were tried",
    "stuck": "the target did not recover at a low load",
}


class Conductor:
    """One search. ``look`` does what is to be done now and never blocks long.

    Args:
        on_step: told of each load that was held, when its hold is over.
    """

    def __init__(
        self, plan: Plan, load: Load, reader: ProbeReader, journal: Journal, on_step: Callable[[LoadStep], None]
    ) -> None:
        assert plan.capacity is not None
        self._plan = plan
        self._section = plan.capacity
        self._settings = settings_of(plan)
        self._load = load
        self._reader = reader
        self._journal = journal
        self._on_step = on_step
        self._tried: list[Tried] = []
        self._found: Found = search(self._settings, ())
        self._state: State | None = None
        self._target = 0.0
        self._since = 0.0  # of the state
        self._settled_from = 0.0
        self._hold = 0.0
        self._next_read = 0.0
        self._next_ramp = 0.0
        self._ended = ""
        self._wanted: float | None = None
        self._set: float | None = None

    def look(self, now: float, users: int) -> bool:
        """True when the search is over.

        Args:
            now: unix seconds.
            users: running now.
        """
        try:
            over = self._set_load(now) and self._look(now, users)
            self._set_load(now)
            return over
        except QueryError as error:
            self._journal.note(f"a load could not be read: {error.message}")  # tried again at the next look
            return False

    def _set_load(self, now: float) -> bool:
        """Whether the load is as wanted. A busy master is asked again at the next look; a dead one ends the run."""
        if self._wanted is None or self._wanted == self._set:
            return True
        try:
            self._load.steer(self._wanted)
        except HarnessError as error:
            self._journal.note(f"the load was not set at once: {error.message}")
            return False
        if self._state != "ramping":
            self._since = now
        self._set = self._wanted
        return True

    def _look(self, now: float, users: int) -> bool:
        if self._state is None:
            self._begin(now)
        elif self._state == "reaching":
            self._reach(now, users)
        elif self._state == "holding":
            return self._look_at_hold(now)
        elif self._state == "resting":
            return self._rest(now)
        elif self._state == "ramping":
            return self._ramp(now)
        return False

    def _begin(self, now: float) -> None:
        assert self._found.following is not None
        self._target = self._found.following
        self._hold = hold_seconds(self._settings, self._section, self._found)
        self._wanted = self._target
        self._become("reaching", now)

    def _reach(self, now: float, users: int) -> None:
        waited = now - self._since
        closed = self._plan.load.model == "closed"
        there = users >= round(self._target) if closed else waited >= OPEN_REACH_SECONDS
        if there or waited > REACH_SECONDS:
            self._settled_from = round(now + self._section.settle, 3)  # run.json has milliseconds
            self._next_read = self._settled_from + LEAST_BREACH_SECONDS
            self._become("holding", now)

    def _look_at_hold(self, now: float) -> bool:
        readable = READABLE_INTERVALS * self._reader.interval
        ended = self._settled_from + self._hold
        if now < ended + readable:
            if now < self._next_read + readable:
                return False
            self._next_read = now
            ended = round(now - readable, 3)
            reading = self._reader.read(self._target, Window(self._settled_from, ended), self._hold)
            return reading.certain and self._tell(reading, ended, now)
        ended = round(ended, 3)
        return self._tell(self._reader.read(self._target, Window(self._settled_from, ended)), ended, now)

    def _tell(self, reading: ProbeReading, ended: float, now: float) -> bool:
        self._tried.append(Tried(self._target, reading.shown))
        self._on_step(LoadStep(self._target, self._settled_from - self._section.settle, ended))
        unit = "users" if self._plan.load.model == "closed" else "arrivals/s"
        why = ", ".join(reading.broken) if reading.shown == "broke" else reading.why
        self._journal.event(
            f"{self._target:,.5g} {unit} {_SHOWN[reading.shown]}{f' ({why})' if why else ''}, {reading.rps:,.1f} rps"
        )
        self._found = search(self._settings, self._tried)
        if self._found.ended is not None:
            self._ended = self._found.ended
            self._journal.event(f"the search is over: {_WORDS[self._ended]}")
        if reading.broken:
            self._wanted = rest_load(self._settings, self._tried)
            self._become("resting", now)
            return False
        return self._go_on(now)

    def _rest(self, now: float) -> bool:
        """Until what the last load left behind is worked off: it must not spoil the next."""
        rested = now - self._since
        length = max(REST_SECONDS, REST_INTERVALS * self._reader.interval)
        if rested < self._section.settle / 2 + length or now < self._next_read:
            return False
        self._next_read = now + self._reader.interval
        end = now - READABLE_INTERVALS * self._reader.interval
        load = rest_load(self._settings, self._tried)
        reading = self._reader.read(load, Window(end - length, end))
        # So little load that no answer is to be expected tells nothing: then the time alone must do.
        idle = self._plan.load.model == "open" and load * length < IDLE_REQUESTS
        if idle or (reading.requests > 0 and not reading.broken):
            return self._go_on(now)
        if rested > self._section.back_off:
            self._ended = "stuck"
            patience = format_duration(self._section.back_off)
            self._journal.note(f"{_WORDS['stuck']} within {patience} after {self._target:,.5g}: the search ends there")
            return True
        return False

    def _go_on(self, now: float) -> bool:
        if not self._ended:
            self._begin(now)
            return False
        if self._ended != "narrow" or self._section.ramp <= 0:
            return True
        self._journal.event("a ramp over the edge: which resource runs out first")
        self._become("ramping", now)
        return self._ramp(now)

    def _ramp(self, now: float) -> bool:
        interval = self._found.interval
        assert interval is not None
        share = (now - self._since) / self._section.ramp
        if share >= 1:
            return True
        if now >= self._next_ramp:
            self._next_ramp = now + RAMP_EVERY
            low, high = RAMP_FROM * interval.low, RAMP_TO * interval.high
            self._wanted = low + (high - low) * share
        return False

    def _become(self, state: State, now: float) -> None:
        self._state, self._since = state, now


_SHOWN = {"held": "held", "broke": "broke", "void": "showed nothing", "generator": "could not be made"}
