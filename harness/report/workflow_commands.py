"""Findings as GitHub's workflow commands (``::error title=...::``), which a workflow shows beside its steps. Pure.

Other CIs print the lines as they are. The commands' own escapes: https://docs.github.com/actions/reference/workflow-commands
"""

from __future__ import annotations

from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.report.text import one_line
from harness.report.view import make_view
from harness.run.record import RunRecord

_COMMANDS = {
    Outcome.FAIL: "error",
    Outcome.ERROR: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.WARN: "warning",
}
MOST = 10  # of a kind: GitHub shows no more in one step


def workflow_commands(verdict: Verdict, record: RunRecord, plan: Plan) -> str:
    """One line for the verdict, one for each objective and finding that is not PASS."""
    view = make_view(verdict, record, plan)
    command = _COMMANDS.get(verdict.outcome, "notice")
    lines = [_line(command, f"{view.word}: {view.plan_name}", view.headline)]
    counts = {"error": 1, "warning": 0}
    told = [
        (f.outcome, f"{f.outcome.name} {f.signal}", f"{f.subject + ': ' if f.subject else ''}{f.summary}")
        for f in view.findings
    ]
    named = {f.objective for f in verdict.findings if f.objective}
    told += [
        (o.outcome, f"{o.outcome.name} {o.objective}", f"{o.subject}: {o.value}, limit {o.limit}. {o.note}")
        for o in view.objectives
        if o.objective not in named
    ]
    for outcome, title, words in sorted(told, key=lambda one: -one[0]):
        kind = _COMMANDS.get(outcome)
        if kind is None or counts[kind] >= MOST:
            continue
        counts[kind] += 1
        lines.append(_line(kind, title, words))
    return "\n".join(lines) + "\n"


def _line(command: str, title: str, words: str) -> str:
    def data(text: str) -> str:
        return one_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    return f"::{command} title={data(title).replace(':', '%3A').replace(',', '%2C')}::{data(words)}"
