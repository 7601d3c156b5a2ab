"""Logs that are written all night: their size is bounded, their beginning and their end are kept."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.run.child import Child, Program
from harness.run.log_bounds import CUT, LOG_LIMIT, bound_log, bound_logs

LIMIT = 100_000


def test_the_middle_is_cut_out_and_writing_goes_on_behind(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    with file.open("ab") as log:
        log.write(b"first\n" + b"x" * LIMIT + b"\nlast\n")
        log.flush()
        assert bound_log(file, LIMIT)
        log.write(b"later\n")
    text = file.read_bytes()
    assert text.startswith(b"first\n") and text.endswith(b"\nlast\nlater\n") and CUT in text
    assert b"\0" not in text, "no hole"
    assert len(text) < LIMIT * 0.6
    assert not bound_log(file, LIMIT), "it is small now"


def test_only_large_logs_are_cut_and_nothing_else(tmp_path: Path) -> None:
    big = b"y" * (LIMIT + 1)
    (tmp_path / "big.log").write_bytes(big)
    (tmp_path / "small.log").write_bytes(b"y" * LIMIT)
    (tmp_path / "data.bin").write_bytes(big)
    outside = tmp_path / "outside"
    outside.write_bytes(big)
    (tmp_path / "link.log").symlink_to(outside)
    assert bound_logs([tmp_path, tmp_path / "none"], LIMIT) == [tmp_path / "big.log"]
    assert outside.read_bytes() == big
    assert not bound_log(tmp_path / "none.log", LIMIT)


def test_a_child_that_complains_all_night_keeps_its_log_bounded(tmp_path: Path) -> None:
    """Faster than it is looked at: what counts is what is left after each look."""
    file = tmp_path / "child.log"
    talks = (
        "import sys, time\n"
        "while True: sys.stdout.write('it failed again\\n' * 1024); sys.stdout.flush(); time.sleep(1e-3)"
    )
    child = Child(Program(name="talker", argv=[sys.executable, "-c", talks], log=file))
    try:
        cuts = 0
        while cuts < 5:
            cuts += bound_log(file, LIMIT)
    finally:
        child.kill()
    bound_log(file, LIMIT)
    assert file.stat().st_size <= LIMIT


def test_a_day_of_all_logs_fits_a_small_disk() -> None:
    """Ten logs of a run at their bound are less than what the series of a day need."""
    assert 10 * LOG_LIMIT <= 512 * 2**20
