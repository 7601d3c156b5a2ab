"""The dashboards' panels with one run's data: the same definitions that Grafana shows live, frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from dashboards import Panel, Query, Threshold
from harness.prom.series import FloatArray
from harness.report.fetch import Fetched
from harness.report.heatmap import bands
from harness.report.plots import Axis, Cell, Line, Plot, axis_for, largest_of
from harness.report.sampling import Sampled
from harness.report.text import clean

MOST_LINES = 12  # more cannot be told apart by colour; the note says how many there are
MOST_LIMITS = 6
MOST_STATES = 30  # rows, each with its name: no colour tells them apart; there are 13 signals
MOST_ROWS = 200
MOST_TILES = 12
LONGEST_NAME = 60
FAR_TIMES = 4.0  # a limit further above the values than this is told in the legend
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
NOTHING = "nothing in this run exports what it shows"
Far = tuple[str, str]
Row = TypeVar("Row")
_LEVELS = ("", "neutral", "ok", "warning", "breach")


def legend(template: str, labels: Mapping[str, str]) -> str:
    """Grafana's "{{name}}" filled with a series' labels; not escaped for any format."""
    text = clean(_LABEL.sub(lambda match: labels.get(match[1], ""), template)).strip(" ,:")
    if not text:
        text = clean(", ".join(v for k, v in sorted(labels.items()) if k != "harness")) or "value"
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def draw(panel: Panel, fetched: Fetched, *, prefix: str = "panel-") -> Plot:
    """One panel of one run. Without data it says why, and never raises for want of it."""
    plot = Plot(
        key=prefix + panel.key,
        title=panel.title,
        description=panel.description,
        width=panel.width,
        unit=panel.unit,
        stacked=panel.stacked,
        axis_min=panel.axis_min,
        axis_max=panel.axis_max,
        log=panel.log,
        runbook=panel.runbook or "",
    )
    problems = [problem for query in panel.queries if (problem := fetched.problem(query))]
    if problems:
        return replace(plot, empty=f"could not be read: {clean(problems[0])}")
    if panel.kind == "table":
        return _table(plot, panel, fetched)
    if panel.kind == "stat":
        return _tiles(plot, panel, fetched)
    if panel.kind == "bargauge":
        return _bars(plot, panel, fetched)
    if panel.kind == "heatmap":
        return _heatmap(plot, panel, fetched)
    if panel.kind == "state":
        return _state(plot, panel, fetched)
    if panel.kind == "xy":
        return _xy(plot, panel, fetched)
    return _lines(plot, panel, fetched)


def reason(queries: Iterable[Query]) -> str:
    """Why a panel is empty, in the panel's own words where it has any."""
    return next((query.empty_when_healthy for query in queries if query.empty_when_healthy), None) or NOTHING


