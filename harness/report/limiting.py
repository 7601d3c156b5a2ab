"""Which signals left their normal range around the break, the first first: as rows, the same in every format. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.judge.verdict import Verdict
from harness.report.text import clean, one_line
from harness.units import format_duration, format_value

LIMITING_COLUMNS = ("What", "When", "At a load of", "Normal up to", "Then")
SOON = 1.0  # seconds: closer than samples can tell


@dataclass(frozen=True)
class LimitRow:
    """One signal; ``first`` is the limiting resource."""

    what: str
    when: str
    load: str
    normal: str
    level: str
    first: bool = False


def limiting(verdict: Verdict) -> Mapping[str, Any] | None:
    """``limiting`` of a stress or capacity run's answer; None where nothing broke or nothing was compared."""
    for answer in (verdict.stress, verdict.capacity):
        if answer and answer.get("limiting"):
            found: Mapping[str, Any] = answer["limiting"]
            return found
    return None


def limiting_rows(verdict: Verdict) -> tuple[LimitRow, ...]:
    """In the order in which they left; empty where none did."""
    told = limiting(verdict)
    if told is None:
        return ()
    unit = verdict.steps[0].unit if verdict.steps else "users"
    return tuple(_row(told, one, unit, index == 0) for index, one in enumerate(told["order"]))


def limiting_text(verdict: Verdict) -> str:
    """What is to be said where no signal left its normal range; empty otherwise."""
    told = limiting(verdict)
    if told is None or told["order"]:
        return ""
    watched = ", ".join(told["watched"])
    return clean(f"No watched resource left its normal range ({watched})." if watched else "No resource was watched.")


def _row(told: Mapping[str, Any], one: Mapping[str, Any], unit: str, first: bool) -> LimitRow:
    return LimitRow(
        what=one_line(clean(one["what"])),
        when=_when(told, one),
        load="" if one.get("load") is None else format_value(float(f"{one['load']:.3g}"), unit),
        normal=format_value(one["normal"], one["unit"]),
        level=f"up to {format_value(one['level'], one['unit'])}",
        first=first,
    )


def _when(told: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    broke = told.get("broke_at")
    if broke is None:
        return "around the break"
    lead = broke - one["at"]
    limit = clean(str(told.get("objective") or "the objective"))
    if abs(lead) < SOON:
        return f"as {limit} broke"
    return f"{format_duration(round(abs(lead)))} {'before' if lead > 0 else 'after'} {limit} broke"
