"""The write-ahead log of a Prometheus that is started again: what its repair needs, and what a broken repair left.

A Prometheus that finds a torn record (as a full disk or a power cut leaves it) renames the segment to ``N.repair``,
copies it up to the tear into a new one and removes the old one. On a full disk the copy fails: most of the run then
stands in ``N.repair`` alone, which no Prometheus reads again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.errors import HarnessError
from harness.units import format_bytes

WAL = "wal"
_REPAIRED = ".repair"
# Beside the copy: a new segment and the files of queries and locks, all small before the first scrape.
_BESIDE = 1 << 20


def make_ready(data: Path) -> None:
    """To be called before a Prometheus is started on data that has been written to.

    Raises:
        HarnessError: there is no room to repair its log, should it be torn. Nothing was touched then.
        OSError: the log cannot be looked at.
    """
    wal = data / WAL
    if not wal.is_dir():
        return
    sizes = [file.stat().st_size for file in wal.iterdir() if file.is_file()]
    needed = max(sizes, default=0)
    free = shutil.disk_usage(wal).free
    if needed and free < needed + _BESIDE:
        raise HarnessError(
            f"no space left: {format_bytes(free)} free in {data}, and a torn write-ahead log could not be mended there",
            remedy=f"make room, at least {format_bytes(needed + _BESIDE)}; the series stay as they are until then",
        )
    _undo_broken_repair(wal)


def bytes_of(data: Path) -> int:
    """Bytes of the log: more than the archive of what it holds takes. 0 where there is none."""
    total = 0
    try:
        with os.scandir(data / WAL) as entries:
            for entry in entries:
                total += entry.stat().st_size
    except OSError:  # a segment that goes just now, or no log at all
        return total
    return total


def _undo_broken_repair(wal: Path) -> None:
    """Puts back the segment whose repair did not come to its end; the copy is its beginning, at most.

    Not where something was written to a later segment since: that would be thrown away by the repair of this one.
    """
    for repaired in sorted(wal.glob(f"*{_REPAIRED}")):
        segment = repaired.with_suffix("")
        later = (file for file in wal.iterdir() if file.name.isdigit() and file.name > segment.name)
        if segment.name.isdigit() and not any(file.stat().st_size for file in later):
            repaired.replace(segment)
