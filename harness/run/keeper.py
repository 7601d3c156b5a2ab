"""Keeps a run's ``run.json`` true at every moment, and its directory tidy at the end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from harness.errors import HarnessError
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.ownership import OWNER_FILE
from harness.run.interrupts import STOP_FILE
from harness.run.journal import Journal
from harness.run.live_state import STATE_FILE
from harness.run.naming import name_of
from harness.run.record import RunDirectory, RunRecord
from harness.run.removal import remove_tree
from harness.run.watch import Ending

_UNTIL_THE_END = (STATE_FILE, STOP_FILE, OWNER_FILE)


class RecordKeeper:
    """The record of one run; every change is written at once, so that a killed harness leaves the truth.

    Raises:
        OSError: the first record cannot be written.
    """

    def __init__(self, directory: RunDirectory, record: RunRecord, journal: Journal) -> None:
        self._directory = directory
        self._journal = journal
        self.record = record
        self._directory.write_record(record)

    def write(self) -> None:
        """On a full disk the file says what it said before, "crashed" at first; the next change tries again."""
        self.record = replace(self.record, notes=self._journal.notes)
        try:
            self._directory.write_record(self.record)
        except OSError as error:
            self._journal.error(f"{self._directory.record_file} cannot be written: {error.strerror}")

    def change(self, **fields: Any) -> None:
        self.record = replace(self.record, **fields)
        self.write()

    def end(self, ending: Ending, steady: tuple[float, float] | None = None) -> None:
        """How the load ended. A first ending is not overwritten by what fails after it; that becomes a note."""
        if self.record.ended_at is not None:
            self._journal.note(ending.reason)
            self.write()
            return
        begun = self.record.steady_from
        if steady is None and begun is not None and ending.at > begun:
            steady = (begun, ending.at)
        self.change(
            ended_at=ending.at,
            ended_by=ending.by,
            reason=ending.reason,
            steady_from=steady[0] if steady else None,
            steady_to=steady[1] if steady else None,
        )
        if ending.by == "completed":
            self._journal.event("the load is over")
        else:
            self._journal.error(f"{ending.by}: {ending.reason}")

    def clear_work(self, *, keep_prometheus: bool) -> None:
        """Removes the parts' data; series that could not be archived stay where they are, they are the only ones.

        That the harness lives, and what it does, stays to be seen until the end (``leave_work``): it still judges.
        """
        for path in sorted(self._directory.work.glob("*")):
            if path.name in _UNTIL_THE_END:
                continue
            if path.name == "prometheus" and keep_prometheus:
                self._journal.note(
                    f"the run's series are not archived; they are still in {path / 'data'}: "
                    f"`harness judge {name_of(self._directory)}` recovers them and judges the run"
                )
                (path / "prometheus.yml").unlink(missing_ok=True)  # may hold the target's credentials
            elif path.is_dir():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)
        self.write()


def leave_work(directory: RunDirectory) -> None:
    """The last of a run: removes what told that it is on."""
    for name in _UNTIL_THE_END:
        (directory.work / name).unlink(missing_ok=True)
    with suppress(OSError):  # missing, or series that are not archived yet
        directory.work.rmdir()


def nothing_to_judge(record: RunRecord, failure: Exception | None) -> Verdict:
    """The verdict of a run without series: ERROR when the harness failed, else INCONCLUSIVE. Pure."""
    outcome = Outcome.ERROR if failure else Outcome.INCONCLUSIVE
    words = failure.message if isinstance(failure, HarnessError) else str(failure)  # its remedy is among the notes
    summary = words if failure else f"the run was {record.ended_by}: {record.reason}; there is nothing to judge"
    finding = Finding(
        check="run", signal="telemetry", outcome=outcome, severity="critical", summary=summary,
        first_seen=record.ended_at,
    )  # fmt: skip
    return Verdict(record.run_id, (finding,), (), {})
