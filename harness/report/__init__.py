"""Reports of a run: the same words in every format (``harness.report.view``)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Literal, get_args

from harness.errors import UsageError
from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.report.evidence import Evidence
from harness.report.html import html
from harness.report.junit import junit
from harness.report.markdown import summary
from harness.report.workflow_commands import workflow_commands
from harness.run.json_files import write_json, write_text
from harness.run.record import RunDirectory, RunRecord

Format = Literal["json", "junit", "markdown", "html", "annotations"]
FORMATS: tuple[Format, ...] = get_args(Format)
JUNIT_FILE = "junit.xml"
SUMMARY_FILE = "summary.md"
HTML_FILE = "report.html"


def render(format: str, verdict: Verdict, record: RunRecord, plan: Plan, evidence: Evidence | None = None) -> str:
    """One report as text.

    Args:
        evidence: the run's plots, for "html"; without it the report says that there are none.

    Raises:
        UsageError: no such format.
    """
    if format == "json":
        return json.dumps(verdict.to_json(), indent=2, allow_nan=False) + "\n"
    if format == "junit":
        return junit(verdict, record, plan)
    if format == "markdown":
        return summary(verdict, record, plan)
    if format == "annotations":
        return workflow_commands(verdict, record, plan)
    if format == "html":
        return html(verdict, record, plan, evidence or Evidence(missing="the run's series were not opened"))
    raise UsageError(f"there is no report format {format!r}", remedy=f"formats are: {', '.join(FORMATS)}")


def write_reports(
    directory: RunDirectory, verdict: Verdict, record: RunRecord, plan: Plan, evidence: Evidence | None = None
) -> None:
    """Writes verdict.json, junit.xml, summary.md and report.html into the run directory, each whole or not at all.

    The verdict first: whatever happens to the others, it is kept. Those of an earlier verdict do not stay beside it.

    Raises:
        OSError: something could not be written. Where the verdict could not, all is as it was.
    """
    write_json(directory.verdict_file, verdict.to_json())
    left = [(JUNIT_FILE, "junit"), (SUMMARY_FILE, "markdown"), (HTML_FILE, "html")]
    try:
        while left:
            name, form = left[0]
            write_text(directory.path / name, render(form, verdict, record, plan, evidence))
            del left[0]
    except OSError:
        for name, _ in left:
            with suppress(OSError):
                (directory.path / name).unlink()
        raise
