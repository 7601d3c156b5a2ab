"""What a capacity plan asks for and cannot get, as (objective, reason, remedy, certain). Pure."""

from __future__ import annotations

import math

from harness.plan.model import Plan
from harness.units import format_duration, format_value

NEAR_PROBES = 10  # loads that are tried near the edge, about
FEWEST_REQUESTS = 30  # in a hold: fewer show nothing (harness.judge.shares)
GROWTH = 2.0


def _fewest_requests(plan: Plan) -> int:
    """A share of one in a hundred cannot be told from fewer than a hundred requests."""
    shares = [1 - (o.spec.quantile or 0.0) for o in plan.objectives if o.spec.family == "latency"]
    shares += [o.limit for o in plan.objectives if o.spec.family == "ratio" and o.limit > 0]
    return max([FEWEST_REQUESTS, *(math.ceil(1 / share - 1e-9) for share in shares)])


def not_shown(plan: Plan) -> list[tuple[str, str, str, bool]]:
    section = plan.capacity
    if section is None:
        return []
    found = []
    closed = plan.load.model == "closed"
    wanted = plan.objective("capacity")
    if wanted is None:
        found.append(
            (
                "",
                "the plan names no capacity objective: whatever the search finds is enough",
                'add for example capacity: ">= 500 rps"',
                False,
            )
        )
    elif wanted.unit == "users" and not closed:
        found.append(
            (
                "capacity",
                "capacity is given in users, and the open model has arrivals",
                'write it as ">= 500 rps", or use model: closed',
                True,
            )
        )
    elif (wanted.unit == "users") == closed and wanted.limit > section.max:
        limit, most = format_value(wanted.limit, wanted.unit), format_value(section.max, wanted.unit)
        found.append(
            ("capacity", f"capacity asks for {limit}, and the search ends at {most}", "raise capacity.max", True)
        )
    fewest = _fewest_requests(plan)
    if not closed and section.start * section.hold < fewest:
        found.append(
            (
                "",
                f"{section.start:g} arrivals per second make too few requests in {format_duration(section.hold)}",
                f"raise capacity.start or capacity.hold: {fewest} requests at least must be in a hold",
                True,
            )
        )
    steps = math.ceil(math.log(section.max / section.start, GROWTH)) + 1
    seconds = steps * (section.settle + section.hold) + NEAR_PROBES * (section.settle + section.confirm) + section.ramp
    if seconds > section.longest:
        found.append(
            (
                "",
                f"the search may take {format_duration(seconds)}; capacity.longest ends it after "
                f"{format_duration(section.longest)}",
                "raise capacity.longest or capacity.start",
                False,
            )
        )
    target = plan.target
    if not (target.reference or target.processes or target.containers or target.metrics or target.databases):
        found.append(
            (
                "",
                "nothing of the target is watched: what runs out first cannot be told",
                "name target.processes or containers, metrics, databases, redis",
                False,
            )
        )
    return found
