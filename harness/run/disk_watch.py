"""Is there room to keep the run's series? A Prometheus on a full disk lives, answers, and keeps nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.plan.footprint import CHUNK_FILE_BYTES
from harness.prom.wal import bytes_of
from harness.units import format_bytes, format_duration

REPORTS_BYTES = 16 * 2**20  # verdict, reports and logs of the run's end
FULL_BYTES = 2**20  # less is a full disk: what is scraped is lost, or will be in seconds
PATIENCE = 60.0  # seconds of a full disk; who makes room within them ends nothing


@dataclass(frozen=True)
class Room:
    """Bytes: free in a folder, and needed there for the run's archive and reports."""

    folder: Path
    free: float
    needed: float


def room_for(folder: Path, data: Path) -> Room | None:
    """Of a run directory whose Prometheus writes below ``data``; None when it cannot be told."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return None
    blocks = state.f_bfree if os.geteuid() == 0 else state.f_bavail  # the rest of them is for root
    return Room(folder, float(blocks * state.f_frsize), bytes_of(data) + CHUNK_FILE_BYTES + REPORTS_BYTES)


@dataclass
class DiskWatch:
    """Looks at the room again and again.

    Attributes:
        said: what to note of the last look, in words; empty: nothing that was not said before.
    """

    said: str = ""
    _full_since: float | None = None
    _what: str = ""

    def look(self, room: Room | None, now: float) -> str | None:
        """Why the run must end, in words: nothing more can be kept, and nobody makes room.

        Too little room for the archive ends nothing: what is scraped is there, and can be archived when there is room.

        Args:
            now: seconds of a clock that nobody sets.
        """
        self.said = ""
        if room is None or room.free >= room.needed:
            self._full_since, self._what = None, ""
            return None
        full = room.free < FULL_BYTES
        what = "no space left on the disk" if full else "hardly any space left on the disk"
        if what != self._what:
            self._what = what
            self.said = (
                f"{what} of {room.folder}: {format_bytes(room.free)} free; "
                f"the run's archive and reports need {format_bytes(room.needed)} at its end"
            )
        if not full:
            self._full_since = None
            return None
        self._full_since = now if self._full_since is None else self._full_since
        since = now - self._full_since
        if since < PATIENCE:
            return None
        return f"{what} of {room.folder} for {format_duration(round(since))}: nothing more can be kept"
