"""What a dashboard is: frozen data that Grafana and the HTML report draw alike. Pure; imports nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "table", "heatmap", "state", "bargauge", "xy"]
Role = Literal["value", "limit", "trend", "band"]
Level = Literal["ok", "warning", "breach", "neutral"]
Reduce = Literal["last", "max", "min", "mean"]

GRID_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query of a panel.

    Attributes:
        expr: a PromQL template; its variables are those of ``dashboards.template``, written as in Grafana.
        legend: Grafana's legend format ("{{name}}"); in a table the title of the column.
        role: value (what is watched), limit (an objective's or a hard limit: dashed, in the limit's colour), trend (a
            smoothed or projected course) or band (context, drawn thin).
        unit, decimals: where they differ from the panel's; a table has one of each per column.
        thresholds: of a table's column, where they differ from the panel's.
        instant: evaluated once, at the end of the range: tables, bar gauges and stats that need no course.
        empty_when_healthy: why this query returns nothing on a healthy run of the reference target; None: it must
            return data there.
    """

    expr: str
    legend: str
    role: Role = "value"
    unit: str | None = None
    decimals: int | None = None
    thresholds: tuple[Threshold, ...] = ()
    instant: bool = False
    empty_when_healthy: str | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """From ``value`` (in the panel's unit) on, the level holds. The first one of a panel starts at minus infinity."""

    value: float | None
    level: Level


@dataclass(frozen=True, slots=True)
class Mapping:
    """A value that is shown as a word in a level's colour."""

    value: float
    text: str
    level: Level


@dataclass(frozen=True, slots=True)
class Column:
    """A label that a table shows as a column, before the queries' columns."""

    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a panel. ``url`` may hold Grafana's variables; one to a runbook starts with ``${runbooks}/``."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        key: stable and unique over all dashboards, kebab-case.
        kind: of kind "xy" the first query is the axis across, at each moment, and the others stand above it.
        description: what it means and, where it can turn red, what to do then. Plain text.
        unit: Grafana's unit id: "s", "bytes", "percentunit", "reqps", "short", "none" ...
        decimals: None: as many as fit.
        signal: the signal of DESIGN.md that it shows, None for context.
        runbooks: names of the alerts that tell the same trouble, the most telling first; each has a page in
            docs/runbooks.
        width, height: in Grafana's grid: 24 columns; 1 of height is 30 px.
        thresholds: fixed levels, lowest first; only where the level does not come from the plan.
        mappings: values shown as words.
        columns: of a table: the labels that name a row.
        stacked: the values add up.
        axis_min, axis_max: of the value's axis, None: by the data.
        log: logarithmic axis.
        reduce: how a stat, bar gauge or table makes one value of a course.
        show_name: a stat shows the legend instead of the value.
        links: further links, besides the runbooks'.
    """

    key: str
    title: str
    description: str
    unit: str
    kind: Kind
    queries: tuple[Query, ...]
    decimals: int | None = None
    signal: str | None = None
    runbooks: tuple[str, ...] = ()
    width: int = 12
    height: int = 8
    thresholds: tuple[Threshold, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    columns: tuple[Column, ...] = ()
    stacked: bool = False
    axis_min: float | None = None
    axis_max: float | None = None
    log: bool = False
    reduce: Reduce = "last"
    show_name: bool = False
    links: tuple[Link, ...] = ()

    @property
    def runbook(self) -> str | None:
        """The alert whose runbook tells most about this panel."""
        return self.runbooks[0] if self.runbooks else None

    @property
    def empty_when_healthy(self) -> str | None:
        """Why the whole panel is empty on a healthy run; None when any of its queries has data then."""
        reasons = [query.empty_when_healthy for query in self.queries]
        return reasons[0] if reasons and all(reasons) else None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, laid out from left to right and wrapped at 24 columns."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice on top of a dashboard: the values of ``label`` among the series that ``selector`` matches."""

    name: str
    title: str
    label: str
    selector: str
    many: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice on top of a dashboard among fixed values; the first is the default."""

    name: str
    title: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Annotation:
    """Moments that every time series of a dashboard marks.

    Attributes:
        title: Grafana's title format; ``labels`` are shown as tags.
        empty_when_healthy: as for a query.
    """

    name: str
    expr: str
    title: str
    labels: tuple[str, ...]
    level: Level
    empty_when_healthy: str | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    Attributes:
        uid: stable: it is the address.
        hours: the range that it opens with.
        refresh: how often it asks again; rarely where it asks for days.
    """

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable | Choice, ...] = ()
    hours: int = 1
    refresh: str = "10s"

    def panels(self) -> Iterator[Panel]:
        """Its panels, in the order in which they are read."""
        for row in self.rows:
            yield from row.panels
