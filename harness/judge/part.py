"""A part of a run's steady state, judged alone (``harness judge --from --to``). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harness.errors import UsageError
from harness.judge.windows import Window
from harness.run.record import RunRecord, rfc3339
from harness.units import parse_duration


@dataclass(frozen=True)
class Part:
    """From when to when, as a person says it: since the run's start ("2h30m"), or a time ("2026-11-23T14:05:00Z").

    None is the beginning, or the end, of the steady state.
    """

    start: str | None = None
    end: str | None = None

    def within(self, steady: Window | None, record: RunRecord) -> Window:
        """The part as a window.

        Raises:
            UsageError: no such time, nothing lies between both, or it is not within the steady state.
        """
        if steady is None:
            raise UsageError(f"the run {record.run_id} never reached its steady state: there is no part to judge")
        first = steady.start if self.start is None else _moment("--from", self.start, record)
        last = steady.end if self.end is None else _moment("--to", self.end, record)
        if not steady.start - 1e-3 <= first < last <= steady.end + 1e-3:
            begun, ended = (f"{moment - record.started_at:.0f}s" for moment in (steady.start, steady.end))
            raise UsageError(
                f"{rfc3339(first)} to {rfc3339(last)} is no part of the steady state, which lasted from "
                f"{rfc3339(steady.start)} to {rfc3339(steady.end)}",
                remedy=f"give times between them, or since the run's start: --from {begun} --to {ended}",
            )
        return Window(first, last)


def _moment(option: str, text: str, record: RunRecord) -> float:
    try:
        return record.started_at + parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text} is neither a time nor a duration since the run's start",
            remedy="give it as 2026-11-23T14:05:00Z, or as 2h30m",
        ) from None
    if moment.tzinfo is None:
        raise UsageError(f"{option} {text} has no time zone", remedy="give it as 2026-11-23T14:05:00Z")
    return moment.timestamp()
