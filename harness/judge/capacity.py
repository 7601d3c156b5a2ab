"""What a capacity run found: its probes read from the archive, the search repeated on them, and what ran out first.

Nothing of the live search is believed but which loads were held when: the same data give the same answer next year.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from exporters import metric_names as names
from harness.judge.capacity_model import Interval
from harness.judge.capacity_search import Found, Tried, search
from harness.judge.capacity_settings import settings_of
from harness.judge.context import Context
from harness.judge.counter_window import growth
from harness.judge.counters import spellings
from harness.judge.latency import quantile_of
from harness.judge.limiting import Departure, Signal, departures
from harness.judge.limiting_signals import signals_of
from harness.judge.probe_reading import ProbeReader, ProbeReading
from harness.judge.steps import State, Step
from harness.judge.usl import Point, UslFit, curve_of, fit_usl, knee_of, throughput_at
from harness.judge.windows import Window
from harness.plan.holds import Unit
from harness.plan.objectives import Objective
from harness.prom.series import Series

NORMAL_SHARE = 0.75  # of the capacity: what held below it shows what is normal
_STATES: dict[str, State] = {"held": "held", "broke": "broken"}


@dataclass(frozen=True)
class Limit:
    """What ran out first.

    Attributes:
        order: the resources that left their normal range, the first first.
        objective: the one that broke, and when: unix seconds; None: it did not break in the watched time.
        watched: names of the signals that were looked at.
    """

    order: tuple[Departure, ...] = ()
    objective: str = ""
    broke_at: float | None = None
    watched: tuple[str, ...] = ()

    @property
    def lead(self) -> float | None:
        """Seconds from the first departure to the break; negative when it came after it."""
        return self.broke_at - self.order[0].at if self.order and self.broke_at is not None else None


@dataclass(frozen=True)
class CapacityResult:
    """The answer of a capacity run.

    Attributes:
        unit: of the loads: users, or rps (arrivals per second).
        ended: why the search was over; "unfinished" when the run ended before it was.
        interval: in ``unit``; None when nothing held or broke.
        rps: the same in answered requests per second; None where throughput was not measured that far.
    """

    unit: Unit
    found: Found
    steps: tuple[Step, ...]
    readings: tuple[ProbeReading, ...]
    curve: tuple[Point, ...] = ()
    knee: Point | None = None
    usl: UslFit = field(default_factory=lambda: UslFit((), refused="nothing was measured"))
    limit: Limit = field(default_factory=Limit)

    @property
    def interval(self) -> Interval | None:
        return self.found.interval

    @property
    def ended(self) -> str:
        return self.found.ended or "unfinished"

    @property
    def rps(self) -> tuple[float | None, float | None, float | None]:
        """(low, estimate, high)."""
        if self.interval is None:
            return None, None, None
        if self.unit == "rps":
            return self.interval.low, self.interval.estimate, self.interval.high
        low, estimate, high = (
            throughput_at(self.curve, load) for load in (self.interval.low, self.interval.estimate, self.interval.high)
        )
        # Past the edge throughput may fall again: of an interval the ends are ordered.
        ends = [one for one in (low, estimate, high) if one is not None]
        return (min(ends) if low is not None else None), estimate, (max(ends) if high is not None else None)


def read_capacity(context: Context) -> CapacityResult:
    """Reads the probes that run.json names, and searches again.

    Raises:
        QueryError: a query failed; that is never "no data".
    """
    plan, section = context.plan, context.plan.capacity
    assert section is not None
    unit: Unit = "users" if plan.load.model == "closed" else "rps"
    reader = ProbeReader(context.api, plan, context.stack, context.interval)
    readings, steps = [], []
    for one in context.record.steps:
        window = Window(one.begun + section.settle, one.ended)
        if window.span <= 0 or not _inside(window, context.steady, context.interval):
            continue
        reading = reader.read(one.load, window)
        if _touched(window, context.steady):
            reading = ProbeReading("void", "a part of it was set aside")
        readings.append(reading)
        steps.append(
            Step(
                one.load,
                unit,
                one.begun,
                window.start,
                one.ended,
                reading.rps if math.isfinite(reading.rps) else None,
                _p95(context, reader, window),
                reading.error_ratio,
                _STATES.get(reading.shown, "unclear"),
                reading.broken if reading.shown == "broke" else (),
                reading.why,
            )
        )
    found = search(settings_of(plan), [Tried(s.load, r.shown) for s, r in zip(steps, readings, strict=True)])
    measured = [(s.load, s.achieved_rps) for s in steps if s.achieved_rps is not None and s.outcome != "unclear"]
    curve = curve_of([load for load, _ in measured], [rps for _, rps in measured])
    fit = fit_usl(curve) if unit == "users" else UslFit(curve, refused="the law is about users; these are arrivals")
    limit = _limit(context, found, steps)
    return CapacityResult(unit, found, tuple(steps), tuple(readings), curve, knee_of(curve), fit, limit)


def _inside(window: Window, judged: Window | None, interval: float) -> bool:
    """A part of the run may be judged alone."""
    return judged is not None and window.start >= judged.start and window.end <= judged.end + interval


def _touched(window: Window, judged: Window | None) -> bool:
    """Whether something of it was set aside. What is left of a hold is too short to show anything."""
    return judged is not None and any(h.start < window.end and h.end > window.start for h in judged.holes)


def _p95(context: Context, reader: ProbeReader, window: Window) -> float | None:
    """Seconds, failed requests counting as slower than all; None among those, or where nothing was counted."""
    selector = context.selector(names.REQUEST_DURATION + "_bucket", outcome="ok")
    found = context.api.raw(selector, window.start - 3 * context.interval, window.end)
    edges = sorted({one.labels["le"] for one in found if "le" in one.labels}, key=float)
    total = reader.counted(names.REQUEST_DURATION + "_count", window)
    if total <= 0 or not edges:
        return None
    finite = [le for le in edges if math.isfinite(float(le))]
    counts = [sum(growth(one, window, False) for one in found if one.labels.get("le") == le) for le in finite]
    value = quantile_of(np.array([float(le) for le in finite]), np.array(counts), total, 0.95)
    return value if math.isfinite(value) else None


def _limit(context: Context, found: Found, steps: Sequence[Step]) -> Limit:
    """Looks at the ramp over the edge after the search, or, without one, at the lowest load that broke."""
    interval = found.interval
    broke = sorted((s for s in steps if s.outcome == "broken"), key=lambda s: s.load)
    held = [s for s in steps if s.outcome == "held"]
    if interval is None or not broke or not held or context.steady is None:
        return Limit()
    last = max(s.ended for s in steps)
    if found.ended == "narrow" and context.steady.end - last > 2 * context.interval:
        watched = Window(last, context.steady.end)
    else:
        watched = Window(broke[0].begun, broke[0].ended)
    low = [s for s in held if s.load <= NORMAL_SHARE * interval.estimate] or [min(held, key=lambda s: s.load)]
    reference = max(low, key=lambda s: s.load)
    normal = Window(reference.settled_from, reference.ended)
    # A backlog of the last breach is worked off before the ramp begins: what is out there is not its rise.
    calm = _calm_from(context, watched) if watched.start == last else watched
    signals = signals_of(context, Window(min(normal.start, calm.start), calm.end))
    order = departures(signals, normal, calm, context.interval, lambda at: _load_at(context, at))
    name = max({n for s in broke for n in s.broken}, key=lambda n: sum(n in s.broken for s in broke))
    objective = next(
        (o for o in context.plan.objectives if name == (f"{o.subject} {o.name}" if o.endpoint else o.name)), None
    )
    broke_at = _broke_at(context, objective, calm) if objective is not None else None
    what = tuple(dict.fromkeys(signal.what for signal in signals))
    return Limit(order, name, broke_at, what)


def _calm_from(context: Context, watched: Window) -> Window:
    """From the last moment at which the load was lowest: there the ramp begins."""
    loads = _loads(context, watched)
    if not len(loads):
        return watched
    lowest = float(loads.values.min())
    near = loads.times[loads.values <= lowest * 1.05 + 1e-9]
    return Window(float(near[-1]), watched.end)


def _loads(context: Context, window: Window) -> Series:
    users = f"sum({context.selector(names.USERS)})"
    rate = f"sum(rate({context.selector(names.ARRIVALS_PLANNED)}[{max(4.0, 4 * context.interval):g}s]))"
    found = context.api.query_range(
        users if context.plan.load.model == "closed" else rate, window.start, window.end, context.interval
    )
    return found[0] if found else Series({}, np.empty(0), np.empty(0))


def _load_at(context: Context, at: float) -> float | None:
    loads = _loads(context, Window(at, at + context.interval))
    return float(loads.values[0]) if len(loads) else None


def _broke_at(context: Context, objective: Objective, watched: Window) -> float | None:
    """When the share of requests beyond an objective rose over what it allows, for good enough."""
    of = {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {}
    span = f"[{max(4.0, 4 * context.interval):g}s]"
    total = f"sum(rate({context.selector(names.REQUEST_DURATION + '_count', **of)}{span}))"
    if objective.spec.family == "latency":
        share = 1 - (objective.spec.quantile or 0.0)
        choice = "|".join(one.replace(".", r"\\.") for one in spellings(objective.limit))
        within = context.selector(names.REQUEST_DURATION + "_bucket", outcome="ok", **of)
        good = f'sum(rate({within[:-1]},le=~"{choice}"}}{span}))'
        expr = f"1 - ({good} or 0 * {total}) / ({total} > 0)"
    else:
        share = objective.limit
        failed = context.selector(names.REQUEST_DURATION + "_count", outcome="error", **of)
        expr = f"(sum(rate({failed}{span})) or 0 * {total}) / ({total} > 0)"
    found = context.api.query_range(expr, watched.start, watched.end, context.interval)
    if not found:
        return None
    signal = Signal("load", "", objective.name, "ratio", found[0].times, found[0].values, full=share)
    left = departures([signal], Window(watched.start, watched.start), watched, context.interval)
    return left[0].at if left else None


def to_json(result: CapacityResult) -> dict[str, Any]:
    """``capacity`` of verdict.json; times in unix seconds."""
    interval, (low, estimate, high) = result.interval, result.rps
    known = result.found
    return {
        "unit": result.unit,
        "ended": result.ended,
        "estimate": interval.estimate if interval and known.bounded_below and known.bounded_above else None,
        "low": interval.low if interval and known.bounded_below else None,
        "high": interval.high if interval and known.bounded_above else None,
        "confidence": interval.confidence if interval else None,
        "rps": {"low": low, "estimate": estimate, "high": high},
        "probes": [
            {"load": s.load, "shown": r.shown, "why": r.why, "broken": list(r.broken), "requests": r.requests}
            for s, r in zip(result.steps, result.readings, strict=True)
        ],
        "curve": [asdict(point) for point in result.curve],
        "knee": asdict(result.knee) if result.knee else None,
        "usl": asdict(result.usl) | {"points": len(result.usl.points)},
        "limiting": {
            "objective": result.limit.objective,
            "broke_at": result.limit.broke_at,
            "lead_seconds": result.limit.lead,
            "watched": list(result.limit.watched),
            "order": [
                {
                    "signal": d.signal.name, "subject": d.signal.subject, "what": d.signal.what, "at": d.at,
                    "load": d.load, "level": d.level, "normal": d.normal, "unit": d.signal.unit,
                }
                for d in result.limit.order
            ],
        },
    }  # fmt: skip
