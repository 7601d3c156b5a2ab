"""The run itself, once its directory stands: the parts, the load, the archive, the judge.

Whatever happens, the parts are ended, the series are kept, what there is gets judged, and the directory tells the
truth: ``run.json`` says "crashed" until something better is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from exporters.load_histogram import edges
from harness.errors import HarnessError, blaming_the_machine
from harness.judge.probe_reading import ProbeReader
from harness.judge.windows import Window
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.model import Plan
from harness.run.aftermath import Aftermath, Reporter
from harness.run.capacity_run import Conductor
from harness.run.disk_watch import room_for
from harness.run.interrupts import Interrupted, StopRequest
from harness.run.journal import Journal
from harness.run.json_files import write_text
from harness.run.keeper import RecordKeeper
from harness.run.last_scrapes import await_last_scrapes
from harness.run.live_state import StateUi
from harness.run.live_view import LiveView
from harness.run.log_bounds import LOG_LIMIT, bound_logs
from harness.run.made_here import seal_prometheus
from harness.run.marks import quiet_windows
from harness.run.options import RunOptions, RunResult
from harness.run.own_parts import OwnParts
from harness.run.phases import Schedule
from harness.run.protocols import Load, Parts, Run, Sources, Telemetry
from harness.run.record import PLAN, LoadStep, RunDirectory, RunRecord
from harness.run.resume import load_goes_on, unsealed_words, write_order
from harness.run.run_metrics import RunMetrics, public_url, serve_run_metrics
from harness.run.standing_parts import StandingParts
from harness.run.telemetry import prometheus_version
from harness.run.watch import Ending, Watcher
from harness.units import format_bytes, format_duration

_KILLED = "it was killed, or its machine went down"


class LiveSession:
    """One run, begun or taken up; ``run`` is called once."""

    def __init__(
        self, plan: Plan, options: RunOptions, files: list[Path], directory: RunDirectory, record: RunRecord,
        stop: StopRequest, journal: Journal, ui: StateUi, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.plan = plan
        self.options = options
        self.files = files
        self.directory = directory
        self.stop = stop
        self.journal = journal
        self.ui = ui
        self.clock = clock
        self.parts: Parts | None = None
        self.loaded = self.archived = False
        self.begun_at: float | None = None
        self.keeper = RecordKeeper(directory, replace(record, reason=_KILLED), journal)
        if record.gaps and record.steady_from is not None:
            self.begun_at = record.steady_from - plan.load.warmup
        else:
            self._write_plan()
            seal_prometheus(directory, plan.prometheus, options.environ)
        write_order(directory, plan, options)
        if unsealed := unsealed_words(plan, options):
            journal.remark(unsealed)  # of what may come, nothing of the verdict

    @property
    def record(self) -> RunRecord:
        return self.keeper.record

    def run(self, report: Reporter, warnings: Sequence[str]) -> RunResult:
        self.journal.event(f"run {self.record.run_id}: {self.directory.path}")
        for warning in warnings:
            self.journal.note(warning)
        for problem in unjudgeable(self.plan):
            self.journal.remark(f"{problem.words}: {problem.reason}")  # reports tell it from the plan
        failure: HarnessError | None = None
        try:
            with blaming_the_machine():  # a full disk, wherever it shows: what there is gets judged
                self._live()
        except Interrupted:
            self._end(Ending("interrupted", f"{self.stop.signal_name} while it started", self.clock()))
        except HarnessError as error:
            failure = error
            self._end(Ending("crashed", error.message, self.clock()))
            self._note_remedy(error)
        except KeyboardInterrupt:
            self._end(Ending("interrupted", f"ended at once by a second {self.stop.signal_name}", self.clock()))
            raise
        finally:
            self.ui.close()
            self.keeper.clear_work(keep_prometheus=self.loaded and not self.archived)
        after = Aftermath(self.plan, self.options, self.directory, self.keeper, self.journal)
        verdict = after.judge(failure, report)
        after.write(verdict, report)
        after.notify(verdict)
        return RunResult(self.directory, self.record, verdict)

    # --- live

    def _live(self) -> None:
        """Starts the parts, drives the load, keeps the series, ends the parts."""
        try:
            with ExitStack() as stack:
                try:
                    self._drive(stack)
                except KeyboardInterrupt:
                    self._kill_all()  # before the parts are ended one by one, each in its time
                    raise
        except KeyboardInterrupt:
            self._kill_all()  # it may have come while they were ended
            raise

    def _kill_all(self) -> None:
        if self.parts is not None:
            self.parts.kill()

    def _make_parts(self, stack: ExitStack) -> Parts:
        run = Run(self.record.run_id, self.directory, self.stop, self.journal, self.clock, self.begun_at)
        options = self.options
        if options.services is not None:
            return StandingParts(run, stack, options.services)
        return OwnParts(run, stack, faults=options.faults, rule_files=self.files, environ=options.environ)

    def _drive(self, stack: ExitStack) -> None:
        parts = self.parts = self._make_parts(stack)
        plan = parts.find_target(self.plan)
        if plan != self.plan:
            self.plan = plan
            self._write_plan()
            self.keeper.change(target=public_url(plan.target.url))
        limits = edges(plan.latency_limits)
        metrics = RunMetrics(plan, self.record.run_id, limits)
        run_address = stack.enter_context(serve_run_metrics(metrics, *parts.run_metrics_address()))
        sources = Sources(run_address, parts.watch_target(plan))
        telemetry = parts.start_telemetry(plan, sources)
        self.keeper.change(versions={**self.record.versions, "prometheus": prometheus_version(telemetry.api)})
        self.journal.event(f"Prometheus: {telemetry.url}")
        self.ui.tell(prometheus=telemetry.url)
        load = parts.make_load(plan, limits)
        self.stop.check()
        load.start()
        self.loaded = True
        telemetry.set_load_targets(load.scrape_targets())
        warm = f", the first {format_duration(plan.load.warmup)} of it warm-up" if plan.load.warmup > 0 else ""
        self.journal.event(f"load on {self.record.target} for {format_duration(plan.load.duration)}{warm}")
        view = LiveView(telemetry.api, plan.stack, plan.scrape_interval)
        watcher = Watcher(
            plan, load, telemetry, view, metrics, parts.bystanders, self.stop, self.journal, self.ui, self.clock,
            on_load=self._load_began, set_aside=self._set_aside, supervised=parts.supervised,
            conductor=self._conductor(load, telemetry),
            resumed=self.begun_at is not None, keep_house=self._keep_house,
            room=lambda: room_for(self.directory.path, self.directory.work / "prometheus" / "data"),
        )  # fmt: skip
        try:
            ending = watcher.until_the_end()
        except HarnessError as error:
            ending = Ending("aborted", error.message, self.clock())
            self._note_remedy(error)
        except Exception as error:  # a bug of ours: its traceback must not cost the run its series
            self._end(Ending("crashed", f"{type(error).__name__}: {error}", self.clock()), watcher)
            self._wind_down(load, telemetry, view)
            raise
        self._end(ending, watcher)
        metrics.set(phase="cooldown", restarts=0)  # counters never go back
        self._wind_down(load, telemetry, view)

    def _wind_down(self, load: Load, telemetry: Telemetry, view: LiveView) -> None:
        """Ends the load with its last numbers seen, and keeps the series. No step depends on the one before."""
        try:
            load.hold()
        except HarnessError as error:
            self.journal.note(f"the load did not come to rest: {error.message}")
        if telemetry.ended() is None:
            missing = await_last_scrapes(view, telemetry, load.scrape_targets(), self.plan.scrape_interval, self.clock)
            if missing:
                self.journal.note(f"the last numbers of {', '.join(missing)} were not scraped")
        load.stop()
        self.journal.event("keeping the series")
        telemetry.archive(self.record.started_at, self.clock())
        self.archived = True

    def _conductor(self, load: Load, telemetry: Telemetry) -> Conductor | None:
        plan = self.plan
        if plan.capacity is None:
            return None
        reader = ProbeReader(telemetry.api, plan, plan.stack, plan.scrape_interval)
        return Conductor(plan, load, reader, self.journal, self._stepped)

    def _stepped(self, step: LoadStep) -> None:
        """Written at once: what a killed harness leaves must say which loads it held."""
        self.keeper.change(steps=(*self.record.steps, step))

    def _keep_house(self) -> None:
        for file in bound_logs((self.directory.logs, self.directory.work / "prometheus")):
            self.journal.note(f"{file.name} outgrew {format_bytes(LOG_LIMIT)}: its middle was cut out")

    def _load_began(self, schedule: Schedule) -> None:
        """Written at once: what a killed harness leaves must say from when on it is judged."""
        if self.begun_at is None:
            self.keeper.change(steady_from=schedule.steady_from)
        else:
            self.keeper.change(gaps=load_goes_on(self.record.gaps, self.clock(), self.plan.load.warmup))

    def _set_aside(self, schedule: Schedule) -> Sequence[Window]:
        try:
            return quiet_windows(self.directory, self.plan, self.record, schedule.steady_from)
        except HarnessError as error:
            self.journal.note(error.message)
            return ()

    def _end(self, ending: Ending, watcher: Watcher | None = None) -> None:
        schedule = watcher.schedule if watcher else None
        self.keeper.end(ending, schedule.steady_window(ending.at) if schedule else None)

    def _note_remedy(self, error: HarnessError) -> None:
        if error.remedy:
            self.journal.note(f"what to do: {error.remedy}")

    def _write_plan(self) -> None:
        write_text(self.directory.plan_file, dump_plan(self.plan, mask=True))
        self.keeper.change(versions={**self.record.versions, PLAN: self.directory.plan_digest()})
