"""Keeps the logs of a run small: a part that complains all night must not fill the disk that the series need."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

LOG_LIMIT = 32 * 2**20  # bytes of one log
_HEAD = 2**20  # how it began,
_TAIL = 4 * 2**20  # and what it said last: both tell more than the middle
CUT = b"\n... cut by the harness ...\n"


def bound_logs(folders: Iterable[Path], limit: int = LOG_LIMIT) -> list[Path]:
    """Cuts the middle out of each ``*.log`` directly below the folders that outgrew the limit; returns those."""
    return [file for folder in folders for file in sorted(folder.glob("*.log")) if bound_log(file, limit)]


def bound_log(file: Path, limit: int = LOG_LIMIT) -> bool:
    """Cuts the middle out of a log larger than ``limit`` bytes, in its place: who writes it must append (O_APPEND).

    Lines that are written at that very moment may be lost. A log that cannot be cut is left: it is no reason to end a
    run.
    """
    try:
        if file.is_symlink() or file.stat().st_size <= limit:
            return False
        with file.open("r+b") as log:
            head = log.read(min(_HEAD, limit // 4))
            length = min(_TAIL, limit // 4)
            log.seek(-length, 2)
            tail = log.read(length)  # no more: who writes faster than this reads has no end
            log.seek(0)
            log.truncate()
            log.write(head + CUT + tail)
    except OSError:
        return False
    return True
