"""What the tests of the dashboards look at: the definitions, their PromQL without variables, the JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards import Panel, Query, all_dashboards, expand
from dashboards.annotations import ANNOTATIONS

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "dashboards" / "generated"
DASHBOARDS = all_dashboards()
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard.panels()]
QUERIES = [(panel, query) for panel in PANELS for query in panel.queries]
START, END = 1_790_000_000.0, 1_790_086_400.0


def promql(template: str, start: float = START, end: float = END, stack: str = "default", run: str = ".*") -> str:
    return expand(template, stack=stack, start=start, end=end, run=run)


@dataclass(frozen=True)
class Asked:
    """One expression and where it stands."""

    where: str
    template: str
    empty_when_healthy: str | None = None


def asked() -> Iterator[Asked]:
    """Every expression of every dashboard, annotations included."""
    for panel in PANELS:
        for number, query in enumerate(panel.queries):
            yield Asked(f"{panel.key}[{number}]", query.expr, query.empty_when_healthy)
    for one in ANNOTATIONS:
        yield Asked(f"annotation {one.name}", one.expr, one.empty_when_healthy)


def generated() -> dict[str, dict[str, Any]]:
    """File name -> dashboard, as committed."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GENERATED.glob("*.json"))}


def panel_of(key: str) -> Panel:
    (found,) = [panel for panel in PANELS if panel.key == key]
    return found


def query_of(key: str, number: int = 0) -> Query:
    return panel_of(key).queries[number]
