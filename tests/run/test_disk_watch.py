"""Room on the disk while the load runs: when it is told, and when it ends a run."""

from __future__ import annotations

from pathlib import Path

from harness.plan.footprint import CHUNK_FILE_BYTES
from harness.run.disk_watch import FULL_BYTES, PATIENCE, REPORTS_BYTES, DiskWatch, Room, room_for

RUN = Path("/runs/r")


def room(free: float) -> Room:
    return Room(RUN, free, 20e6)


def test_enough_room_says_nothing() -> None:
    watch = DiskWatch()
    assert [watch.look(room(20e6), now) for now in (0.0, 1000.0)] == [None, None]
    assert watch.said == ""


def test_too_little_is_said_once_and_a_full_disk_again() -> None:
    watch = DiskWatch()
    assert watch.look(room(10e6), 0.0) is None
    assert watch.said.startswith("hardly any space left on the disk of /runs/r: 9.537 MiB free; the run's archive")
    assert (watch.look(room(9e6), 1.0), watch.said) == (None, "")
    assert watch.look(room(FULL_BYTES - 1.0), 2.0) is None
    assert watch.said.startswith("no space left on the disk of /runs/r")


def test_too_little_for_the_archive_ends_nothing() -> None:
    """What is scraped is there, and can be archived once there is room."""
    watch = DiskWatch()
    assert [watch.look(room(10e6), now) for now in (0.0, 1e6)] == [None, None]


def test_it_ends_the_run_when_nothing_can_be_kept_and_nobody_makes_room() -> None:
    watch = DiskWatch()
    assert watch.look(room(0.0), 100.0) is None
    assert watch.look(room(0.0), 100.0 + PATIENCE - 1) is None
    assert watch.look(room(0.0), 100.0 + PATIENCE) == (
        "no space left on the disk of /runs/r for 1m: nothing more can be kept"
    )


def test_room_that_was_made_begins_the_time_anew() -> None:
    watch = DiskWatch()
    watch.look(room(0.0), 0.0)
    assert watch.look(room(20e6), PATIENCE - 1) is None
    assert watch.look(room(0.0), PATIENCE + 1) is None
    assert watch.said.startswith("no space left")


def test_what_cannot_be_told_ends_nothing(tmp_path: Path) -> None:
    assert room_for(tmp_path / "gone", tmp_path) is None
    watch = DiskWatch()
    assert [watch.look(None, now) for now in (0.0, 1000.0)] == [None, None]


def test_the_room_of_a_run_is_its_log_and_its_reports(tmp_path: Path) -> None:
    (tmp_path / "data" / "wal").mkdir(parents=True)
    (tmp_path / "data" / "wal" / "00000000").write_bytes(bytes(1000))
    found = room_for(tmp_path, tmp_path / "data")
    assert found is not None
    assert found.needed == CHUNK_FILE_BYTES + REPORTS_BYTES + 1000
    assert found.free > 0
