"""A plan's objectives as series, for the live run's metrics and for the archive alike. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from exporters.metric_names import OBJECTIVE, OBJECTIVE_EDGE
from harness.plan.model import Plan
from harness.plan.objectives import Objective

Sample = tuple[str, dict[str, str], float]


def objective_series(plan: Plan, edges: Iterable[float]) -> list[Sample]:
    """(metric name, labels, value) of each ``harness_objective`` and ``harness_objective_edge`` of a plan.

    Values are in base units. The stack's label is not among the labels: live, the scrape configuration sets it.

    Args:
        edges: finite upper bounds of the request histogram's buckets, in seconds. A latency objective whose limit is
            below (above) all of them has no ``lower`` (``upper``) edge series: absent means that it cannot be told.
    """
    known = sorted({edge for edge in edges if math.isfinite(edge)})
    samples: list[Sample] = []
    for objective in plan.objectives:
        labels = _labels(objective)
        samples.append((OBJECTIVE, labels, objective.limit))
        if objective.spec.family == "latency":
            lower = max((edge for edge in known if edge <= objective.limit), default=None)
            upper = min((edge for edge in known if edge >= objective.limit), default=None)
            samples += [
                (OBJECTIVE_EDGE, {**labels, "bound": bound}, edge)
                for bound, edge in (("lower", lower), ("upper", upper))
                if edge is not None
            ]
    return samples


def parse_edges(texts: Iterable[str]) -> tuple[float, ...]:
    """Finite edges of ``le`` label values, sorted; "2" and "2.0" are one edge.

    Raises:
        ValueError: a value that is no number.
    """
    return tuple(sorted({edge for edge in map(float, texts) if math.isfinite(edge)}))


def _labels(objective: Objective) -> dict[str, str]:
    labels = {"objective": objective.name, "subject": objective.subject, "op": objective.op}
    if objective.endpoint:
        labels |= {"method": objective.method, "name": objective.endpoint}
    return labels
