"""The legend below a plot, in HTML: it names the lines without the script, and prints. Pure."""

from __future__ import annotations

import numpy as np

from harness.report.fetch import Span
from harness.report.plots import Line, Plot, axis_for
from harness.report.stretches import BoolArray, inside


def legend_entries(plot: Plot, span: Span) -> list[dict[str, str]]:
    """Name, class of the swatch and, of values, mean and extremes over the judged window, for each line."""
    if plot.kind == "runs" and plot.drawn:
        return _of_runs(plot)
    if plot.kind != "lines" or not plot.drawn:
        return []
    judged = inside(span.judged, span.buckets)
    entries = []
    number = 0
    for line in plot.lines:
        role = line.role
        swatch = f"s{number % 12}" if role != "limit" else ""
        if role != "limit":
            number += 1
        entries.append({"name": line.name, "swatch": swatch, "role": role, "text": _text(plot, line, judged)})
    entries += [
        {"name": name, "swatch": "", "role": "limit", "text": f"{value}, far above the plot"}
        for name, value in plot.far
    ]
    return entries


def _of_runs(plot: Plot) -> list[dict[str, str]]:
    *earlier, own = plot.runs
    lowest, highest = (plot.axis.text(pick(one.level for one in earlier)) for pick in (min, max))
    runs = f"{len(earlier)} baseline runs" if len(earlier) > 1 else "baseline run"
    text = lowest if lowest == highest else f"{lowest} to {highest}"
    return [
        {"name": runs, "swatch": "s10", "role": "value", "text": text},
        {"name": "this run", "swatch": "s0", "role": "value", "text": plot.axis.text(own.level)},
        *({"name": n, "swatch": "", "role": "limit", "text": plot.axis.text(value)} for n, value in plot.levels),
    ]


def _text(plot: Plot, line: Line, judged: BoolArray) -> str:
    data = line.data
    values, high, low = data.value[judged], data.high[judged], data.low[judged]
    if values.size == 0 or np.isnan(values).all() or np.isnan(high).all():
        return ""
    top, bottom, mean = float(np.nanmax(high)), float(np.nanmin(low)), float(np.nanmean(values))

    def said(value: float) -> str:
        return axis_for(plot.unit, [np.array([value])], plot.axis.decimals).text(value)

    if said(top) == said(bottom):
        return said(top)
    if line.role == "limit":
        return ""
    if plot.axis_max is not None and plot.axis_min is None:
        return f"mean {said(mean)}, least {said(bottom)}"
    return f"mean {said(mean)}, most {said(top)}"
