"""Steps of load: which stretches of a run held one load, and how each came out. Pure.

A step is *broken* by an objective when the requests of its whole hold are over the limit, so are half of the hold's
windows, **and** so is the hold's second half: one bad second breaks nothing, nor does what has healed by itself before
the hold ends. It is *held* when no objective is over its limit in the whole hold and requests suffice to show it.
Between the two it is *unclear*, and so is every step whose load was not made, or was made by a generator at its own
limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.judge.shares import ALPHA, Counts, requests_needed, surely_above
from harness.judge.windows import Window, pick, tumbling
from harness.plan.holds import Hold, Unit, make_hold, window_seconds
from harness.run.record import LoadStep

State = Literal["held", "broken", "unclear"]

SUSTAINED_SHARE = 0.5  # of a hold's windows in breach


@dataclass(frozen=True)
class Step:
    """How one load came out.

    Attributes:
        load: in ``unit``: users of the closed model, arrivals per second (rps) of the open one.
        begun, settled_from, ended: unix seconds; judged from ``settled_from``.
        achieved_rps: requests answered per second, failed ones included; None: not counted.
        p95: seconds; None where it was not counted, or lies among requests that failed.
        error_ratio: failed of all requests; None: none was made.
        broken: the objectives that broke it ("latency_p95", "POST /login error_ratio").
        note: why it is unclear; empty otherwise.
    """

    load: float
    unit: Unit
    begun: float
    settled_from: float
    ended: float
    achieved_rps: float | None
    p95: float | None
    error_ratio: float | None
    outcome: State
    broken: tuple[str, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"broken": list(self.broken)}

    @classmethod
    def from_json(cls, data: Any) -> Step:
        """Raises KeyError, TypeError or ValueError for what is no step."""
        if data["outcome"] not in ("held", "broken", "unclear") or data["unit"] not in ("users", "rps"):
            raise ValueError(f"no step: {data['outcome']!r} at {data['unit']!r}")
        load, begun, settled_from, ended = (_number(data[k]) for k in ("load", "begun", "settled_from", "ended"))
        rps, p95, errors = (
            None if data.get(k) is None else _number(data[k]) for k in ("achieved_rps", "p95", "error_ratio")
        )
        broken, note = tuple(str(name) for name in data["broken"]), str(data.get("note", ""))
        return cls(load, data["unit"], begun, settled_from, ended, rps, p95, errors, data["outcome"], broken, note)


@dataclass(frozen=True)
class Told:
    """What one objective says of one hold; ``why`` stands for the unclear."""

    objective: str
    state: State
    why: str = ""


def judged_part(hold: Hold) -> Window:
    """What of a hold is judged."""
    return Window(hold.settled_from, max(hold.settled_from, hold.ended))


def recorded_holds(steps: Iterable[LoadStep], unit: Unit, interval: float) -> tuple[Hold, ...]:
    """The loads that a search held, as run.json names them."""
    return tuple(make_hold(one.load, unit, one.begun, one.begun, one.ended, interval) for one in steps)


def tell(objective: str, counts: Counts, hold: Window, limit: float, interval: float, *, loaded: bool) -> Told:
    """What a hold's requests say of one objective.

    Args:
        counts: requests and those beyond the objective, over any time.
        limit: share of requests that may be beyond it.
        loaded: users ran, or arrivals were made, and the load was scraped: no request is a breach then, not no data.
    """
    inside = pick(counts.times, hold, closed=True)
    total, bad = float(counts.all_[inside].sum()), float(counts.bad[inside].sum())
    if total <= 0:
        return Told(objective, "broken") if loaded else Told(objective, "unclear", "no request was counted")
    # Of what was set aside nothing is left to tell by.
    parts = [part for part in tumbling(hold, window_seconds(interval)) if part.length >= part.span / 2]
    second = Window(hold.start + hold.span / 2, hold.end).without(hold.holes)
    over, late = 0, pick(counts.times, second, closed=True)
    lasting = second.length > 0 and (
        float(counts.bad[late].sum()) > _most(limit, float(counts.all_[late].sum())) or not counts.all_[late].any()
    )
    for part in parts:
        mine = pick(counts.times, part, closed=part.end >= hold.end)
        all_ = float(counts.all_[mine].sum())
        # A window in which nothing was answered under load is over every limit.
        over += (all_ <= 0 and loaded) or float(counts.bad[mine].sum()) > _most(limit, all_)
    whole = bad > _most(limit, total)
    few = total < requests_needed(limit)
    if whole and few and not surely_above(bad, total, limit, ALPHA):
        return Told(objective, "unclear", f"{total:.0f} requests are too few to show {objective}")
    if whole and lasting and over >= SUSTAINED_SHARE * len(parts):
        return Told(objective, "broken")
    if whole and over >= SUSTAINED_SHARE * len(parts):
        return Told(objective, "unclear", f"{objective} was over its limit, and again within it before the hold ended")
    if whole:
        return Told(objective, "unclear", f"{objective} was over its limit in {over} of {len(parts)} windows only")
    if few:
        return Told(objective, "unclear", f"{total:.0f} requests are too few to show {objective}")
    return Told(objective, "held")


def _most(limit: float, total: float) -> float:
    """Requests that may be beyond a limit. A quotient of floats is never exact."""
    return limit * total * (1 + 1e-9) + 1e-9


def make_step(
    hold: Hold,
    told: Sequence[Told],
    *,
    achieved_rps: float | None,
    p95: float | None,
    error_ratio: float | None,
    fault: str = "",
    short: str = "",
) -> Step:
    """One step from what each objective says of it.

    Args:
        fault: why nothing that was measured can be blamed on the target (the generator was the bottleneck, or nobody
            scraped it); empty when it can.
        short: why less load was made than intended. A breach under less load is still a breach; what was held was not
            shown.
    """
    broken = tuple(one.objective for one in told if one.state == "broken")
    unclear = "; ".join(dict.fromkeys(one.why for one in told if one.state == "unclear"))
    if fault:
        outcome, note = "unclear", fault
    elif broken:
        outcome, note = "broken", ""
    elif short or unclear or not told:
        outcome, note = "unclear", short or unclear or "no objective was judged"
    else:
        outcome, note = "held", ""
    state: State = outcome  # type: ignore[assignment]
    return Step(
        hold.load, hold.unit, hold.begun, hold.settled_from, hold.ended, achieved_rps, p95, error_ratio,
        state, broken if state == "broken" else (), note,
    )  # fmt: skip


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
