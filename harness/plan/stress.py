"""What must hold of a stress plan: objectives that steps can show, and loads to show them by. Pure."""

from __future__ import annotations

from harness.plan.holds import least_hold, peak_index, planned_holds, sustained_seconds
from harness.plan.model import Plan
from harness.plan.problems import Problems
from harness.plan.yaml_lines import Node
from harness.units import format_duration, format_value

FELT = frozenset({"latency", "ratio"})  # families of what a user feels: they say whether a load was held
# What a load that changes all the time cannot show: growth has no steady level, a floor would fail the first step.
_NOT_OF_STEPS = frozenset({"growth", "throughput"})


def check_stress(plan: Plan, root: Node, problems: Problems) -> None:
    """Adds every problem found."""
    if not any(o.spec.family in FELT for o in plan.objectives):
        problems.add_loc(
            root,
            ("kind",),
            "nothing says whether a step of this stress plan is held",
            "give an objective that users feel, for example latency_p95: 800ms",
        )
    for objective in plan.objectives:
        loc = ("objectives", "endpoints", objective.subject) if objective.endpoint else ("objectives",)
        if objective.spec.family in _NOT_OF_STEPS:
            instead = "write capacity: in its place" if objective.name == "throughput" else "judge it in a soak"
            problems.add_loc(
                root, (*loc, objective.name), f"{objective.name} cannot be judged while the load changes", instead
            )
        if objective.name == "capacity" and objective.unit == "users" and plan.load.model == "open":
            problems.add_loc(
                root,
                (*loc, objective.name),
                "the open model has no users: its load is arrivals per second",
                f'write for example capacity: ">= {objective.limit:.0f} rps"',
            )
    loads = {stage.users if plan.load.model == "closed" else stage.rate for stage in plan.load.stages} - {0, None}
    stepped = any(stage.shape == "step" for stage in plan.load.stages)
    if len(loads) < 2 and not stepped:
        problems.add_loc(
            root, ("load", "stages"), "a stress plan needs steps: all of its stages have one load", "add higher stages"
        )


def not_shown(plan: Plan) -> list[tuple[str, str, str]]:
    """What the plan's own steps cannot show: (objective or "", reason, remedy)."""
    interval = plan.scrape_interval
    holds = [one for one in planned_holds(plan, 0.0) if one.ended > plan.load.warmup]
    index = peak_index([one.load for one in holds])
    needed = format_duration(least_hold(interval))
    if index < 1:
        return [("", f"fewer than two loads are held for {needed}", f"hold each step of load for {needed} or longer")]
    found, peak = [], holds[index]
    capacity, recovery = plan.objective("capacity"), plan.objective("recovery")
    if capacity is not None and capacity.unit == peak.unit and capacity.limit > peak.load:
        asked, highest = format_value(capacity.limit, capacity.unit), format_value(peak.load, peak.unit)
        found.append(("capacity", f"capacity asks for {asked}; the highest step is {highest}", "add higher steps"))
    if recovery is not None:
        low = next((one for one in holds[index + 1 :] if one.load < peak.load), None)
        lasts = sustained_seconds(interval) + recovery.limit
        if low is None:
            reason = "recovery is seen when the load drops, and the load of this plan never does"
            found.append(("recovery", reason, "add a last stage with few users"))
        elif low.ended - low.reached < lasts:
            has = format_duration(low.ended - low.reached)
            reason = f"recovery needs {format_duration(lasts)} of low load; this plan has {has}"
            found.append(("recovery", reason, "lengthen the last stage"))
    return found
