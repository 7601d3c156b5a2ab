"""The Markdown summary, made for a pull request's comment: the verdict first, the rest short. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.report.comparison import ComparedRow, ComparedView, compared_view
from harness.report.headline import only_the_cause
from harness.report.limiting import LIMITING_COLUMNS
from harness.report.runbooks import runbook_place
from harness.report.steps import STEP_COLUMNS
from harness.report.text import markdown as escape
from harness.report.text import markdown_code as code
from harness.report.view import FindingRow, ReportView, make_view
from harness.run.record import RunRecord

# GitHub refuses comments above 65,536 characters; whoever needs more opens the HTML report.
MAX_LENGTH = 60_000
MAX_FINDINGS = 30
MAX_PLACES = 3
MAX_COMPARED = 60
_CHANGES = {"worse": "❌", "better": "🟢", "same": "✅", "cannot tell": "❔"}
_SYMBOLS = {
    Outcome.PASS: "✅",
    Outcome.WARN: "⚠️",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.ERROR: "🛑",
    Outcome.FAIL: "❌",
}


def summary(verdict: Verdict, record: RunRecord, plan: Plan) -> str:
    view = make_view(verdict, record, plan)
    # A finding that says no more than the cause above is not told twice.
    findings = () if only_the_cause(verdict) else view.findings
    compared = compared_view(verdict.comparison)
    table = f"### Regression\n\n{comparison_table(compared)}" if compared else ""
    parts = [_top(view), _objectives(view), _steps(view), _findings(findings), table, _gaps(view), _facts(view)]
    text = "\n".join(part for part in parts if part)
    if len(text) > MAX_LENGTH:
        text = text[:MAX_LENGTH].rsplit("\n", 1)[0] + "\n\n(shortened; the whole is in report.html)\n"
    return text


def _top(view: ReportView) -> str:
    lines = [f"## {_SYMBOLS[view.outcome]} {view.word}: {escape(view.plan_name)}", "", escape(view.headline)]
    if view.cause:
        lines += ["", f"**First cause:** {escape(view.cause)}"]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _objectives(view: ReportView) -> str:
    if not view.objectives:
        return "No objective was judged.\n"
    noted = any(row.note for row in view.objectives)
    head = ["", "Objective", "Subject", "Value", "Limit", *(["Note"] if noted else [])]
    rows = [
        [
            f"{_SYMBOLS[row.outcome]} {row.outcome.name}",
            escape(row.objective),
            escape(row.subject),
            escape(row.value),
            escape(row.limit),
            *([escape(row.note)] if noted else []),
        ]
        for row in view.objectives
    ]
    return "### Objectives\n\n" + _table(head, rows)


def _steps(view: ReportView) -> str:
    """Stress and capacity runs: the loads that were held."""
    if not view.steps:
        return ""
    symbols = {"held": "✅", "broken": "💥", "unclear": "❔"}
    rows = [
        [
            escape(row.load),
            f"{symbols[row.outcome]} {row.outcome}",
            *(escape(cell) for cell in (row.rps, row.p95, row.errors)),
            f"**{escape(row.why)}**" if row.break_ else escape(row.why),
        ]
        for row in view.steps
    ]
    return "### Steps\n\n" + _table(STEP_COLUMNS, rows) + _law(view) + _limiting(view)


def _law(view: ReportView) -> str:
    return f"\n{escape(view.scalability)}\n" if view.scalability else ""


def _limiting(view: ReportView) -> str:
    """What ran out first."""
    if not view.limiting:
        return f"\n{escape(view.limiting_note)}\n" if view.limiting_note else ""
    rows = [
        [f"**{escape(row.what)}**" if row.first else escape(row.what)]
        + [escape(cell) for cell in (row.when, row.load, row.normal, row.level)]
        for row in view.limiting
    ]
    return "\nWhat left its normal range, the first first:\n\n" + _table(LIMITING_COLUMNS, rows)


def _findings(findings: Sequence[FindingRow]) -> str:
    if not findings:
        return ""
    lines = ["### Findings, in order of onset", ""]
    for row in findings[:MAX_FINDINGS]:
        place = f" ({escape(row.subject)})" if row.subject else ""
        lines.append(
            f"- {_SYMBOLS[row.outcome]} **{row.outcome.name}** {escape(row.signal)}{place}: {escape(row.summary)}"
        )
        extra = [escape(row.when)]
        if row.measured:
            extra.append(escape(row.measured))
        if row.held:
            extra.append(f"held for {escape(row.held)}")
        if row.runbook:
            extra.append(f"runbook {code(runbook_place(row.runbook))}")
        lines.append(f"  <br>{'; '.join(extra)}")
        if row.query:
            lines.append(f"  <br>{code(row.query)}")
    if len(findings) > MAX_FINDINGS:
        lines.append(f"- and {len(findings) - MAX_FINDINGS} more in report.html")
    return "\n".join(lines) + "\n"


def comparison_table(view: ComparedView) -> str:
    """What was compared, and each series that could be; what could not be measured is counted."""
    lines = [escape(view.head[:1].upper() + view.head[1:]) + ".", ""]
    shown = [row for row in view.rows if row.measured]
    if shown:
        head = ("", "Query", "Of", "Baseline", "This run", "Change", "95 % interval", "Would be found")
        rows = [
            [
                f"{_CHANGES.get(row.change, '❔')} {escape(row.change)}",
                code(row.query),
                *(escape(text) for text in (row.subject, row.baseline, row.value, row.effect or row.note)),
                *(escape(text) for text in (row.interval, row.detectable)),
            ]
            for row in shown[:MAX_COMPARED]
        ]
        lines.append(_table(head, rows))
    lines += _reasons(shown[:MAX_COMPARED])
    if len(view.rows) > len(shown):
        lines.append(f"- {len(view.rows) - len(shown)} series could not be compared; verdict.json tells why.")
    if len(shown) > MAX_COMPARED:
        lines.append(f"- and {len(shown) - MAX_COMPARED} more in verdict.json")
    lines += [f"- {escape(remark)}" for remark in view.remarks]
    return "\n".join(lines) + "\n"


def _reasons(rows: Sequence[ComparedRow]) -> list[str]:
    """What is to be known of rows whose change stands in the table; of many the same reason once."""
    places: dict[str, list[str]] = {}
    for row in rows:
        if row.effect and row.note:
            places.setdefault(row.note, []).append(f"{row.query} {row.subject}".strip())
    told = []
    for note, where in places.items():
        more = f" and {len(where) - MAX_PLACES} more" if len(where) > MAX_PLACES else ""
        told.append("- " + escape(f"{', '.join(where[:MAX_PLACES])}{more}: {note}"))
    return told


def _gaps(view: ReportView) -> str:
    lines = [f"- {code(name)} was taken out of this plan by `off`: it was not judged." for name in view.removed]
    lines += [f"- {escape(name + reason)}." for name, reason, _remedy in view.unjudgeable]
    lines += [f"- {escape(note)}" for note in view.notes]
    return "\n".join(["### Good to know", "", *lines]) + "\n" if lines else ""


def _facts(view: ReportView) -> str:
    rows = [(name, code(value) if name == "Target" else escape(value)) for name, value in view.facts]
    rows.insert(0, ("Run", code(view.run_id)))
    return "### Run\n\n" + _table(("", ""), rows)
