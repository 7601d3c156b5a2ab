"""Was the clock set back while the load ran? Then the run's series have no place for what happened until it caught up.

Prometheus drops samples that lie before those it has. The series then show no gap: their times go on, while counters
have counted more than those times tell, and gauges were read by nobody. A clock that was set ahead leaves a gap, which
is judged as such.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ClockWatch:
    """Compares the clock with one that nobody sets.

    Attributes:
        least: seconds between two looks by which it must go back to count: less loses no scrape.
        lost: seconds that it was set back so far, all steps together.
    """

    least: float
    lost: float = 0.0
    _offset: float | None = None

    def look(self, now: float, monotonic: float) -> float:
        """Seconds that it was set back since the last look; 0 when it was not.

        Args:
            now: unix seconds by the clock.
            monotonic: seconds of the other one, read just before or after.
        """
        offset, before = now - monotonic, self._offset
        self._offset = offset
        if before is None or before - offset < self.least:
            return 0.0
        self.lost += before - offset
        return before - offset
