"""Windows that were set aside: by the plan (``set_aside:``) or by hand (``harness mark --exclude 10m "deploy"``).

They are left out of everything that is judged, and told beside the outcome. Too much of them is no evidence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.plan.judgeable import MOST_ASIDE
from harness.plan.model import Plan
from harness.run.json_files import MOST_BYTES
from harness.run.record import RunRecord, rfc3339
from harness.units import format_duration, format_value

MOST_LOST = 2 * MOST_ASIDE  # of the steady state, the scrapes after each window included
SETTLE_INTERVALS = 2.0  # what was asked within the window is answered and scraped up to two intervals later


@dataclass(frozen=True)
class SetAside:
    """One window that does not count.

    Attributes:
        start, end: unix seconds.
        by: "plan", "hand" for ``harness mark``, or "harness" for a time in which it was dead.
        marked_at: when a hand did it; None for the plan's.
    """

    start: float
    end: float
    reason: str
    by: str
    marked_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "from": rfc3339(self.start),
            "to": rfc3339(self.end),
            "reason": self.reason,
            "by": self.by,
            "marked_at": rfc3339(self.marked_at),
        }


def read_marks(file: Path) -> tuple[SetAside, ...]:
    """What was set aside by hand, in the order in which it was; empty without the file.

    Raises:
        ArchiveError: a line cannot be read. A mark that is overlooked would judge what somebody set aside.
    """
    if file.exists() and (not file.is_file() or file.stat().st_size > MOST_BYTES):
        raise ArchiveError(f"{file} is no list of marks: it is too large, or no regular file")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"{file} cannot be read: {error}") from error
    return tuple(_mark(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip())


def _mark(line: str, where: str) -> SetAside:
    try:
        data = json.loads(line)
        start, end = (datetime.fromisoformat(data[key]) for key in ("from", "to"))
        marked = datetime.fromisoformat(data["marked_at"])
        reason = str(data["reason"])
        if start.tzinfo is None or end.tzinfo is None or end <= start:
            raise ValueError("its times have no zone, or its end is not after its start")
    except (ValueError, TypeError, KeyError) as error:
        raise ArchiveError(
            f"{where} is no window that was set aside: {error}", remedy="mend or remove that line, then judge again"
        ) from error
    return SetAside(start.timestamp(), end.timestamp(), reason, "hand", marked.timestamp())


def all_aside(plan: Plan, record: RunRecord, marks: Sequence[SetAside]) -> tuple[SetAside, ...]:
    """The plan's windows, whose times count from the start of the load, those set aside by hand, and those in which
    the harness was dead; in order of time.

    A run that never reached its steady state has no window of the plan: nobody knows when its load began.
    """
    planned: list[SetAside] = []
    if record.steady_from is not None:
        begun = record.steady_from - plan.load.warmup
        planned = [SetAside(begun + w.at, begun + w.at + w.duration, w.reason, "plan") for w in plan.set_aside]
    last = record.ended_at if record.ended_at is not None else record.started_at + plan.load.duration
    gaps = [SetAside(gap.start, max(last, gap.start) if gap.end is None else gap.end, gap.reason, "harness")
            for gap in record.gaps]  # fmt: skip
    return tuple(sorted([*planned, *gaps, *marks], key=lambda one: (one.start, one.end)))


def holes(aside: Sequence[SetAside], interval: float) -> tuple[Window, ...]:
    """What does not count: the windows and the scrapes that still bring what was asked in them."""
    return tuple(Window(one.start, one.end + SETTLE_INTERVALS * interval) for one in aside)


def summary(aside: Sequence[SetAside], steady: Window | None) -> Mapping[str, Any] | None:
    """What verdict.json says of it: seconds and share of the steady state, and each window; None without any in it."""
    if steady is None:
        return None
    mine = [one for one in aside if one.start < steady.end and one.end > steady.start]
    if not mine:
        return None
    bare = Window(steady.start, steady.end).without(Window(one.start, one.end) for one in mine)
    seconds = bare.span - bare.length
    return {
        "seconds": seconds,
        "share": seconds / bare.span if bare.span > 0 else math.nan,
        "windows": [one.to_json() for one in mine],
    }


def check_set_aside(told: Mapping[str, Any] | None, steady: Window | None) -> list[Finding]:
    """INCONCLUSIVE when too much was set aside; else nothing: the outcome tells it.

    Args:
        steady: with its holes, of which each takes the scrapes after it too: many short ones hide more than they say.
    """
    if told is None or steady is None:
        return []
    share, most, scrapes = told["share"], MOST_ASIDE, ""
    if share <= most + 1e-9:
        share, most, scrapes = 1 - steady.length / steady.span, MOST_LOST, " with the scrapes after each window"
    if share <= most + 1e-9:
        return []
    reasons = ", ".join(dict.fromkeys(str(one["reason"]) for one in told["windows"]))
    return [
        Finding(
            check="run",
            signal="telemetry",
            outcome=Outcome.INCONCLUSIVE,
            summary=f"{format_duration(told['seconds'])} of the steady state were set aside ({reasons}), "
            f"{format_value(share, 'ratio')} of it{scrapes}: more than {most:.0%} is too much to judge the rest",
            first_seen=datetime.fromisoformat(told["windows"][0]["from"]).timestamp(),
            value=share,
            limit=most,
            unit="ratio",
        )
    ]
