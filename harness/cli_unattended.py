"""``harness status`` and ``harness stop``: for runs that nobody watches."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from exporters.metric_names import SUBJECT_ALL
from harness.cli_runs import stored_plan
from harness.errors import ArchiveError, ExitCode, HarnessError, QueryError, UsageError
from harness.judge.verdict import ObjectiveResult
from harness.prom.credentials import anonymous
from harness.report.stored import read_verdict
from harness.report.text import printable
from harness.run.interrupts import STOP_FILE
from harness.run.made_here import may_send_token
from harness.run.named_prometheus import credentials_of
from harness.run.naming import name_of
from harness.run.record import RunDirectory, find_run
from harness.run.recover import still_on
from harness.run.status import RunStatus, in_words, status_of, to_json
from harness.units import format_duration, format_value, parse_duration

RUNS = Path("runs")
_QUERY_SECONDS = 60.0
_LOOK_EVERY = 0.2

_runs_root = click.option(
    "--out", "root", type=click.Path(path_type=Path, file_okay=False), default=RUNS, show_default=True,
    help="Folder of run directories.",
)  # fmt: skip


@click.command()
@click.argument("run", default="last")
@click.option("--brief", is_flag=True, help="Leave out the objectives, which cost the live Prometheus some queries.")
@_runs_root
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(run: str, brief: bool, root: Path, as_json: bool) -> int:
    """Tell how a run stands: phase, time left, objectives so far, and what it waits for.

    RUN is a run directory, a run id or `last` (the default). Exits 12 when its harness died, before the load's end or
    before the verdict, or gives no sign of life; else 0, whatever the verdict.
    """
    directory = find_run(run, root)
    found = status_of(directory, time.time())
    outcome = _outcome(directory)
    objectives, trouble = ([], "") if brief else _so_far(directory, found)
    if as_json:
        rows = [_row(one) for one in objectives]
        click.echo(json.dumps({**to_json(found, outcome), "objectives": rows, "objectives_unknown": trouble}, indent=2))
    else:
        for line in in_words(found, outcome, name_of(directory)):
            click.echo(printable(line))
        for one in objectives:
            click.echo(printable(_line(one, found.standing == "over")))
        if trouble:
            click.echo(f"  objectives so far: {trouble}")
    unjudged = found.standing == "over" and not outcome
    return int(ExitCode.ERROR if unjudged or found.standing in ("dead", "silent") else ExitCode.PASS)


@click.command()
@click.argument("run", default="last")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the verdict; exit as the run does.")
@click.option("--timeout", metavar="TIME", default="15m", show_default=True, help="Wait no longer than this.")
@_runs_root
def stop(run: str, wait: bool, timeout: str, root: Path) -> int:
    """End a run in order, and judge what there is, as Ctrl-C does.

    RUN is a run directory, a run id or `last` (the default). Exits as the run does: it cannot PASS.
    """
    patience = _seconds(timeout)
    directory = find_run(run, root)
    if not still_on(directory):
        raise UsageError(
            f"the run in {directory.path} is not on", remedy=f"how it stands: harness status {name_of(directory)}"
        )
    try:
        os.close(os.open(directory.work / STOP_FILE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644))
    except FileNotFoundError:
        pass  # it ended just now
    except OSError as error:
        raise HarnessError(
            f"the run in {directory.path} cannot be told to end: {error.strerror}",
            remedy="do it as the user who started it",
        ) from error
    if not wait:
        click.echo(f"{directory.path.name} was told to end; look at it: harness status {name_of(directory)}")
        return 0
    deadline = time.monotonic() + patience
    while still_on(directory):
        if time.monotonic() > deadline:
            raise HarnessError(
                f"the run in {directory.path} did not end within {format_duration(patience)}",
                remedy=f"look at it: harness status {name_of(directory)}; kill -9 its process as a last resort, "
                f"then: harness judge {name_of(directory)}",
            )
        time.sleep(_LOOK_EVERY)
    if not directory.verdict_file.is_file():
        raise HarnessError(
            f"the run in {directory.path} ended without a verdict: its harness was ended at once, or died",
            remedy=f"judge it: harness judge {name_of(directory)}",
        )
    verdict = read_verdict(directory)
    click.echo(f"{directory.path.name}: {verdict.outcome.word}; {directory.path / 'report.html'}")
    return int(verdict.outcome.exit_code)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None


def _outcome(directory: RunDirectory) -> str:
    if not directory.verdict_file.is_file():
        return ""
    try:
        return read_verdict(directory).outcome.word
    except ArchiveError:
        return "unreadable"


def _so_far(directory: RunDirectory, found: RunStatus) -> tuple[Sequence[ObjectiveResult], str]:
    """The objectives as they stand, and why they are not known."""
    state = found.state
    if found.standing == "over":
        return (read_verdict(directory).objectives, "") if directory.verdict_file.is_file() else ((), "")
    if found.standing == "dead" or state is None or not state.phase or not state.prometheus:
        return (), ""
    # Here: the judge's statistics take a second to import, and most calls need none.
    from harness.judge.so_far import LiveApi, objectives_so_far

    try:
        plan = stored_plan(directory)
        named = plan.prometheus if plan.prometheus and plan.prometheus.url == state.prometheus else None
        if named and not may_send_token(directory, named, os.environ):
            return (), "this run was not started by you on this machine: the token file of its plan is not read"
        credentials = credentials_of(named) if named else anonymous
        api = LiveApi(state.prometheus, credentials=credentials, timeout=_QUERY_SECONDS)
        results = objectives_so_far(api, directory, plan, time.time())
    except (QueryError, ArchiveError) as error:
        return (), error.message
    return results, "" if results else "the steady state has not begun"


def _row(one: ObjectiveResult) -> dict[str, Any]:
    return {
        "objective": one.objective, "subject": one.subject, "outcome": one.outcome.word, "op": one.op,
        "limit": one.limit, "value": one.value, "unit": one.unit, "note": one.note,
    }  # fmt: skip


def _line(one: ObjectiveResult, over: bool) -> str:
    limit = "-" if one.limit is None else f"{one.op} {format_value(one.limit, one.unit)}"
    subject = "" if one.subject == SUBJECT_ALL else f" ({one.subject})"
    note = f": {one.note}" if one.note else ""
    value = "-" if one.value is None else format_value(one.value, one.unit)
    return f"  {one.outcome.word:<13}{one.objective}{subject} {limit}, {'was' if over else 'so far'} {value}{note}"
