"""Every panel once: live in Grafana (``dashboards.grafana``) and frozen in a run's report.

The definitions are data. Only ``dashboards.grafana*`` imports the Grafana SDK, for `make dashboards` and the tests.
"""

from __future__ import annotations

from dashboards.catalog import all_dashboards
from dashboards.model import Column, Dashboard, Link, Mapping, Panel, Query, Row, Threshold, Variable
from dashboards.template import expand

__all__ = [
    "Column", "Dashboard", "Link", "Mapping", "Panel", "Query", "Row", "Threshold", "Variable", "all_dashboards",
    "expand",
]  # fmt: skip
