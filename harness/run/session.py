"""Begins a run, or takes one up: preflight, the target for itself, the run directory; then it is live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from harness.ownership import owned
from harness.plan.model import Plan
from harness.run import machine
from harness.run.aftermath import Reporter
from harness.run.display import Ui
from harness.run.faults import check_faults_for
from harness.run.interrupts import STOP_FILE, StopRequest, stop_on_signals
from harness.run.journal import Journal
from harness.run.keeper import leave_work
from harness.run.live_session import LiveSession
from harness.run.live_state import STATE_FILE, StateUi
from harness.run.options import RunOptions, RunResult, localized
from harness.run.preflight import require
from harness.run.record import RunDirectory, RunRecord, create_run_directory
from harness.run.resume import Order, clear_for_new_parts, taken_up, taken_up_note
from harness.run.run_metrics import public_url
from harness.run.standing_preflight import look_at
from harness.run.target_lock import alone_on_target
from harness.run.telemetry import rule_files


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
    plan = localized(plan, options.local, options.services)
    if options.faults:
        check_faults_for(plan, options.faults, options.services)
    files = rule_files(options.rules_dir)
    checks = look_at(plan, options.services, environ=options.environ, now=clock(), runs=options.runs_root)
    require(checks, options.where)
    with ExitStack() as stack:
        stack.enter_context(alone_on_target(plan, options.runs_root))
        run_id, directory = create_run_directory(options.runs_root, plan.name, clock())
        directory.logs.mkdir()
        stop, state = stack.enter_context(working(directory, ui, clock))
        journal = Journal(state, directory.logs / "harness.log", clock)
        made_by = machine.versions(plan.load.locustfile)
        record = RunRecord(run_id, plan.name, clock(), public_url(plan.target.url), versions=made_by)
        session = LiveSession(plan, options, files, directory, record, stop, journal, state, clock)
        options.begun(directory)
        return session.run(report, [check.warning for check in checks if check.warning])


def resume_session(
    directory: RunDirectory, order: Order, options: RunOptions, ui: Ui, report: Reporter, *,
    clock: Callable[[], float] = time.time, ready: Callable[[], None] = lambda: None,
) -> RunResult:  # fmt: skip
    """Goes on with the run of a harness that was killed, to its planned end and its verdict.

    Called with the run ``taken`` (``harness.run.recover``), so that no other process goes on with it too.

    Args:
        order: what the run was asked for.
        ready: called when the run can be taken up and nothing was touched yet; what it raises leaves it as it was.

    Raises: as ``run_session``, and
        UsageError: the run is on or over, or nothing of its load is left.
    """
    plan = order.plan
    files = rule_files(options.rules_dir)
    record = taken_up(directory, plan, clock())
    ready()
    checks = look_at(plan, None, environ=options.environ, now=clock(), runs=options.runs_root)
    require(checks, options.where)
    with ExitStack() as stack:
        stack.enter_context(alone_on_target(plan, directory.path))
        clear_for_new_parts(directory)
        stop, state = stack.enter_context(working(directory, ui, clock))
        journal = Journal(state, directory.logs / "harness.log", clock, record.notes)
        session = LiveSession(plan, options, files, directory, record, stop, journal, state, clock)
        options.begun(directory)
        journal.note(taken_up_note(record, plan, clock()))
        return session.run(report, [check.warning for check in checks if check.warning])


@contextmanager
def working(directory: RunDirectory, ui: Ui, clock: Callable[[], float]) -> Iterator[tuple[StopRequest, StateUi]]:
    """While this lasts the run's directory is this process' own, signals end the run in order and its state is told."""
    with stop_on_signals(directory.work / STOP_FILE) as stop, owned(directory.work):
        try:
            yield stop, StateUi(ui, directory.work / STATE_FILE, clock)
        finally:
            leave_work(directory)
