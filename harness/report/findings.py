"""The findings as cards of the HTML report: words, the plot that proves them, and what to look at next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from harness.judge.verdict import Verdict
from harness.report.evidence import Evidence
from harness.report.finding_text import in_order_of_onset, moment_of
from harness.report.plots import Plot
from harness.report.runbooks import read_runbook
from harness.report.view import FindingRow, finding_row
from harness.run.record import RunRecord
from harness.units import format_duration


@dataclass(frozen=True)
class Card:
    """One finding.

    Attributes:
        elapsed: time since the run's start; empty where the finding is about the whole window.
        first: whether it is the verdict's first cause.
        page: the runbook's name; empty when it has none.
        seen: number of the earlier card that says the same to look at next; 0 when this is the first.
        means, causes, steps: of the runbook, as ``Markup``: made from the product's own pages by a renderer that
            escapes HTML. What an alert means holds for findings of that alert only.
    """

    number: int
    row: FindingRow
    elapsed: str
    first: bool
    proof: Plot | None
    page: str = ""
    seen: int = 0
    means: str = ""
    causes: str = ""
    steps: str = ""


def finding_cards(verdict: Verdict, record: RunRecord, evidence: Evidence, runbooks: Path) -> list[Card]:
    """In the order in which they began."""
    cards: list[Card] = []
    shown: dict[str, int] = {}
    explained: set[str] = set()
    cause = verdict.first_cause
    for index, finding in enumerate(in_order_of_onset(verdict.findings)):
        moment = moment_of(finding)
        after = "" if moment is None else format_duration(max(0.0, round(moment - record.started_at)))
        book = read_runbook(runbooks, finding.runbook) if finding.runbook else None
        earlier = shown.setdefault(book.steps or book.name, index + 1) if book else 0
        fresh = book if earlier == index + 1 else None
        means = book.means if book and finding.check == "alerts" and book.name not in explained else ""
        explained |= {book.name} if book and means else set()
        cards.append(
            Card(
                number=index + 1,
                row=finding_row(finding),
                elapsed=after,
                first=finding is cause,
                proof=evidence.proofs[index] if index < len(evidence.proofs) else None,
                page=book.name if book else "",
                seen=0 if fresh else earlier,
                means=Markup(means),  # noqa: S704
                causes=Markup(fresh.causes if fresh else ""),  # noqa: S704
                steps=Markup(fresh.steps if fresh else ""),  # noqa: S704
            )
        )
    return cards
