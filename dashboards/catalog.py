"""All dashboards, in the order in which they are looked at."""

from __future__ import annotations

from dashboards import backends, compare, endurance, harness, load, run, steps, target
from dashboards.model import Dashboard


def all_dashboards() -> tuple[Dashboard, ...]:
    """Every dashboard of the product."""
    return tuple(part.dashboard() for part in (run, load, target, backends, steps, endurance, compare, harness))
