"""The verdict on a terminal, or as plain lines where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.report.finding_text import WHOLE_RUN, in_order_of_onset
from harness.report.headline import cause_text, headline_text, only_the_cause
from harness.report.limiting import limiting_rows
from harness.report.runbooks import runbook_place
from harness.report.steps import STEP_COLUMNS, StepRow, step_rows
from harness.report.text import one_line
from harness.report.view import FindingRow, ObjectiveRow, finding_row, objective_row
from harness.run.record import RunRecord

MAX_FINDINGS = 20
_STYLES = {
    Outcome.PASS: "bold green",
    Outcome.WARN: "bold yellow",
    Outcome.INCONCLUSIVE: "bold magenta",
    Outcome.ERROR: "bold magenta",
    Outcome.FAIL: "bold red",
}
_STEP_STYLES = {"ok": "green", "breach": "red", "neutral": "magenta"}


def print_verdict(console: Console, verdict: Verdict, record: RunRecord, plan: Plan | None = None) -> None:
    """Verdict and first cause, then objectives and findings; with ``plan``, also what it left out.

    Texts go through ``rich.text.Text``: a label that looks like markup is printed, not obeyed.
    """
    rows = [objective_row(o) for o in verdict.objectives]
    # A finding that says no more than the cause is not told twice.
    told = () if only_the_cause(verdict) else verdict.findings
    findings = [finding_row(f) for f in in_order_of_onset(told)]
    top = Text.assemble((verdict.outcome.name, _STYLES[verdict.outcome]), "  ", headline_text(verdict, record))
    _line(console, top)
    cause = cause_text(verdict, record)
    if cause:
        _line(console, Text.assemble(("First cause: ", "bold"), cause))
    if console.is_terminal:
        _tables(console, rows)
    else:
        for row in rows:
            _line(console, _objective_line(row))
    _steps(console, step_rows(verdict))
    for limit in limiting_rows(verdict):
        load = f" at {limit.load}" if limit.load else ""
        said = f"{limit.what}: out of its normal range{load}, {limit.when} ({limit.level}, normal up to {limit.normal})"
        _line(console, Text(said))
    for found in findings[:MAX_FINDINGS]:
        for text in _finding_lines(found):
            _line(console, text)
    if len(findings) > MAX_FINDINGS:
        _line(console, Text(f"and {len(findings) - MAX_FINDINGS} more findings in verdict.json"))
    if plan is not None and plan.objectives_off:
        _line(console, Text(one_line("Not judged, by `off` in the plan: " + ", ".join(plan.objectives_off))))


def _steps(console: Console, rows: Sequence[StepRow]) -> None:
    """Stress and capacity runs: a line for each load."""
    if not rows:
        return
    cells = [(row.load, row.outcome, row.rps, row.p95, row.errors, row.why) for row in rows]
    if not console.is_terminal:
        for load, outcome, rps, p95, errors, why in cells:
            told = f"step {load}: {outcome}, {rps}, p95 {p95}, failed {errors}" + (f"  {why}" if why else "")
            _line(console, Text(told))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in STEP_COLUMNS:
        number = column in ("Load", "Requests/s", "p95", "Failed")
        table.add_column(column, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row, one in zip(rows, cells, strict=True):
        load, outcome, *rest = one
        table.add_row(Text(load), Text(outcome, _STEP_STYLES[row.level]), *(Text(cell) for cell in rest))
    console.print(table)


def _line(console: Console, text: Text) -> None:
    # Without wrapping when piped: a script reads one fact per line.
    console.print(text, soft_wrap=not console.is_terminal, highlight=False)


def _tables(console: Console, rows: list[ObjectiveRow]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "Objective"):
        table.add_column(column, overflow="fold")
    for column in ("Value", "Limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in rows:
        name = row.objective if row.subject == WHOLE_RUN else f"{row.objective} ({row.subject})"
        table.add_row(
            Text(row.outcome.name, _STYLES[row.outcome]), Text(name), Text(row.value), Text(row.limit), Text(row.note)
        )
    console.print(table)


def _objective_line(row: ObjectiveRow) -> Text:
    name = row.objective if row.subject == WHOLE_RUN else f"{row.objective} ({row.subject})"
    note = f"  {row.note}" if row.note else ""
    return Text.assemble(
        (f"{row.outcome.name:<13}", _STYLES[row.outcome]), f"{name}: {row.value}, limit {row.limit}{note}"
    )


def _finding_lines(row: FindingRow) -> list[Text]:
    place = f" ({row.subject})" if row.subject else ""
    lines = [Text.assemble((f"{row.outcome.name:<13}", _STYLES[row.outcome]), f"{row.signal}{place}: {row.summary}")]
    extra = [row.when, row.measured, f"held for {row.held}" if row.held else ""]
    if row.runbook:
        extra.append(f"runbook {runbook_place(row.runbook)}")
    lines.append(Text(f"{'':13}{'; '.join(filter(None, extra))}", style="dim"))
    if row.query:
        lines.append(Text(f"{'':13}{row.query}", style="dim"))
    return lines
