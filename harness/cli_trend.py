"""``harness runs --trend PLAN``: change points over the history of a plan's runs."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.assets import rules_path
from harness.cli_terminal import Terminal
from harness.errors import ExitCode, HarnessError
from harness.judge.comparable import Ran, reasons
from harness.judge.regression_kept import NOT_COMPARED, Kept, keep, marks_of, read_kept
from harness.judge.regression_runs import query_set, stored_run
from harness.judge.regression_trend import LEAST_RUNS, Trend, trends
from harness.plan.loading import load_plan
from harness.plan.regression import NO_STEADY_LOAD
from harness.run.record import RunDirectory, find_run, list_runs
from harness.units import format_value

NEWEST = "newest"  # the plan of the newest run


def print_trend(plan: str, root: Path, *, as_json: bool) -> int:
    """Prints the trend of the runs below ``root``; 0, or 11 where too few runs are comparable to tell anything."""
    if plan == NEWEST:
        plan = find_run("last", root).read_record().plan
    ran, left_out = history(plan, root)
    queries = query_set(ran[-1].plan, rules_path().parent) if ran else None
    found = trends([one.values for one in ran], queries) if queries else []
    names = [one.record.run_id for one in ran]
    enough = len(ran) >= LEAST_RUNS and bool(found)
    if as_json:
        told = [asdict(one) | {"labels": dict(one.labels)} for one in found]
        refused = [{"run_id": run, "reason": why} for run, why in left_out]
        whole = {"plan": plan, "runs": names, "left_out": refused, "trends": told}
        click.echo(json.dumps(whole, indent=2))
        return 0 if enough else int(ExitCode.INCONCLUSIVE)
    console = Terminal()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    for run, why in left_out:
        console.print(Text(f"left out: {run}: {why}"), highlight=False, soft_wrap=True)
    if not enough and len(ran) >= LEAST_RUNS:
        console.print(f"nothing could be measured in enough of the {len(ran)} runs; change points need {LEAST_RUNS}")
        return int(ExitCode.INCONCLUSIVE)
    if not enough:
        console.print(f"{len(ran)} comparable runs of {plan!r} in {root}; change points need {LEAST_RUNS}")
        return int(ExitCode.INCONCLUSIVE)
    _table(console, found)
    changed = sum(bool(one.changes) for one in found)
    console.print(
        f"{len(found)} series over {len(ran)} runs, {names[0]} to {names[-1]}: {changed} changed", highlight=False
    )
    return 0


def history(plan: str, root: Path) -> tuple[list[Ran], list[tuple[str, str]]]:
    """The plan's runs that are comparable with the newest of them, oldest first, and why others are left out.

    What a run is measured as is kept with it, so that the next time it need not be opened.
    """
    found: list[Ran] = []
    left_out: list[tuple[str, str]] = []
    dated: list[tuple[float, RunDirectory]] = []
    for directory in list_runs(root):
        try:
            record = directory.read_record()
        except HarnessError as error:  # of whichever plan it was
            left_out.append((directory.path.name, error.message))
            continue
        if record.plan == plan and record.ended_by == "completed":
            dated.append((record.started_at, directory))
        elif record.plan == plan:
            ended = "it is on, or its harness died" if record.ended_at is None else record.ended_by
            left_out.append((directory.path.name, f"it did not complete: {ended}"))
    if not dated:
        return [], left_out
    mine = [directory for _, directory in sorted(dated, key=lambda one: one[0])]  # whatever the folders are called
    newest = mine[-1].path.name
    try:
        asked = load_plan(mine[-1].plan_file, environ={}, judging=True)
        queries = query_set(asked, rules_path().parent)
    except HarnessError as error:
        return [], [*left_out, (newest, error.message)]
    if asked.kind in NO_STEADY_LOAD:
        why = (
            f"a {asked.kind} run has no steady load to be asked about; harness compare RUN EARLIER tells what it holds"
        )
        return [], [*left_out, (newest, why)]
    for directory in mine:
        try:
            one = stored_run(directory, queries, rules_path())
        except HarnessError as error:
            left_out.append((directory.path.name, error.message))
            continue
        _keep(directory, one)
        found.append(one)
    if not found:
        return [], left_out
    told = [(one, reasons(found[-1], one)) for one in found]
    left_out += [(one.record.run_id, "; ".join(why)) for one, why in told if why]
    return [one for one, why in told if not why], left_out


def _keep(directory: RunDirectory, one: Ran) -> None:
    with suppress(OSError, HarnessError):
        kept = read_kept(directory)
        if kept is None or (kept.missing == NOT_COMPARED and kept.run.digest != one.values.digest):
            keep(directory, Kept(one.values, missing=NOT_COMPARED, marks=marks_of(directory)))


def _table(console: Console, found: list[Trend]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "query", "of", "at first", "now", "changed"):
        table.add_column(column, overflow="fold")
    for one in sorted(found, key=lambda t: not (t.gone or t.changes)):
        last = one.changes[-1] if one.changes else None
        word = "no data" if one.gone else "steady" if last is None else "worse" if last.worse else "better"
        unit = one.unit if one.absolute else "ratio"
        changes = "; ".join(
            f"{'-' if c.effect < 0 else '+'}{format_value(abs(c.effect), unit)} since {c.run_id}" for c in one.changes
        )
        changes += f"{'; ' if changes else ''}the newest run did not measure it" if one.gone else ""
        cells = (one.query, " ".join(v for _, v in one.labels), format_value(one.first, one.unit))
        style = {"worse": "bold red", "better": "bold green", "steady": "", "no data": "magenta"}[word]
        table.add_row(Text(word, style), *map(Text, (*cells, format_value(one.last, one.unit), changes)))
    console.print(table)
