"""``harness archive``: what is kept of earlier runs: list, check, name as a baseline, prune."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from harness.cli_terminal import Terminal
from harness.errors import ExitCode, HarnessError, UsageError
from harness.judge.as_baseline import passed
from harness.plan.loading import load_plan
from harness.prom.manifest import Checked, DamagedArchiveError, Kept, check_archive
from harness.report.stored import read_verdict
from harness.run.baselines import Baselines, add_baseline, read_baselines, remove_baseline
from harness.run.json_files import read_json
from harness.run.naming import name_of
from harness.run.prune import StoredRun, kept_because, remove_leftovers, remove_run, size_of
from harness.run.record import RunDirectory, find_run, list_runs, rfc3339
from harness.run.recover import still_on
from harness.units import format_bytes

_root = click.option(
    "--out", "root", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"), show_default=True,
    help="Folder of run directories.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


@click.group()
def archive() -> None:
    """What is kept of earlier runs: list, check, name baselines, prune."""


@archive.command("list")
@_root
@_json
def list_(root: Path, as_json: bool) -> int:
    """List the runs with their size and the baselines that they are in, oldest first."""
    baselines = read_baselines(root)
    runs = _stored(root, baselines)
    sizes = {run.directory.path: (size_of(run.directory.path), size_of(run.directory.tsdb)) for run in runs}
    if as_json:
        rows = [
            {
                "run_id": run.run_id,
                "started_at": rfc3339(run.started_at),
                "bytes": sizes[run.directory.path][0],
                "series_bytes": sizes[run.directory.path][1],
                "baselines": list(run.baselines),
            }
            for run in runs
        ]
        click.echo(json.dumps(rows, indent=2))
        return 0
    if not runs:
        click.echo(f"there is no run in {root}; start one with: harness run PLAN")
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("run id", "started at", "size", "series", "baseline"):
        table.add_column(column, overflow="fold")
    for run in runs:
        words = (format_bytes(float(size)) for size in sizes[run.directory.path])
        table.add_row(run.run_id, rfc3339(run.started_at) or "-", *words, ", ".join(run.baselines) or "-")
    console = Terminal()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(table, markup=False, highlight=False)
    return 0


@archive.command()
@click.argument("run")
@click.option("--name", default="main", show_default=True, help="Of the baseline.")
@click.option("--remove", is_flag=True, help="It is no baseline any more.")
@click.option("--force", is_flag=True, help="Take a run that did not pass, or was not judged, all the same.")
@click.option("--keep", type=click.IntRange(min=1), help="Of this name so many runs stay, the newest; without it all.")
@_root
def baseline(run: str, name: str, remove: bool, force: bool, keep: int | None, root: Path) -> int:
    """Make RUN a baseline: later runs are compared with it, and it is never pruned.

    RUN is a run directory below the folder of runs, a run id or `last`. A baseline may hold several runs. One that
    did not pass is refused: what is as bad would be called the same.
    """
    if remove and keep is not None:
        raise UsageError("--keep is about a run that is added", remedy="take it out, or leave --remove out")
    if remove and run in read_baselines(root).get(name, ()):  # also one that is not there any more
        run_id = run
    else:
        directory = find_run(run, root)
        run_id = directory.read_record().run_id
        _require_in(directory, root)
    if not remove and not force and not _passed(directory):
        raise UsageError(
            f"the run {run_id} did not pass, so what is as bad would be called the same",
            remedy=f"judge it again (harness judge {name_of(directory)}), name another one, or --force",
        )
    named = remove_baseline(root, name, run_id) if remove else add_baseline(root, name, run_id, keep)
    click.echo(f"baseline {name}: {', '.join(named.get(name, ())) or 'no run'}")
    return 0


def _require_in(directory: RunDirectory, root: Path) -> None:
    """Raises UsageError for a run of another folder: its runs read the list of their own."""
    folder = directory.path.absolute().parent
    if folder.resolve() != root.resolve():
        raise UsageError(
            f"the run in {directory.path} is not in {root}, whose runs alone read its list of baselines",
            remedy=f"name its folder: --out {folder}",
        )


@archive.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@_root
@_json
def verify(runs: tuple[str, ...], root: Path, as_json: bool) -> int:
    """Compare the kept series of each RUN with the sizes and checksums that were written with them.

    Exits 11 when a file is damaged or missing, or when a run's series were kept without checksums.
    """
    found = [_checked(find_run(run, root)) for run in runs]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for one in found:
            click.echo(f"{one['run_id']}: {one['told']}")
            for problem in one["damage"]:
                click.echo(f"  {problem}")
    return int(ExitCode.PASS if all(one["ok"] for one in found) else ExitCode.INCONCLUSIVE)


@archive.command()
@click.option("--keep", type=click.IntRange(min=0), default=20, show_default=True, help="The newest runs stay.")
@click.option("--keep-days", type=click.FloatRange(min=0), default=90.0, show_default=True, help="Younger ones stay.")
@click.option("--series-only", is_flag=True, help="Remove the series; record, plan, verdict and reports stay.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@_root
@_json
def prune(keep: int, keep_days: float, series_only: bool, dry_run: bool, root: Path, as_json: bool) -> int:
    """Remove old runs: those that are neither among the newest --keep nor younger than --keep-days.

    A baseline is never touched (baselines.json, and the passed runs that a plan's `baseline: last_passed` compares
    with), nor is a run that is on, that was not archived yet, or whose record cannot be read.
    """
    runs = _stored(root, read_baselines(root))
    reasons = kept_because(runs, time.time(), keep=keep, keep_days=keep_days)
    going = [run for run in runs if not reasons[run.directory.path]]
    sizes = {run.run_id: size_of(run.directory.tsdb if series_only else run.directory.path) for run in going}
    if not dry_run:
        if root.is_dir():
            remove_leftovers(root)
        for run in list(going):
            # Once more, just before: meanwhile it may have become a baseline, or somebody goes on with it.
            again = _stored_run(run.directory, read_baselines(root))
            told = again.trouble or ", ".join(f"baseline {name}" for name in again.baselines)
            if told:
                reasons[run.directory.path] = told
                going.remove(run)
                continue
            remove_run(run.directory, series_only=series_only)
    result: dict[str, Any] = {
        "dry_run": dry_run,
        "removed": [{"run_id": run.run_id, "bytes": sizes[run.run_id]} for run in going],
        "kept": [
            {"run_id": run.run_id, "because": reason}
            for run in runs
            if (reason := reasons[run.directory.path])
        ],
        "bytes": sum(sizes[run.run_id] for run in going),
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return 0
    for one in result["kept"]:
        click.echo(f"stays    {one['run_id']}: {one['because']}")
    for one in result["removed"]:
        click.echo(f"{'would go' if dry_run else 'removed '} {one['run_id']}: {format_bytes(float(one['bytes']))}")
    what = "the series of " if series_only else ""
    click.echo(f"{what}{len(going)} of {len(runs)} runs, {format_bytes(float(result['bytes']))}")
    return 0


def _stored(root: Path, baselines: Baselines) -> list[StoredRun]:
    return [_stored_run(directory, baselines) for directory in list_runs(root)]


def _stored_run(directory: RunDirectory, baselines: Baselines) -> StoredRun:
    # A directory may have been renamed: the baseline's entry may mean its name or its record's run id.
    name = directory.path.name
    try:
        record = directory.read_record()
    except HarnessError as error:
        named = _named(baselines, name)
        return StoredRun(directory, name, "", None, baselines=named, trouble=f"unreadable: {error.message}")
    return StoredRun(
        directory,
        record.run_id,
        record.plan,
        record.started_at,
        passed=_passed(directory),
        baselines=_named(baselines, name, record.run_id),
        protect_passed=_last_passed(directory),
        trouble=_trouble(directory),
    )


def _named(baselines: Baselines, *ids: str) -> tuple[str, ...]:
    return tuple(name for name, runs in baselines.items() if set(runs).intersection(ids))


def _trouble(directory: RunDirectory) -> str:
    try:
        if still_on(directory):
            return "it is on"
    except HarnessError as error:
        return error.message
    if directory.work.is_dir() and not directory.tsdb.is_dir():
        return f"its series were not archived yet: harness judge {name_of(directory)}"
    return ""


def _passed(directory: RunDirectory) -> bool | None:
    """Whether later runs may be compared with it; None where its verdict cannot be read: it may have passed."""
    if not directory.verdict_file.is_file():
        return False
    try:
        read_verdict(directory)
        return passed(read_json(directory.verdict_file))
    except HarnessError:
        return None


def _last_passed(directory: RunDirectory) -> int | None:
    try:
        plan = load_plan(directory.plan_file, environ={}, judging=True)
    except HarnessError:
        return None
    if plan.baseline is None:
        return 0
    return plan.baseline.last_passed or 0


def _checked(directory: RunDirectory) -> dict[str, Any]:
    if not directory.tsdb.is_dir():
        why = "its series are not there: never archived, or pruned with --series-only"
        return {"run_id": directory.read_record().run_id, "ok": False, "told": why, "damage": []}
    try:
        checked = check_archive(directory.tsdb)
    except DamagedArchiveError as error:  # the list itself; the other runs are looked at all the same
        checked = Checked(Kept.DAMAGED, (error.message,))
    told = {
        Kept.WHOLE: f"whole: {checked.files} files, {format_bytes(float(checked.bytes))}",
        Kept.UNKNOWN: "kept without checksums (by an earlier version, or by hand): it cannot be told",
        Kept.DAMAGED: "damaged",
    }[checked.state]
    return {
        "run_id": directory.read_record().run_id,
        "ok": checked.state is Kept.WHOLE,
        "told": told,
        "damage": list(checked.damage),
    }
