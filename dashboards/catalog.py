"""All dashboards, in the order in which they are looked at."""

from __future__ import annotations

from dashboards import load
from dashboards.model import Dashboard


def all_dashboards() -> tuple[Dashboard, ...]:
    """Every dashboard of the product."""
    return (load.dashboard(),)
