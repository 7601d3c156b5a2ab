"""What must hold between the fields of a capacity plan. Pure."""

from __future__ import annotations

from harness.plan.capacity import with_stages
from harness.plan.model import Plan
from harness.plan.problems import Problems
from harness.plan.yaml_lines import Node

LEAST_INTERVALS = 5  # scrapes in a hold: fewer, and one that is missed is a fifth of it


def check_capacity(plan: Plan, root: Node, problems: Problems) -> None:
    """Adds what is wrong with a capacity plan, or with the section in another."""
    if plan.kind != "capacity":
        if plan.capacity is not None:
            problems.add_loc(root, ("capacity",), "capacity belongs to plans of kind capacity", "write kind: capacity")
        return
    if plan.capacity is None:
        problems.add_loc(
            root, ("kind",), "a capacity plan needs a capacity section", "add capacity: {start: 10, max: 1000}"
        )
        return
    wanted = with_stages({"capacity": plan.capacity.model_dump(), "load": {"model": plan.load.model}})["load"]
    given = [stage.model_dump(exclude_none=True) for stage in plan.load.stages]
    if given != wanted["stages"]:
        problems.add_loc(
            root,
            ("load", "stages"),
            "a capacity plan has no stages: its search sets the load",
            "remove stages; capacity.start, max and longest say where the search begins and ends",
        )
    for objective in plan.objectives:
        if objective.spec.family not in ("latency", "ratio") and objective.name not in ("capacity", "restarts"):
            problems.add_loc(
                root,
                ("objectives", objective.name),
                f"{objective.name} is about one steady load, and a capacity plan has none",
                "a capacity plan judges capacity, latency_*, error_ratio and restarts",
            )
    if plan.load.warmup:
        problems.add_loc(
            root, ("load", "warmup"), "a capacity plan has no warm-up: every load has its own", "use capacity.settle"
        )
    if not any(o.spec.family in ("latency", "ratio") for o in plan.objectives):
        problems.add_loc(
            root, ("objectives",), "nothing says when a load is too high", "add latency_p95: 800ms or error_ratio: 1%"
        )
    for key, length in (("hold", plan.capacity.hold), ("settle", plan.capacity.settle)):
        if length < LEAST_INTERVALS * plan.scrape_interval:
            problems.add_loc(
                root,
                ("capacity", key),
                f"{key} of {length:g} s is too short: {LEAST_INTERVALS} scrapes must lie in it",
                f"lengthen it, or shorten scrape_interval ({plan.scrape_interval:g} s)",
            )
