"""``harness compare`` of stress and capacity runs: how much each holds, and whether that is less than before."""

from __future__ import annotations

import json

import click
from rich.table import Table
from rich.text import Text

from harness.cli_terminal import Terminal
from harness.judge.load_regression import Holds, LoadComparison, LoadRow
from harness.judge.recovery_regression import RecoveryRow
from harness.judge.regression_rows import Change
from harness.report.text import markdown
from harness.units import format_value

_STYLES = {
    Change.WORSE: "bold red", Change.BETTER: "bold green", Change.SAME: "green", Change.CANNOT_TELL: "magenta",
}  # fmt: skip
_COLUMNS = ("", "earlier run", "held", "this run holds", "change", "")


def tell_loads(found: LoadComparison, form: str) -> int:
    """Prints it as text, json or markdown; returns the exit code."""
    if form == "json":
        click.echo(json.dumps(found.to_json(), indent=2, allow_nan=False))
    elif form == "markdown":
        click.echo(_markdown(found), nl=False)
    else:
        _print(found)
    return int(found.outcome.exit_code)


def amount(one: Holds) -> str:
    """ "700 to 770 users", "500 users at least", "below 80 users"."""

    def value(load: float) -> str:
        return format_value(float(f"{load:.4g}"), one.unit)

    if one.low is None and one.high is None:
        return "not known"
    if one.low is None or one.high is None:
        return f"{value(one.low)} at least" if one.low is not None else f"below {value(one.high or 0.0)}"
    if one.broken:
        return f"{one.low:.4g}, below {value(one.high)}"
    return f"{one.low:.4g} to {value(one.high)}"


def _cells(found: LoadComparison, row: LoadRow) -> tuple[str, ...]:
    effect = "" if row.effect is None else f"{row.effect:+.1%}"
    return (row.change.value, row.before.run_id, amount(row.before), amount(found.now), effect, row.note)


def _head(found: LoadComparison) -> str:
    runs = f"{len(found.rows)} earlier run{'s' if len(found.rows) > 1 else ''}"
    counts = ", ".join(f"{sum(row.change is one for row in found.rows)} {one.value}" for one in Change)
    return f"capacity compared with {runs}: {counts}"


def _recovery(row: RecoveryRow) -> str:
    """One line: how it changed, from what to what, since which run."""
    before, now = (one.words if one is not None else "not measured" for one in (row.before, row.now))
    return f"recovery {row.change.value}: {now}, was {before} in {row.run_id} ({row.note})"


def _remarks(found: LoadComparison) -> list[str]:
    return [
        *map(_recovery, found.recovery),
        *(f"not compared with {run}: {why}" for run, why in found.refused),
        *(f"FORCED, although not comparable: {one}" for one in found.forced),
    ]


def _print(found: LoadComparison) -> None:
    console = Terminal()
    if not console.is_terminal:
        console.width = max(console.width, 180)
    console.print(Text(f"{found.outcome.name}  {_head(found)}"), highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for row in found.rows:
        first, *others = _cells(found, row)
        table.add_row(Text(first, _STYLES[row.change]), *(Text(cell) for cell in others))
    console.print(table)
    for remark in _remarks(found):
        console.print(Text(remark), highlight=False, soft_wrap=True)


def _markdown(found: LoadComparison) -> str:
    lines = [f"## {found.outcome.name}: {markdown(found.now.run_id)}", "", f"{_head(found).capitalize()}.", ""]
    lines += [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    lines += [f"| {' | '.join(markdown(cell) for cell in _cells(found, row))} |" for row in found.rows]
    lines += ["", *(f"- {markdown(remark)}" for remark in _remarks(found))] if _remarks(found) else []
    return "\n".join(lines) + "\n"
