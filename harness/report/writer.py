"""The reports of one run, in the two steps in which a run gives them: plots while its series are open, files after."""

from __future__ import annotations

import traceback
from pathlib import Path

from harness.errors import HarnessError
from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.prom.private import open_run
from harness.report import write_reports
from harness.report.evidence import Evidence, OpenedRun, collect
from harness.run.record import RunDirectory, RunRecord


class ReportWriter:
    """Collects the plots of one run, then writes its reports. Used once.

    Attributes:
        evidence: the plots.
        trouble: why there are no plots, with the traceback where that is a bug of ours; empty when there are.
    """

    def __init__(self) -> None:
        self.evidence = Evidence(missing="the run's series could not be opened")
        self.trouble = ""

    def look(self, data: OpenedRun, plan: Plan, verdict: Verdict) -> None:
        """Reads the plots from the opened run. Never raises: a verdict must not be lost over its pictures."""
        try:
            self.evidence = collect(data, verdict, plan)
        except HarnessError as error:
            self._without(error.message)
        except Exception as error:  # noqa: BLE001  (a bug of ours is told in the report and by the caller)
            self._without(f"they could not be drawn, which is a bug of the harness ({type(error).__name__}: {error})")
            self.trouble = traceback.format_exc()

    def write(self, directory: RunDirectory, verdict: Verdict, record: RunRecord, plan: Plan) -> None:
        """Writes all reports. Raises OSError."""
        write_reports(directory, verdict, record, plan, self.evidence)

    def _without(self, reason: str) -> None:
        self.evidence = Evidence(missing=reason)
        self.trouble = reason


def evidence_of(directory: RunDirectory, verdict: Verdict, plan: Plan, rules_dir: Path) -> Evidence:
    """The plots of an earlier run; a missing, empty or damaged archive gives none, and says why."""
    try:
        with open_run(directory, plan, rules_dir) as data:
            return collect(data, verdict, plan)
    except HarnessError as error:
        return Evidence(missing=error.message)
