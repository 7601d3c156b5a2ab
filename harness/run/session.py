"""One run from its start to its verdict: preflight, the parts, the load, the archive, the judge.

Whatever happens once the run directory exists, the parts are ended, the series are kept, what there is gets judged, and
the directory tells the truth: ``run.json`` says "crashed" until something better is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Protocol

from exporters.load_histogram import edges
from harness.errors import HarnessError, UsageError
from harness.judge import judge_run
from harness.judge.verdict import Verdict
from harness.load.launcher import LoadLauncher
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.model import Plan
from harness.prom.private import RunData
from harness.run.child import Child
from harness.run.display import Ui
from harness.run.interrupts import Interrupted, StopRequest, stop_on_signals
from harness.run.journal import Journal
from harness.run.keeper import RecordKeeper, nothing_to_judge
from harness.run.live_view import LiveView, last_scrapes_missing
from harness.run.local_stack import on_local_stack, start_local_stack
from harness.run.mingus import check_faults
from harness.run.ownership import owned
from harness.run.phases import Schedule
from harness.run.preflight import preflight, require
from harness.run.record import RunDirectory, RunRecord, create_run_directory, write_text
from harness.run.run_metrics import RunMetrics, public_url, serve_run_metrics
from harness.run.sidecar import start_sidecar, watches_anything
from harness.run.telemetry import NamedPrometheus, OwnPrometheus, Sources, prometheus_version, rule_files
from harness.run.watch import Ending, Watcher
from harness.units import format_duration

_LAST_SCRAPE_INTERVALS = 3
_LAST_SCRAPE_SLACK = 5.0


class Reporter(Protocol):
    """Makes the reports: looks at the series while they are open, writes when the verdict is known."""

    trouble: str

    def look(self, data: RunData, plan: Plan, verdict: Verdict) -> None: ...
    def write(self, directory: RunDirectory, verdict: Verdict, record: RunRecord, plan: Plan) -> None: ...


@dataclass(frozen=True)
class RunOptions:
    """What the command line adds to a plan.

    Attributes:
        local: start a Prometheus, and the reference target, also when the plan names a Prometheus.
        faults: faults of the reference target, on from its start.
        where: "file:line: " of a key of the plan, for messages.
    """

    runs_root: Path
    rules_dir: Path
    environ: Mapping[str, str]
    local: bool = False
    faults: tuple[str, ...] = ()
    where: Callable[[tuple[str | int, ...]], str] = lambda _: ""


@dataclass(frozen=True)
class RunResult:
    directory: RunDirectory
    record: RunRecord
    verdict: Verdict


def localized(plan: Plan, local: bool) -> Plan:
    """The plan with its Prometheus left out when everything is to be started here. Pure."""
    return plan.model_copy(update={"prometheus": None}) if local else plan


def run_session(
    plan: Plan, options: RunOptions, ui: Ui, report: Reporter, *, clock: Callable[[], float] = time.time
) -> RunResult:
    """Runs a plan to its verdict.

    Args:
        report: makes the reports in the run directory.
        clock: unix seconds.

    Raises:
        UsageError: a fault that the target does not have.
        PreflightError: something is not there; nothing was started or written.
        HarnessError: the run directory cannot be written.
        KeyboardInterrupt: a second signal; the children are ended, the run is not judged.
    """
    plan = localized(plan, options.local)
    if options.faults:
        check_faults_for(plan, options.faults)
    files = rule_files(options.rules_dir)
    require(preflight(plan, environ=options.environ, now=clock()), options.where)
    run_id, directory = create_run_directory(options.runs_root, plan.name, clock())
    directory.logs.mkdir()
    with stop_on_signals() as stop, owned(directory.work):
        journal = Journal(ui, directory.logs / "harness.log", clock)
        session = _Session(plan, options, files, run_id, directory, stop, journal, ui, clock)
        return session.run(report)


class _Session:
    def __init__(
        self, plan: Plan, options: RunOptions, files: list[Path], run_id: str, directory: RunDirectory,
        stop: StopRequest, journal: Journal, ui: Ui, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.plan = plan
        self.options = options
        self.files = files
        self.directory = directory
        self.stop = stop
        self.journal = journal
        self.ui = ui
        self.clock = clock
        self.kill_list: list[Callable[[], None]] = []
        self.loaded = self.archived = False
        self._write_plan()
        record = RunRecord(
            run_id=run_id,
            plan=plan.name,
            started_at=clock(),
            target=public_url(plan.target.url),
            reason="it was killed, or its machine went down",
            versions=_versions(),
        )
        self.keeper = RecordKeeper(directory, record, journal)

    @property
    def record(self) -> RunRecord:
        return self.keeper.record

    def run(self, report: Reporter) -> RunResult:
        self.journal.event(f"run {self.record.run_id}: {self.directory.path}")
        for problem in unjudgeable(self.plan):
            self.journal.note(f"{problem.words}: {problem.reason}")
        failure: HarnessError | None = None
        try:
            self._live()
        except Interrupted:
            self._end(Ending("interrupted", f"{self.stop.signal_name} while it started", self.clock()))
        except HarnessError as error:
            failure = error
            self._end(Ending("crashed", str(error), self.clock()))
        except KeyboardInterrupt:
            self._end(Ending("interrupted", f"ended at once by a second {self.stop.signal_name}", self.clock()))
            raise
        finally:
            self.ui.close()
            self.keeper.clear_work(keep_prometheus=self.loaded and not self.archived)
        verdict = self._judge(failure, report)
        if report.trouble:
            self.journal.error(f"the report has no plots: {report.trouble}")
        report.write(self.directory, verdict, self.record, self.plan)
        return RunResult(self.directory, self.record, verdict)

    # --- live

    def _live(self) -> None:
        """Starts the parts, drives the load, keeps the series, ends the parts."""
        try:
            with ExitStack() as parts:
                try:
                    self._drive(parts)
                except KeyboardInterrupt:
                    self._kill_all()  # before the parts are ended one by one, each in its time
                    raise
        except KeyboardInterrupt:
            self._kill_all()  # it may have come while they were ended
            raise

    def _kill_all(self) -> None:
        for kill in self.kill_list:
            kill()

    def _drive(self, parts: ExitStack) -> None:
        plan, logs, work = self.plan, self.directory.logs, self.directory.work
        bystanders: list[Child] = []
        work.chmod(0o711)  # the database's own user must reach its folder; file names stay hidden
        if plan.target.reference:
            self.journal.event("starting PostgreSQL, Redis and the reference target")
            stack = parts.enter_context(start_local_stack(work, logs, self.options.faults, self.stop.check))
            bystanders += stack.children
            self._can_kill(*stack.children)
            plan = self.plan = on_local_stack(plan, stack)
            self._write_plan()
            self.keeper.change(target=public_url(plan.target.url))
        limits = edges(plan.latency_limits)
        metrics = RunMetrics(plan, self.record.run_id, limits)
        run_address = parts.enter_context(serve_run_metrics(metrics))
        sidecar_address = None
        if watches_anything(plan):
            sidecar, sidecar_address = parts.enter_context(
                start_sidecar(plan, work, logs / "sidecar.log", self.stop.check)
            )
            bystanders.append(sidecar)
            self._can_kill(sidecar)
        telemetry = self._start_telemetry(parts, Sources(run_address, sidecar_address))
        launcher = LoadLauncher(plan, work / "load", logs, expected_edges=limits)
        parts.callback(launcher.stop)
        self.kill_list.append(lambda: launcher.stop(timeout=0))
        self.stop.check()
        launcher.start()
        self.loaded = True
        telemetry.set_load_targets(launcher.scrape_targets())
        self.journal.event(
            f"load on {self.record.target} for {format_duration(plan.load.duration)}, "
            f"the first {format_duration(plan.load.warmup)} of it warm-up"
        )
        view = LiveView(telemetry.api, plan.stack)
        watcher = Watcher(
            plan, launcher, telemetry, view, metrics, bystanders, self.stop, self.journal, self.ui, self.clock,
            on_load=self._load_began,
        )  # fmt: skip
        try:
            ending = watcher.until_the_end()
        except HarnessError as error:
            ending = Ending("aborted", str(error), self.clock())
        except Exception as error:  # a bug of ours: its traceback must not cost the run its series
            self._end(Ending("crashed", f"{type(error).__name__}: {error}", self.clock()), watcher)
            self._wind_down(launcher, telemetry, view)
            raise
        self._end(ending, watcher)
        metrics.set(phase="cooldown", restarts=0)
        self._wind_down(launcher, telemetry, view)

    def _start_telemetry(self, parts: ExitStack, sources: Sources) -> OwnPrometheus | NamedPrometheus:
        telemetry: OwnPrometheus | NamedPrometheus
        if self.plan.prometheus is None:
            telemetry = OwnPrometheus(self.plan, self.directory, sources, self.files)
        else:
            telemetry = NamedPrometheus(
                self.plan, self.plan.prometheus, self.directory, self.record.run_id, sources, self.options.environ,
                self.clock, self.stop.check,
            )  # fmt: skip
        parts.callback(telemetry.close)
        self.kill_list.append(telemetry.kill)
        self.keeper.change(versions={**self.record.versions, "prometheus": prometheus_version(telemetry.api)})
        self.journal.event(f"Prometheus: {telemetry.url}")
        return telemetry

    def _wind_down(self, launcher: LoadLauncher, telemetry: OwnPrometheus | NamedPrometheus, view: LiveView) -> None:
        """Ends the load with its last numbers seen, and keeps the series. No step depends on the one before."""
        try:
            launcher.hold()
        except HarnessError as error:
            self.journal.note(f"the load did not come to rest: {error.message}")
        if telemetry.ended() is None:
            self._await_last_scrapes(launcher, view)
        launcher.stop()
        self.journal.event("keeping the series")
        telemetry.archive(self.record.started_at, self.clock())
        self.archived = True

    def _await_last_scrapes(self, launcher: LoadLauncher, view: LiveView) -> None:
        """What the load counted last is in its processes only until it was scraped."""
        since = self.clock()
        instances = [instance for instance, _ in launcher.scrape_targets()]
        deadline = time.monotonic() + _LAST_SCRAPE_INTERVALS * self.plan.scrape_interval + _LAST_SCRAPE_SLACK
        while missing := last_scrapes_missing(view, instances, since, self.clock()):
            if time.monotonic() > deadline:
                self.journal.note(f"the last numbers of {', '.join(missing)} were not scraped")
                return
            time.sleep(0.2)

    def _can_kill(self, *children: Child) -> None:
        self.kill_list.extend(child.kill for child in children)

    def _load_began(self, schedule: Schedule) -> None:
        """Written at once: what a killed harness leaves must say from when on it is judged."""
        self.keeper.change(steady_from=schedule.steady_from)

    def _end(self, ending: Ending, watcher: Watcher | None = None) -> None:
        schedule = watcher.schedule if watcher else None
        self.keeper.end(ending, schedule.steady_window(ending.at) if schedule else None)

    def _write_plan(self) -> None:
        write_text(self.directory.plan_file, dump_plan(self.plan, mask=True))

    # --- the verdict

    def _judge(self, failure: HarnessError | None, report: Reporter) -> Verdict:
        if not self.directory.tsdb.is_dir():
            return nothing_to_judge(self.record, failure)
        self.journal.event("judging")
        try:
            return judge_run(self.directory, self.plan, rules_dir=self.options.rules_dir, look=report.look)
        except HarnessError as error:
            self.journal.error(str(error))
            return nothing_to_judge(self.record, error)


def check_faults_for(plan: Plan, faults: Sequence[str]) -> None:
    """Raises UsageError for faults that this run cannot switch on."""
    if not plan.target.reference:
        raise UsageError(
            "--fault belongs to the reference target, which this run does not start",
            remedy="leave --fault out, or use a plan with target.reference",
        )
    check_faults(faults)


def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for name in ("endurance-harness", "locust"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
