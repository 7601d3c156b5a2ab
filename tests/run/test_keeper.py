"""What the record's keeper says of series that could not be archived."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError
from harness.run.journal import Journal
from harness.run.keeper import RecordKeeper, nothing_to_judge
from harness.run.record import RunDirectory, RunRecord
from harness.run.watch import Ending


class Silent:
    def event(self, text: str, level: str = "info") -> None: ...
    def progress(self, state: object) -> None: ...
    def close(self) -> None: ...


def test_series_that_are_not_archived_are_named_with_what_recovers_them(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "r")
    data = directory.work / "prometheus" / "data"
    data.mkdir(parents=True)
    (directory.work / "load").mkdir()
    (directory.work / "prometheus" / "prometheus.yml").write_text("a password")
    journal = Journal(Silent(), tmp_path / "log", lambda: 100.0)
    keeper = RecordKeeper(directory, RunRecord("r", "p", 100.0, "t"), journal)
    keeper.clear_work(keep_prometheus=True)
    assert directory.read_record().notes == (
        f"the run's series are not archived; they are still in {data}: "
        f"`harness judge {directory.path}` recovers them and judges the run",
    )
    assert sorted(p.name for p in directory.work.rglob("*")) == ["data", "prometheus"]


def test_the_remedy_is_no_part_of_what_happened() -> None:
    record = RunRecord("r", "p", 100.0, "t", ended_at=101.0)
    [finding] = nothing_to_judge(record, HarnessError("it broke", remedy="mend it")).findings
    assert finding.summary == "it broke"


class Told(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, text: str, level: str = "info") -> None:
        self.lines.append(text)


def test_a_full_disk_costs_lines_of_the_log_and_no_more(tmp_path: Path) -> None:
    told = Told()
    journal = Journal(told, Path("/dev/full"), lambda: 100.0)
    journal.event("the load is over")
    journal.note("worth knowing")
    assert told.lines == ["/dev/full cannot be written: No space left on device", "the load is over", "worth knowing"]
    assert journal.notes == ("worth knowing",)


def test_a_record_that_cannot_be_written_says_crashed_until_it_can(tmp_path: Path) -> None:
    told, directory = Told(), RunDirectory(tmp_path / "r")
    directory.path.mkdir()
    keeper = RecordKeeper(directory, RunRecord("r", "p", 100.0, "t"), Journal(told, tmp_path / "log", lambda: 100.0))
    directory.path.rename(tmp_path / "away")  # stands for a full disk: no new file can be made
    keeper.end(Ending("completed", "", 400.0))
    assert f"{directory.record_file} cannot be written: No such file or directory" in told.lines
    assert keeper.record.ended_by == "completed"
    (tmp_path / "away").rename(directory.path)
    assert directory.read_record().ended_by == "crashed"
    keeper.write()
    assert directory.read_record().ended_by == "completed"
