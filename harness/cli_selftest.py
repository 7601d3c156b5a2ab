"""``harness selftest``: the fault lab on the command line."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.cli_terminal import Terminal
from harness.errors import UsageError
from harness.selftest.case import HEALTHY, Case, choose
from harness.selftest.cases import CASES
from harness.selftest.lab import judge_lab_again, run_lab, save
from harness.selftest.matrix import Row, exit_code_of, to_json
from harness.selftest.page import renewed
from harness.units import format_duration

_FOLDER = "selftest-%Y%m%dT%H%M%SZ"


@click.command()
@click.option("--faults", metavar="A,B", default="", help="These cases alone; --list names them all.")
@click.option("--short", is_flag=True, help="The short form: CI's cases alone.")
@click.option(
    "--repeat",
    metavar="N",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Run each case so many times.",
)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 16), help="Cases side by side; one more than cores.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder below which the lab keeps its runs and its matrix.",
)
@click.option(
    "--again",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Run nothing: judge the runs of an earlier lab again, with today's rules.",
)
@click.option(
    "--page",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Renew these cases in the table of a page, as docs/faults.md.",
)
@click.option("--list", "listed", is_flag=True, help="List the cases and run none.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; progress goes to stderr.")
def selftest(
    faults: str, short: bool, repeat: int, jobs: int | None, out: Path, again: Path | None, page: Path | None,
    listed: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run the fault lab: each fault must be detected and rightly named.

    Each runs on the reference target with real PostgreSQL and Redis.

    Exit codes: 0 everything came out as expected, 10 a fault was missed or misnamed or a healthy target was blamed,
    12 a run could not be made.
    """
    cases = _chosen(faults, short)
    if listed:
        _list(cases, as_json)
        return 0
    console = Terminal(stderr=as_json)
    if again is not None:
        folder, rows = again, judge_lab_again(again, CASES, lambda row: _tell(console, row))
    else:
        folder = out / datetime.now(UTC).strftime(_FOLDER)
        rows = _run(cases, folder, repeat, jobs, console)
    matrix = to_json(rows, _versions())
    file = save(matrix, folder)
    if page is not None:
        _renew(page, rows, folder)
    if as_json:
        click.echo(json.dumps(matrix, indent=2))
    else:
        Terminal().print(_table(rows))
        console.print(f"{matrix['right']} of {matrix['runs']} as expected; {file}", markup=False, highlight=False)
    return int(exit_code_of(rows))


def _run(cases: list[Case], folder: Path, repeat: int, jobs: int | None, console: Console) -> list[Row]:
    side_by_side = jobs or (os.cpu_count() or 1) + 1  # a run waits for most of its time
    console.print(
        f"{len(cases) * repeat} runs, {side_by_side} side by side, below {folder}", markup=False, highlight=False
    )
    known: list[Row] = []

    def tell(row: Row) -> None:
        _tell(console, row)
        known.append(row)
        save(to_json(known, _versions()), folder)  # a lab that is ended early keeps what it has seen

    return run_lab(cases, folder, repeat=repeat, side_by_side=side_by_side, tell=tell)


def _renew(page: Path, rows: list[Row], folder: Path) -> None:
    try:
        began = datetime.strptime(folder.name, _FOLDER)
    except ValueError:  # somebody gave it another name
        began = datetime.now(UTC)
    try:
        text = renewed(page.read_text(encoding="utf-8"), rows, list(CASES), f"{began:%Y-%m-%d %H:%M}")
        page.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{page} cannot be renewed: {error}", remedy="docs/faults.md has such a table") from error


def _versions() -> dict[str, str]:
    return {"endurance-harness": version("endurance-harness")}


def _chosen(faults: str, short: bool) -> list[Case]:
    cases = choose(CASES, [name.strip() for name in faults.split(",") if name.strip()])
    cases = [case for case in cases if case.short or not short]
    if not cases:
        raise UsageError("none of these cases belongs to the short form", remedy="leave --short out")
    return cases


def _list(cases: list[Case], as_json: bool) -> None:
    if as_json:
        plain = [
            {"name": c.name, "expected": [o.word for o in sorted(c.outcomes)], "signals": c.signals,
             "faults": c.faults, "outside": c.outside, "short": c.short, "why": c.why}
            for c in cases
        ]  # fmt: skip
        click.echo(json.dumps(plain, indent=2))
        return
    for case in cases:
        expected = "healthy" if case.outcomes == HEALTHY else "/".join(o.word for o in sorted(case.outcomes))
        named = f" ({' or '.join(case.signals)})" if case.signals else ""
        click.echo(f"{case.name:<26}{expected + named:<28}{case.why}")


def _tell(console: Console, row: Row) -> None:
    verdict = f"{row.outcome}{f', {row.cause}' if row.cause else ''}"
    state = "ok" if row.right else "WRONG"
    line = f"{state:<6}{row.case} #{row.repeat}: {verdict}{f' - {row.problem}' if row.problem else ''}"
    console.print(line, markup=False, highlight=False, soft_wrap=True, style="" if row.right else "red")


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (
        "case",
        "expected",
        "outcome",
        "first cause",
        "",
        "dated after",
        "alert after",
        "aborted after",
        "run",
    ):
        table.add_column(heading, overflow="fold")
    for row in rows:
        expected = "/".join(row.expected) + (f" ({'/'.join(row.signals)})" if row.signals else "")
        table.add_row(
            f"{row.case} #{row.repeat}", expected, row.outcome, row.cause or "-", "right" if row.right else "WRONG",
            _delay(row.onset_delay), _delay(row.alert_delay), _delay(row.abort_delay),
            format_duration(round(row.seconds)), style="" if row.right else "red",
        )  # fmt: skip
    return table


def _delay(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
