"""What a plan's ``capacity:`` section means to the search. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.judge.capacity_search import Found, Settings, Tried
from harness.plan.capacity import Capacity
from harness.plan.model import Plan

NEAR = 3.0  # tolerances: an interval narrower than that is the edge, where loads are held longer
REST_SHARE = 0.5  # of the highest load that held


def settings_of(plan: Plan) -> Settings:
    """Raises ValueError for a plan without such a section."""
    section = plan.capacity
    if section is None:
        raise ValueError(f"plan {plan.name} has no capacity section")
    return Settings(
        start=section.start,
        most=section.max,
        tolerance=section.tolerance,
        confidence=section.confidence,
        confirmations=section.confirmations,
        whole=plan.load.model == "closed",
    )


def hold_seconds(settings: Settings, section: Capacity, found: Found) -> float:
    """How long the next load is held: longer near the edge, where a short hold shows less than it seems to."""
    near = (
        found.bounded_below
        and found.bounded_above
        and found.interval is not None
        and found.interval.width < NEAR * settings.tolerance
    )
    return section.confirm if near or found.following == settings.most else section.hold


def rest_load(settings: Settings, tried: Sequence[Tried]) -> float:
    """The load at which a target may recover from a breach: half of the highest that held."""
    held = [one.load for one in tried if one.shown == "held"]
    rest = REST_SHARE * max(held, default=settings.least)
    return float(max(1, round(rest))) if settings.whole else rest