def _lines(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    values: list[Line] = []
    limits: list[Line] = []
    for query in panel.queries:
        for one in fetched.course(query):
            line = Line(legend(query.legend, one.labels), query.role, one)
            (limits if query.role == "limit" else values).append(line)
    if not values:
        return replace(plot, empty=reason(panel.queries))
    kept, note = _most_telling(values, lowest=panel.axis_max is not None)
    note = next(filter(None, map(fetched.note, panel.queries)), note)
    limits += [_level(one, fetched) for one in panel.thresholds if one.value is not None and one.level != "ok"]
    near, far = split_limits(kept, limits[:MOST_LIMITS], panel.unit)
    shown = [*kept, *near]
    axis = axis_for(panel.unit, [one.data.high for one in shown], panel.decimals)
    return replace(plot, lines=tuple(shown), axis=axis, note=note, far=far)


def split_limits(values: Sequence[Line], limits: Sequence[Line], unit: str) -> tuple[list[Line], tuple[Far, ...]]:
    """Limits to be drawn, and those so far above that the values would be a flat line at the bottom beside them."""
    top = largest_of([one.data.high for one in values])
    near: list[Line] = []
    far: list[Far] = []
    for one in limits:
        least = float(np.nanmin(one.data.low))
        if top > 0 and least > FAR_TIMES * top:
            far.append((one.name, axis_for(unit, [np.array([least])]).text(least)))
        else:
            near.append(one)
    return near, tuple(far)


def _level(threshold: Threshold, fetched: Fetched) -> Line:
    assert threshold.value is not None
    values = np.full(fetched.span.buckets.count, threshold.value)
    return Line(threshold.level, "limit", Sampled({}, values, values, values))


def _most_telling(lines: Sequence[Line], *, lowest: bool) -> tuple[list[Line], str]:
    """As many as can be told apart, in their order: those that reach furthest (up, or down where low is bad)."""
    if len(lines) <= MOST_LINES:
        return list(lines), ""

    def reach(line: Line) -> float:
        return -float(np.nanmin(line.data.low)) if lowest else float(np.nanmax(line.data.high))

    kept = sorted(lines, key=reach, reverse=True)[:MOST_LINES]
    word = "lowest" if lowest else "highest"
    return [one for one in lines if one in kept], f"{MOST_LINES} of {len(lines)} series, those that reached {word}"


def _heatmap(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    found = [one for query in panel.queries for one in fetched.course(query)]
    lines, axis = bands(found)
    if not lines:
        return replace(plot, empty=reason(panel.queries))
    return replace(plot, kind="heatmap", lines=tuple(lines), axis=axis)


def _state(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    lines = [
        Line(legend(query.legend, one.labels), "value", one)
        for query in panel.queries
        for one in fetched.course(query)
    ]  # fmt: skip
    if not lines:
        return replace(plot, empty=reason(panel.queries))
    words = tuple((m.value, m.text, m.level) for m in panel.mappings)
    axis = axis_for(panel.unit, [one.data.high for one in lines], panel.decimals)
    good = [m.value for m in panel.mappings if m.level == "ok"]
    shown, note = _worst_first(lines, lambda line: (_share_off(line.data.value, good),), MOST_STATES)
    return replace(plot, kind="state", lines=tuple(shown), words=words, axis=axis, note=note)


def _share_off(values: FloatArray, good: Sequence[float]) -> float:
    """How much of a row was in no good state; what was not measured is neither."""
    return float((~np.isin(values, good) & np.isfinite(values)).mean())


def _worst_first(rows: Sequence[Row], badness: Callable[[Row], tuple[float, ...]], most: int) -> tuple[list[Row], str]:
    """As many as there is room for, in their order: what is cut off is what is well."""
    if len(rows) <= most:
        return list(rows), ""
    kept = sorted(range(len(rows)), key=lambda i: badness(rows[i]), reverse=True)[:most]
    return [rows[i] for i in sorted(kept)], f"{most} of {len(rows)}, the worst"


def _xy(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    """The first query across, the others above it; limits stay lines."""
    across, *above = panel.queries
    xs = fetched.course(across)
    lines = [
        Line(legend(query.legend, one.labels), query.role, one) for query in above for one in fetched.course(query)
    ]
    values = [line for line in lines if line.role != "limit"]
    if not xs or not values:
        return replace(plot, empty=reason(panel.queries))
    axis = axis_for(panel.unit, [line.data.high for line in values], panel.decimals)
    return replace(plot, kind="xy", lines=tuple(lines), axis=axis, across=xs[0], across_title=across.legend)


def _tiles(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    tiles: list[tuple[str, Cell, str]] = []
    for query in panel.queries:
        unit, decimals = query.unit or panel.unit, query.decimals if query.decimals is not None else panel.decimals
        for labels, value, course in fetched.reduced(query, panel.reduce):
            name = legend(query.legend, labels)
            axis = axis_for(unit, [np.array([value])], decimals)
            cell = _cell(panel, query, value, axis)
            if panel.show_name:
                name, cell = panel.title, Cell(name, cell.level)
            tiles.append((name, cell, "" if panel.show_name or panel.mappings else _span(unit, decimals, course)))
    if not tiles:
        return replace(plot, empty=reason(panel.queries))
    rest = len(tiles) - MOST_TILES
    return replace(plot, kind="tiles", tiles=tuple(tiles[:MOST_TILES]), note=f"and {rest} more" if rest > 0 else "")


def _bars(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    found: list[tuple[str, Cell, float]] = []
    for query in panel.queries:
        unit, decimals = query.unit or panel.unit, query.decimals if query.decimals is not None else panel.decimals
        for labels, value, _ in fetched.reduced(query, panel.reduce):
            axis = axis_for(unit, [np.array([value])], decimals)
            found.append((legend(query.legend, labels), _cell(panel, query, value, axis), value))
    if not found:
        return replace(plot, empty=reason(panel.queries))
    longest = max([1.0 if panel.unit == "percentunit" else 0.0, *(abs(value) for *_, value in found)]) or 1.0
    shown, note = _worst_first(found, lambda bar: (_LEVELS.index(bar[1].level), bar[2]), MOST_STATES)
    bars = tuple((name, cell, max(0.0, value) / longest) for name, cell, value in shown)
    return replace(plot, kind="bars", bars=bars, note=note)


def _span(unit: str, decimals: int | None, course: Sampled | None) -> str:
    """ "40 to 62 ms", over the whole run; empty when it never changed."""
    if course is None or course.empty:
        return ""
    low, high = float(np.nanmin(course.low)), float(np.nanmax(course.high))
    axis = axis_for(unit, [course.high], decimals)
    first, last = axis.text(low), axis.text(high)
    return "" if first == last else f"{first.removesuffix(axis.suffix)} to {last}"


def _cell(panel: Panel, query: Query, value: float, axis: Axis) -> Cell:
    for mapping in panel.mappings:
        if value == mapping.value:
            return Cell(mapping.text, mapping.level)
    level = ""
    for threshold in query.thresholds or panel.thresholds:
        if threshold.value is None or value >= threshold.value:
            level = threshold.level
    return Cell(axis.text(value), level)


def _table(plot: Plot, panel: Panel, fetched: Fetched) -> Plot:
    keys = [column.label for column in panel.columns]
    found: dict[tuple[str, ...], dict[int, float]] = {}
    for number, query in enumerate(panel.queries):
        for labels, value, _ in fetched.reduced(query, panel.reduce):
            found.setdefault(tuple(labels.get(key, "") for key in keys), {})[number] = value
    if not found:
        return replace(plot, empty=reason(panel.queries))
    rows = []
    for key, values in sorted(found.items())[:MOST_ROWS]:
        cells = [Cell(clean(text)) for text in key]
        for number, query in enumerate(panel.queries):
            if number not in values:
                cells.append(Cell("-"))
                continue
            value = values[number]
            unit = query.unit or panel.unit
            decimals = query.decimals if query.decimals is not None else panel.decimals
            cells.append(_cell(panel, query, value, axis_for(unit, [np.array([value])], decimals)))
        rows.append(tuple(cells))
    header = (*(column.title for column in panel.columns), *(query.legend for query in panel.queries))
    rest = len(found) - MOST_ROWS
    return replace(
        plot,
        kind="table",
        header=header,
        rows=tuple(rows),
        names=len(keys),
        note=f"and {rest} more rows" if rest > 0 else "",
    )
