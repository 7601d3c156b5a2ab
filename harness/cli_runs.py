"""``harness judge``, ``harness report`` and ``harness runs``: what is done with runs that are over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.table import Table

from harness.assets import data_path, rules_path
from harness.cli_terminal import Terminal
from harness.errors import ArchiveError, HarnessError
from harness.judge import judge_run
from harness.judge.damage import verdict_on_damage
from harness.judge.part import Part
from harness.judge.verdict import Verdict
from harness.plan.loading import find_plan, load_plan
from harness.plan.model import Plan
from harness.prom.manifest import DamagedArchiveError
from harness.report import FORMATS, render, write_reports
from harness.report.console import print_verdict
from harness.report.stored import read_verdict
from harness.report.text import one_line
from harness.report.writer import ReportWriter, evidence_of
from harness.run.baselines import read_baselines
from harness.run.json_files import read_json
from harness.run.naming import name_of
from harness.run.record import RunDirectory, RunRecord, find_run, list_runs, rfc3339
from harness.run.recover import recover, still_on
from harness.run.recover_standing import recover_named, recover_standing
from harness.run.services import VARIABLE as SERVICES_VARIABLE
from harness.run.services import load_services
from harness.units import format_duration

RUNS = Path("runs")

_runs_root = click.option(
    "--out", "root", type=click.Path(path_type=Path, file_okay=False), default=RUNS, show_default=True,
    help="Folder of run directories.",
)  # fmt: skip


def stored_plan(directory: RunDirectory) -> Plan:
    """The plan of a run. No environment: what was judged then is judged now. Raises PlanError."""
    if not directory.plan_file.is_file():
        raise ArchiveError(
            f"{directory.plan_file} is missing",
            remedy="a run directory holds run.json, plan.yml and tsdb: copy all of it",
        )
    return load_plan(directory.plan_file, environ={}, judging=True)


@click.command()
@click.argument("run")
@click.option("--plan", "other", metavar="PLAN", help="Judge by this plan's objectives; no report is written.")
@click.option(
    "--services",
    "services_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=SERVICES_VARIABLE,
    help=f"Standing services that a killed run was made in. Also ${SERVICES_VARIABLE}.",
)
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help="Judge from here on alone: since the run's start, as 2h30m, or "
    "a time, as 2026-11-23T14:05:00Z. No report is written.",
)
@click.option("--to", "end", metavar="TIME", help="Judge up to here alone; see --from.")
@click.option("--trust", is_flag=True, help="Others made RUN: its plan's token may be sent all the same.")
@_runs_root
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def judge(
    run: str, other: str | None, services_file: Path | None, start: str | None, end: str | None, trust: bool,
    root: Path, as_json: bool,
) -> int:  # fmt: skip
    """Judge RUN again, with today's rules, and write its reports again.

    RUN is a run directory, a run id or `last`. Nothing but the run directory is read. Where the harness was killed,
    the series are first recovered from what it left there, or from the standing services that made the run. Where
    they are damaged the verdict is INCONCLUSIVE and names the block; one that was written before stays as it was.
    """
    directory = find_run(run, root)
    directory.read_record()
    plan = stored_plan(directory)
    told = recover(directory, plan)
    if services_file is not None and not directory.tsdb.is_dir():
        told = recover_standing(directory, plan, load_services(services_file, os.environ))
    elif not directory.tsdb.is_dir():
        told = recover_named(directory, plan, os.environ, trust=trust) or told
    if told:
        click.echo(told, err=True)
    record = directory.read_record()
    if other is not None:
        asked = load_plan(find_plan(other, data_path("plans")), environ=os.environ, judging=True)
        plan = plan.model_copy(
            update={name: getattr(asked, name) for name in ("objectives", "objectives_off", "horizon")}
        )
    part = Part(start, end) if start is not None or end is not None else None
    as_it_was = other is None and part is None
    reports = ReportWriter()
    try:
        verdict = judge_run(
            directory,
            plan,
            rules_dir=rules_path(),
            look=reports.look if as_it_was else None,
            part=part,
            baselines=lambda: read_baselines(directory.path.absolute().parent),
            keep=as_it_was,
        )
    except DamagedArchiveError as error:
        click.echo(f"error: {error}", err=True)
        verdict = verdict_on_damage(record, error)
        as_it_was = as_it_was and not directory.verdict_file.exists()  # what was judged before the damage stands
    if as_it_was:
        if reports.trouble:
            click.echo(f"the report has no plots: {reports.trouble}", err=True)
        try:
            reports.write(directory, verdict, record, plan)
        except OSError as error:
            click.echo(f"the reports could not be written: {error}{_stands(directory, verdict)}", err=True)
    if as_json:
        click.echo(json.dumps(verdict.to_json(), indent=2, allow_nan=False))
    else:
        print_verdict(Terminal(), verdict, record, plan)
    return int(verdict.outcome.exit_code)


def _stands(directory: RunDirectory, verdict: Verdict) -> str:
    """What verdict.json says where it is not what was judged now; a later reader of it must not be surprised."""
    try:
        if read_json(directory.verdict_file) == json.loads(json.dumps(verdict.to_json())):
            return ""
        word = read_verdict(directory).outcome.word
    except HarnessError:  # there is none, or it is damaged: nobody takes it for a verdict
        return ""
    return f"; {directory.verdict_file} and the reports beside it are an earlier verdict's, {word}"


@click.command()
@click.argument("run")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Print this report; without it all are written.")
@_runs_root
def report(run: str, form: str | None, root: Path) -> int:
    """Write the reports of RUN again from its verdict, without judging.

    RUN is a run directory, a run id or `last`. The plots of the HTML report are drawn from its series again.
    """
    directory = find_run(run, root)
    record = directory.read_record()
    _require_judged(directory)
    plan, verdict = stored_plan(directory), read_verdict(directory)
    evidence = evidence_of(directory, verdict, plan, rules_path()) if form in (None, "html") else None
    if evidence is not None and evidence.missing:
        click.echo(f"the report has no plots: {evidence.missing}", err=True)
    if form is not None:
        click.echo(render(form, verdict, record, plan, evidence), nl=False)
        return 0
    try:
        write_reports(directory, verdict, record, plan, evidence)
    except OSError as error:
        raise HarnessError(f"the reports could not be written: {error}", remedy="use --format to print one") from error
    click.echo(f"reports written to {directory.path}")
    return 0


@click.command()
@_runs_root
@click.option(
    "--trend",
    metavar="[PLAN]",
    is_flag=False,
    flag_value="newest",
    help="Instead: since which run is what worse or better? Of runs of PLAN; without it, of the newest run's plan.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def runs(root: Path, trend: str | None, as_json: bool) -> int:
    """List the runs and their verdicts, oldest first."""
    if trend is not None:
        from harness.cli_trend import print_trend

        return print_trend(trend, root, as_json=as_json)
    found = [_row(directory) for directory in list_runs(root)]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return 0
    if not found:
        click.echo(f"there is no run in {root}; start one with: harness run PLAN")
        return 0
    table = Table(box=None, pad_edge=False)
    columns = ("run_id", "plan", "started_at", "lasted", "ended_by", "outcome")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        table.add_row(*(one_line(str(row[column] or "-")) for column in columns))
    console = Terminal()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(table, markup=False, highlight=False)
    return 0


def _require_judged(directory: RunDirectory) -> None:
    """Raises ArchiveError that says why there is no verdict to report, and what to do."""
    if directory.verdict_file.exists():
        return
    if still_on(directory):
        raise ArchiveError(
            f"the run in {directory.path} is still on, so it has no verdict yet",
            remedy=f"wait for its end, or end it: harness stop {name_of(directory)}",
        )
    raise ArchiveError(
        f"the run in {directory.path} was not judged yet", remedy=f"judge it: harness judge {name_of(directory)}"
    )


def _row(directory: RunDirectory) -> dict[str, str | None]:
    """One run in words; a damaged record is told as such, and never hides the other runs."""
    try:
        record, running = directory.read_record(), still_on(directory)
    except ArchiveError as error:
        return {
            "run_id": directory.path.name, "plan": None, "started_at": None, "lasted": None, "ended_by": None,
            "outcome": f"unreadable: {error.message}",
        }  # fmt: skip
    return {
        "run_id": record.run_id,
        "plan": record.plan,
        "started_at": rfc3339(record.started_at),
        "lasted": _lasted(record),
        # run.json says "crashed" until the end, so that a killed harness leaves the truth.
        "ended_by": None if running and record.ended_at is None else record.ended_by,
        "outcome": "running" if running else _outcome(directory),
    }


def _lasted(record: RunRecord) -> str | None:
    return None if record.ended_at is None else format_duration(record.ended_at - record.started_at)


def _outcome(directory: RunDirectory) -> str:
    if not directory.verdict_file.is_file():
        return "not judged"
    try:
        return read_verdict(directory).outcome.word
    except ArchiveError as error:
        return f"unreadable: {error.message}"
