"""The loop that runs while the load runs: looks at every part, shows it, and says when and why the load ends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.errors import QueryError
from harness.judge.coverage import allowed_gap
from harness.judge.windows import Window
from harness.plan.holds import planned_holds
from harness.plan.model import Plan
from harness.run.abort import GENERATOR, TELEMETRY, FiringAlert, abort_reason, deciding_alert
from harness.run.capacity_run import Conductor
from harness.run.clock_watch import ClockWatch
from harness.run.disk_watch import DiskWatch, Room
from harness.run.display import Progressed, Ui
from harness.run.interrupts import StopRequest
from harness.run.journal import Journal
from harness.run.live_view import Figures, LiveView
from harness.run.phases import Schedule
from harness.run.protocols import Bystander, Load, SupervisedPart, Telemetry
from harness.run.record import EndedBy
from harness.run.run_metrics import RunMetrics
from harness.run.stress_abort import DEAD, evidence_is_in, stressing_alerts
from harness.units import format_duration

_LOOK_EVERY = 0.5
_LONGEST_REFRESH = 5.0
_LOAD_START_SECONDS = 60.0
_HOUSEKEEPING_SECONDS = 60.0
_LEAST_STEP = 2.0  # seconds by which a clock must go back to be told
_AT_ONCE = 0.5  # seconds between two clocks that are read together
_MOST_SAID = 1000  # kinds of problems that are remembered as said; a text with an id in it is always a new one
_COUNT = re.compile(r"\d+ exceptions")


@dataclass(frozen=True)
class Ending:
    """How the load ended. ``reason`` is empty when it completed."""

    by: EndedBy
    reason: str
    at: float


@dataclass
class Watcher:
    """Watches one run until its load ends.

    Attributes:
        conductor: sets the load of a capacity plan; None where the plan's stages do.
        bystanders: children whose death is noted while the run goes on: the sidecar, the local stack.
        schedule: when the load began and ends; None until the load master says so.
        on_load: called once with it.
        supervised: parts that are started again when they die.
        keep_house: called once a minute.
        room: what is free where the run is kept; None: nobody looks.
        resumed: the load goes on after the harness had died.
        monotonic: seconds of a clock that nobody sets.
        set_aside: windows in which no alert ends the run, and those set aside by hand meanwhile among them.
    """

    plan: Plan
    launcher: Load
    telemetry: Telemetry
    view: LiveView
    metrics: RunMetrics
    bystanders: Sequence[Bystander]
    stop: StopRequest
    journal: Journal
    ui: Ui
    clock: Callable[[], float]
    schedule: Schedule | None = None
    on_load: Callable[[Schedule], None] = lambda _: None
    set_aside: Callable[[Schedule], Sequence[Window]] = lambda _: ()
    supervised: Sequence[SupervisedPart] = ()
    conductor: Conductor | None = None
    resumed: bool = False
    keep_house: Callable[[], None] = lambda: None
    room: Callable[[], Room | None] = lambda: None
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._figures = Figures()
        self._alerts: tuple[FiringAlert, ...] = ()
        self._next_refresh = 0.0
        self._next_housekeeping = 0.0
        self._silent_since: float | None = None
        self._dead_since: float | None = None
        self._targets: list[tuple[str, str]] = self.launcher.scrape_targets()
        self._gone: set[int] = set()
        self._said: set[str] = set()
        self._disk_watch = DiskWatch()
        self._clock_watch = ClockWatch(max(_LEAST_STEP, self.plan.scrape_interval))

    def until_the_end(self) -> Ending:
        """Blocks until the load ends by itself, by an alert, a death or a signal."""
        began = self.clock()
        looked = time.monotonic()
        while True:
            ending = self._look(began)
            if ending is not None:
                return ending
            now = time.monotonic()
            # What a look takes longer than it should, and how late it came: alerts act so much later.
            self.metrics.looked(now, now - looked)
            looked = now
            if now >= self._next_housekeeping:
                self._next_housekeeping = now + _HOUSEKEEPING_SECONDS
                self.keep_house()
            time.sleep(_LOOK_EVERY)

    def _look(self, began: float) -> Ending | None:
        now = self.clock()
        if self.stop.requested:
            return Ending("interrupted", f"ended by {self.stop.signal_name}", now)
        status = self.launcher.poll()
        self._note_problems((*status.problems, *status.notes))
        self._keep_alive()
        if status.state in ("dead", "stopped"):
            return Ending(
                "aborted", f"{GENERATOR}: the Locust master ended before the load did{_last(status.problems)}", now
            )
        if status.started_at is not None and self.schedule is None:
            load = self.plan.load
            self.schedule = Schedule(
                status.started_at, load.warmup, load.duration, resumed_at=now if self.resumed else None
            )
            self.metrics.load_began(self.schedule)
            self.on_load(self.schedule)
        if self.schedule is None:
            if now - began > _LOAD_START_SECONDS:
                return Ending("aborted", f"{GENERATOR}: the load did not start within {_LOAD_START_SECONDS:.0f} s", now)
            return None
        self._follow_targets()
        phase = self.schedule.phase(now)
        parts = {one.part: one.restarts for one in self.supervised}
        self.metrics.set(phase=phase, restarts=status.restarts, parts=parts)
        if phase == "cooldown" or status.state == "holding":
            return Ending("completed", "", min(now, self.schedule.load_to))
        self._note_deaths()
        back = self._set_back(now)
        if back is not None:
            return back
        gone = self.telemetry.ended()
        if gone is not None:
            why = f"Prometheus {gone}, and what happens from here on would not be seen"
            return Ending("aborted", f"{TELEMETRY}: {why}", now)
        ending = self._refresh(now)
        if ending is None and self.conductor is not None and self.conductor.look(now, status.users):
            ending = Ending("completed", "", now)
        self.ui.progress(
            Progressed(
                phase, self.schedule.elapsed(now), self.schedule.duration, status.users, status.users_target,
                self._figures.rps, self._figures.p95, self._figures.error_ratio, self._figures.memory,
                tuple(a.name for a in self._alerts),
            )
        )  # fmt: skip
        return ending

    def _set_back(self, now: float) -> Ending | None:
        """A clock that went back by more than a gap may be hides so much of the load: no later sample shows it."""
        before = self.monotonic()
        wall = self.clock()
        if self.monotonic() - before > _AT_ONCE:  # this process was held up between the two: the next look tells
            return None
        step = self._clock_watch.look(wall, before)
        if not step:
            return None
        said = f"the clock was set back by {format_duration(round(step))}; what was scraped until it caught up is lost"
        self.journal.note(said)
        whole = Window(0.0, self.plan.load.duration - self.plan.load.warmup)
        if self._clock_watch.lost <= allowed_gap(whole, self.plan.scrape_interval):
            return None
        return Ending("aborted", f"{TELEMETRY}: {said}", now)

    def _refresh(self, now: float) -> Ending | None:
        """Figures and alerts, every scrape interval; decides whether an alert ends the run."""
        # Farther off than ever set: the clock was set back, and until it catches up nothing would end the run.
        if now < self._next_refresh <= now + _LONGEST_REFRESH:
            return None
        self._next_refresh = now + min(_LONGEST_REFRESH, self.plan.scrape_interval)
        full = self._disk_watch.look(self.room(), self.monotonic())
        if self._disk_watch.said:
            self.journal.note(self._disk_watch.said)
        if full is not None:
            return Ending("aborted", f"{TELEMETRY}: {full}", now)
        try:
            alerts = self.view.firing()
            self._figures = self.view.figures(now)
        except QueryError as error:
            self._figures = Figures()
            self._silent_since = min(self._silent_since or now, now)
            silent = now - self._silent_since
            self.journal.note(f"Prometheus did not answer: {error.message}")
            if silent > self.telemetry.patience:
                why = f"Prometheus has not answered for {format_duration(silent)}"
                return Ending("aborted", f"{TELEMETRY}: {why}", now)
            return None
        self._silent_since = None
        for alert in alerts:
            if alert not in self._alerts:
                self.journal.event(f"alert: {alert.describe()}")
        self._alerts = alerts
        decided = self._deciding(alerts, now)
        if decided is None:
            return None
        if self.schedule is not None and any(w.start <= now <= w.end for w in self.set_aside(self.schedule)):
            self.journal.note(f"alert {decided.describe()} did not end the run: this time was set aside")
            return None
        return Ending("aborted", abort_reason(decided), now)

    def _deciding(self, alerts: tuple[FiringAlert, ...], now: float) -> FiringAlert | None:
        """The alert that ends the run; of a stress run only a target's death, when all has been learned of it."""
        if self.plan.kind != "stress":
            return deciding_alert(alerts, self.plan.abort_on, self.plan.stack)
        decided = deciding_alert(stressing_alerts(alerts, self.plan.abort_on), self.plan.abort_on, self.plan.stack)
        dead = decided is not None and decided.name == DEAD and DEAD not in self.plan.abort_on
        self._dead_since = (self._dead_since or now) if dead else None
        if self._dead_since is None or self.schedule is None:
            return decided
        asked = self.plan.objective("recovery")
        holds = planned_holds(self.plan, self.schedule.load_from)
        recovery, interval = asked.limit if asked is not None else None, self.plan.scrape_interval
        return decided if evidence_is_in(holds, self._dead_since, now, recovery, interval) else None

    def _follow_targets(self) -> None:
        """A worker that was started again listens on another port."""
        targets = self.launcher.scrape_targets()
        if targets != self._targets:
            self._targets = targets
            self.telemetry.set_load_targets(targets)

    def _note_problems(self, problems: Sequence[str]) -> None:
        """A problem whose count grows is said when it first shows, not at each look."""
        for problem in problems:
            kind = _COUNT.sub("exceptions", problem)
            if kind not in self._said and len(self._said) < _MOST_SAID:
                self._said.add(kind)
                self.journal.note(problem)

    def _keep_alive(self) -> None:
        for one in self.supervised:
            said = one.look()
            if said is not None:
                self.journal.note(said)

    def _note_deaths(self) -> None:
        for child in self.bystanders:
            if child.pid not in self._gone and not child.alive():
                self._gone.add(child.pid)
                self.journal.note(f"{child.name} {child.ending()} while the load ran; the run goes on without it")


def _last(problems: Sequence[str]) -> str:
    return f": {problems[-1]}" if problems else ""
