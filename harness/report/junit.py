"""JUnit XML: one test case per objective and per finding, so that a CI shows them as its own. Pure.

FAIL is ``<failure>``; INCONCLUSIVE and ERROR are ``<error>``, never ``<skipped>``: CIs count a skipped test as good.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET  # S405 concerns parsing; this only writes

from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.report.comparison import compared_view
from harness.report.finding_text import WHOLE_RUN
from harness.report.runbooks import runbook_place
from harness.report.text import xml_text
from harness.report.view import ReportView, make_view
from harness.run.record import RunRecord

_TAGS = {Outcome.FAIL: "failure", Outcome.ERROR: "error", Outcome.INCONCLUSIVE: "error"}


def junit(verdict: Verdict, record: RunRecord, plan: Plan) -> str:
    view = make_view(verdict, record, plan)
    cases = _Cases(view)
    for row in view.objectives:
        place = "" if row.subject == WHOLE_RUN else f" ({row.subject})"
        cases.add(
            "objectives",
            f"{row.objective}{place} {row.limit}",
            row.outcome,
            f"{row.objective}{place}: {row.value}, limit {row.limit}",
            row.note,
        )
    for number, step in enumerate(view.steps, 1):
        # Broken is what a step is for: only objectives fail a run.
        told = f"{step.outcome}: {step.rps}, p95 {step.p95}, failed {step.errors}"
        cases.add("steps", f"step {number}: {step.load} {step.outcome}", Outcome.PASS, told, step.why or "held")
    for found in view.findings:
        place = f" ({found.subject})" if found.subject else ""
        page = runbook_place(found.runbook) if found.runbook else ""
        details = [
            f"when: {found.when}",
            *(f"{name}: {text}" for name, text in (("measured", found.measured), ("held for", found.held)) if text),
            *(f"{name}: {text}" for name, text in (("query", found.query), ("runbook", page)) if text),
        ]
        cases.add(
            "findings." + found.check, f"{found.signal}{place}: {found.summary}", found.outcome, found.summary, *details
        )
    compared = compared_view(verdict.comparison)
    for one in compared.rows if compared else ():
        # Whether a change decides is said by the findings; the rows are for a CI's history of each query.
        cases.add(
            "regression",
            " ".join(filter(None, (one.query, one.subject))),
            Outcome.PASS if one.change in ("same", "better") else Outcome.WARN,
            f"{one.change}: {one.value}, baseline {one.baseline}",
            " ".join(filter(None, (one.effect, one.interval, one.note))),
        )
    # A verdict worse than all its parts (nothing judged at all) must not look green.
    if cases.worst < verdict.outcome:
        cases.add("verdict", "verdict", verdict.outcome, view.headline, view.cause)
    return cases.document(record)


class _Cases:
    """Collects test cases and their counts."""

    def __init__(self, view: ReportView) -> None:
        self.view = view
        self.worst = Outcome.PASS
        self._elements: list[ET.Element] = []
        self._names: dict[tuple[str, str], int] = {}
        self._counts = {"failure": 0, "error": 0}

    def add(self, group: str, name: str, outcome: Outcome, message: str, *details: str) -> None:
        self.worst = max(self.worst, outcome)
        classname = xml_text(f"endurance.{self.view.plan_name}.{group}")
        name = xml_text(name)
        # CIs merge cases of one name, and would show one of them only.
        seen = self._names[classname, name] = self._names.get((classname, name), 0) + 1
        case = ET.Element("testcase", name=name if seen == 1 else f"{name} #{seen}", classname=classname, time="0")
        text = xml_text("\n".join(filter(None, (message, *details))))
        tag = _TAGS.get(outcome)
        if tag:
            self._counts[tag] += 1
            element = ET.SubElement(case, tag, message=xml_text(message), type=outcome.name)
            element.text = text
        elif outcome is Outcome.WARN or any(details):
            ET.SubElement(case, "system-out").text = f"{outcome.name}\n{text}"
        self._elements.append(case)

    def document(self, record: RunRecord) -> str:
        seconds = max(0.0, record.ended_at - record.started_at) if record.ended_at is not None else 0.0
        counts = {
            "tests": str(len(self._elements)),
            "failures": str(self._counts["failure"]),
            "errors": str(self._counts["error"]),
            "time": f"{seconds:.3f}",
        }
        root = ET.Element("testsuites", {"name": "endurance-harness", **counts})
        started = datetime.fromtimestamp(record.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        fixed = {"name": xml_text(self.view.plan_name), "skipped": "0", "timestamp": started, "hostname": "harness"}
        suite = ET.SubElement(root, "testsuite", {**fixed, **counts})
        properties = ET.SubElement(suite, "properties")
        facts = (("run_id", self.view.run_id), ("verdict", self.view.word), *self.view.facts, *self.view.versions)
        for name, value in facts:
            ET.SubElement(properties, "property", name=xml_text(name), value=xml_text(value))
        suite.extend(self._elements)
        out = ET.SubElement(suite, "system-out")
        out.text = xml_text("\n".join(filter(None, (f"{self.view.word}: {self.view.headline}", self.view.cause))))
        ET.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
