"""What ran out first around the break of a stress run, from its archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.metric_names import Recorded
from harness.judge.break_point import BreakPoint
from harness.judge.context import Context, within
from harness.judge.limiting import Departure, departures
from harness.judge.limiting_signals import signals_of
from harness.judge.windows import Window
from harness.units import format_duration

SOON = 1.0  # seconds: closer than samples can tell


def read_limit(context: Context, found: BreakPoint, onset: float | None) -> Mapping[str, Any] | None:
    """``limiting`` of verdict.json: signals in the order in which they left their normal range; None without a break.

    Normal is the lowest step that was held. Watched is the time from the highest one that was held to the break's end.

    Args:
        onset: when the first objective was over its limit at the break.
    """
    held, broken = found.held, found.broken
    if held is None or broken is None:
        return None
    lowest = min((s for s in found.steps if s.outcome == "held"), key=lambda s: s.load)
    normal = Window(lowest.settled_from, lowest.ended)
    watched = Window(held.settled_from if held is not lowest else broken.begun, broken.ended)
    signals = signals_of(context, Window(normal.start, watched.end))
    order = departures(signals, normal, watched, context.interval, lambda at: _load_at(context, at))
    lead = onset - order[0].at if order and onset is not None else None
    return {
        "objective": ", ".join(broken.broken),
        "broke_at": onset,
        "lead_seconds": lead,
        "watched": list(dict.fromkeys(signal.what for signal in signals)),
        "order": [_departure(one) for one in order],
    }


def limit_text(limiting: Mapping[str, Any] | None) -> str:
    """ "past that, first out of its normal range: processor of web, 8s before"; empty where nothing was compared."""
    if limiting is None or not limiting["watched"]:
        return ""
    if not limiting["order"]:
        return "past that, no watched resource left its normal range"
    first, lead = limiting["order"][0], limiting["lead_seconds"]
    when = ""
    if lead is not None and abs(lead) >= SOON:
        when = f", {format_duration(round(abs(lead)))} {'before' if lead > 0 else 'after'} it broke"
    return f"past that, first out of the normal range: {first['what']}{when}"


def _departure(one: Departure) -> dict[str, Any]:
    return {
        "signal": one.signal.name, "subject": one.signal.subject, "what": one.signal.what, "at": one.at,
        "load": one.load, "level": one.level, "normal": one.normal, "unit": one.signal.unit,
    }  # fmt: skip


def _load_at(context: Context, at: float) -> float | None:
    recorded = Recorded.USERS if context.plan.load.model == "closed" else Recorded.ARRIVALS_PLANNED
    seen = within(context.one(recorded), Window(at, at + 2 * context.interval))
    return float(seen.values[0]) if len(seen) else None
