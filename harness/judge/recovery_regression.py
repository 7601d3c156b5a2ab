"""Two stress runs by how long they took to recover after the load dropped. Pure.

A run recovers once, and one number knows no noise: so only a multiple is called worse, and nothing finer is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.judge.regression_rows import Change
from harness.units import format_duration

WORSE_BY = 2.0  # times as long
SCRAPES = 2  # and by so many scrapes at least: recovery is read on their grid


@dataclass(frozen=True)
class Recovered:
    """What one run showed. ``seconds``: None where it was not well again in all the ``watched`` seconds."""

    run_id: str
    seconds: float | None
    watched: float

    @property
    def words(self) -> str:
        return format_duration(self.seconds) if self.seconds is not None else f"not in {format_duration(self.watched)}"


@dataclass(frozen=True)
class RecoveryRow:
    """One earlier run; None for a run that did not measure it. ``note``: why it cannot be told, or what to know."""

    run_id: str
    change: Change
    before: Recovered | None
    now: Recovered | None
    note: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "change": self.change.value}


def recovered_of(run_id: str, stress: Mapping[str, Any] | None) -> Recovered | None:
    """From ``Verdict.stress``; None where nothing was measured, as without a break."""
    found = (stress or {}).get("recovery")
    if not isinstance(found, Mapping) or found.get("state") not in ("recovered", "not"):
        return None
    seconds, watched = found.get("seconds"), found.get("watched")
    if not isinstance(watched, int | float) or (found["state"] == "recovered") != isinstance(seconds, int | float):
        return None
    return Recovered(run_id, None if seconds is None else float(seconds), float(watched))


def compare_recovery(
    run_id: str, now: Recovered | None, before: Recovered | None, interval: float, why: str = ""
) -> RecoveryRow | None:
    """The change since the earlier run ``run_id``; None where neither run shows anything.

    Args:
        interval: seconds between scrapes.
        why: why one of the runs is no evidence; empty when both are.
    """
    if now is None and before is None:
        return None
    if why or now is None or before is None:
        missing = "this run" if now is None else run_id
        return RecoveryRow(run_id, Change.CANNOT_TELL, before, now, why or f"{missing} did not measure it")
    # What was not seen to end lasted as long as it was watched, at least.
    least = [one.watched if one.seconds is None else one.seconds for one in (now, before)]
    if now.seconds is None and before.seconds is None:
        return RecoveryRow(run_id, Change.CANNOT_TELL, before, now, "neither run was seen to recover")
    if before.seconds is not None and _longer(least[0], before.seconds, interval):
        return RecoveryRow(run_id, Change.WORSE, before, now, f"more than {WORSE_BY:g} times as long")
    if now.seconds is not None and _longer(least[1], now.seconds, interval):
        return RecoveryRow(run_id, Change.BETTER, before, now, f"less than 1/{WORSE_BY:g} of it")
    if now.seconds is None or before.seconds is None:
        return RecoveryRow(run_id, Change.CANNOT_TELL, before, now, "it was not watched long enough")
    return RecoveryRow(run_id, Change.SAME, before, now, f"within {WORSE_BY:g} times; a run recovers once")


def _longer(one: float, other: float, interval: float) -> bool:
    return one > other + SCRAPES * interval and one > WORSE_BY * other and math.isfinite(one)
