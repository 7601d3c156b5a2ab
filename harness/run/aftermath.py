"""What follows when the parts of a run have ended: verdict, reports, and the message to whoever waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.errors import HarnessError
from harness.judge import judge_run
from harness.judge.damage import verdict_on_damage
from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.prom.manifest import DamagedArchiveError
from harness.prom.private import RunData
from harness.run.baselines import read_baselines
from harness.run.journal import Journal
from harness.run.keeper import RecordKeeper, nothing_to_judge
from harness.run.naming import name_of
from harness.run.notify import message, post, report_place
from harness.run.options import RunOptions
from harness.run.record import RunDirectory, RunRecord


class Reporter(Protocol):
    """Makes the reports: looks at the series while they are open, writes when the verdict is known."""

    trouble: str

    def look(self, data: RunData, plan: Plan, verdict: Verdict) -> None: ...
    def write(self, directory: RunDirectory, verdict: Verdict, record: RunRecord, plan: Plan) -> None: ...


@dataclass(frozen=True)
class Aftermath:
    """Of one run, whose record is as it stays."""

    plan: Plan
    options: RunOptions
    directory: RunDirectory
    keeper: RecordKeeper
    journal: Journal

    def judge(self, failure: HarnessError | None, report: Reporter) -> Verdict:
        """The verdict on the series that were kept.

        Args:
            failure: why the run could not be made; None where it could.
        """
        if not self.directory.tsdb.is_dir():
            return nothing_to_judge(self.keeper.record, failure)
        self.journal.event("judging")
        try:
            return judge_run(
                self.directory,
                self.plan,
                rules_dir=self.options.rules_dir,
                look=report.look,
                baselines=lambda: read_baselines(self.options.runs_root),
                anew=True,
            )
        except DamagedArchiveError as error:
            self.journal.error(str(error))
            return verdict_on_damage(self.keeper.record, error)
        except HarnessError as error:
            self.journal.error(str(error))
            return nothing_to_judge(self.keeper.record, error)

    def write(self, verdict: Verdict, report: Reporter) -> None:
        """Writes the reports. Raises HarnessError when they cannot be written."""
        if report.trouble:
            self.journal.error(f"the report has no plots: {report.trouble}")
        try:
            report.write(self.directory, verdict, self.keeper.record, self.plan)
        except OSError as error:
            raise HarnessError(
                f"the reports could not be written: {error}; the verdict is {verdict.outcome.word}",
                remedy=f"make room, then: harness judge {name_of(self.directory)}",
            ) from error

    def notify(self, verdict: Verdict) -> None:
        """After everything else: the report is there, and nothing depends on it."""
        if self.plan.notify is None:
            return
        services = self.options.services
        report = report_place(self.directory, services.report_base if services else None)
        failure = post(self.plan.notify.webhook, message(verdict, self.keeper.record, report))
        if failure:
            self.journal.note(failure)
            self.keeper.write()
