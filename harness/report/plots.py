"""What a plot of the report is, before it is drawn: frozen data. Pure.

Values are in the axis' own display unit (MiB, ms, %), so that ticks and hover texts are plain numbers with a suffix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from harness.prom.series import FloatArray
from harness.report.sampling import Sampled

Kind = Literal["lines", "heatmap", "state", "tiles", "bars", "table", "xy", "runs"]
Role = Literal["value", "limit", "trend", "band"]


@dataclass(frozen=True)
class Axis:
    """How values are shown: displayed = value * factor, followed by ``suffix``."""

    factor: float = 1.0
    suffix: str = ""
    decimals: int | None = None

    def text(self, value: float | None) -> str:
        """ "812 ms"; "no data" for None and NaN."""
        if value is None or math.isnan(value):
            return "no data"
        shown = value * self.factor
        if math.isinf(shown):
            return "no bound" if shown > 0 else "-no bound"
        if self.decimals is not None and 0 < abs(shown) >= 10**-self.decimals:
            digits = f"{shown:,.{self.decimals}f}"
        else:
            digits = f"{shown:,.0f}" if abs(shown) >= 1000 else f"{shown:.3g}"
        return digits + self.suffix


@dataclass(frozen=True)
class Line:
    """One series of a plot, over the report's buckets."""

    name: str
    role: Role
    data: Sampled


@dataclass(frozen=True)
class Cell:
    text: str
    level: str = ""  # ok, warning, breach, neutral, or none


@dataclass(frozen=True)
class Point:
    """A point of an xy plot, in display units of its axes, with what it says of itself."""

    x: float
    y: float
    level: str
    text: str


@dataclass(frozen=True)
class RunLevels:
    """One run of a plot of several: its level, and the values of its sub-windows in order of time."""

    name: str
    level: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Plot:
    """One panel or proof.

    Attributes:
        key: unique in the report, safe as an HTML id.
        empty: why there is nothing to draw; empty when there is.
        note: what a reader must know of the drawing, for example that it shows ten of a hundred series.
        shades: stretches (unix seconds) in which a limit was broken.
        marks: moments (unix seconds) with a word, for example the onset.
        far: limits too far from the values to be drawn with them: (name, value).
        words: of a state plot: value -> (word, level); the level "unknown" is one of these only.
        tiles: of kind "tiles": (name, value, range over the run).
        bars: of kind "bars": (name, value, its length as a share of the longest).
        across, across_title: of kind "xy": the series and the name of the axis across; ``lines`` stand above it.
        points: of kind "xy": what is drawn large, joined in its order.
        uprights: of kind "xy": values across with a word and a level.
        fitted: of kind "xy": a law through the points, as (x, y).
        runs: of kind "runs": earlier runs, and the report's own last.
        levels: of kind "runs": limits as (name, value).
        header, rows: of kind "table"; the first ``names`` columns are labels, the others numbers.
    """

    key: str
    title: str
    description: str = ""
    kind: Kind = "lines"
    axis: Axis = field(default_factory=Axis)
    lines: tuple[Line, ...] = ()
    empty: str = ""
    note: str = ""
    width: int = 12  # of 24
    unit: str = ""
    stacked: bool = False
    axis_min: float | None = None
    axis_max: float | None = None
    log: bool = False
    runbook: str = ""
    query: str = ""
    far: tuple[tuple[str, str], ...] = ()
    shades: tuple[tuple[float, float], ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    words: tuple[tuple[float, str, str], ...] = ()
    tiles: tuple[tuple[str, Cell, str], ...] = ()
    bars: tuple[tuple[str, Cell, float], ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    names: int = 0
    across: Sampled | None = None
    across_title: str = ""
    points: tuple[Point, ...] = ()
    uprights: tuple[tuple[float, str, str], ...] = ()
    fitted: tuple[tuple[float, float], ...] = ()
    runs: tuple[RunLevels, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()

    @property
    def drawn(self) -> bool:
        """Whether a script draws it; the others are plain HTML."""
        return not self.empty and self.kind in ("lines", "heatmap", "state", "xy", "runs")


# Grafana's unit ids (dashboards.model) and the judge's units: the steps of a display unit, and its suffix.
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1e-6, " µs"), (1e-3, " ms"), (1.0, " s"), (60.0, " min"), (3600.0, " h"), (86400.0, " d")),
    "bytes": ((1.0, " B"), (2.0**10, " KiB"), (2.0**20, " MiB"), (2.0**30, " GiB"), (2.0**40, " TiB")),
}
_SCALES["Bps"] = tuple((size, f"{suffix}/s") for size, suffix in _SCALES["bytes"])
_SCALES["binBps"] = _SCALES["Bps"]
_SUFFIXES = {"percentunit": (100.0, " %"), "percent": (1.0, " %"), "reqps": (1.0, "/s"), "ops": (1.0, "/s")}
_ALIASES = {"seconds": "s", "ratio": "percentunit", "rps": "reqps", "dtdurations": "s", "decbytes": "bytes"}


def axis_for(unit: str, values: Sequence[FloatArray], decimals: int | None = None) -> Axis:
    """The display unit in which the largest of the values reads best."""
    unit = _ALIASES.get(unit, unit)
    if unit in _SUFFIXES:
        factor, suffix = _SUFFIXES[unit]
        return Axis(factor, suffix, decimals)
    if unit in _SCALES:
        steps = _SCALES[unit]
        largest = largest_of(values)
        size, suffix = next((step for step in reversed(steps) if largest >= step[0]), steps[0])
        if unit == "s" and largest == 0:
            size, suffix = 1.0, " s"
        return Axis(1 / size, suffix, decimals)
    return Axis(1.0, "" if unit in ("none", "short", "count", "") else f" {unit}", decimals)


def largest_of(values: Sequence[FloatArray]) -> float:
    """The largest absolute value that is a number; 0 when there is none."""
    tops = [np.nanmax(np.abs(v)) for v in values if v.size and not np.isnan(v).all()]
    return float(max((t for t in tops if np.isfinite(t)), default=0.0))
