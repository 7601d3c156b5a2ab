"""How a row of panels is laid out: plots side by side as on the dashboard, without holes; what is empty last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.plots import Plot

COLUMNS = 12
GRAFANA_COLUMNS = 24
MOST_IN_LINE = 3


@dataclass(frozen=True)
class Placed:
    """A panel and how many of the twelve columns it takes."""

    plot: Plot
    columns: int


@dataclass(frozen=True)
class Laid:
    """One row: single values, then what needs room, then the names of what is empty."""

    values: tuple[Plot, ...]
    panels: tuple[Placed, ...]
    empty: tuple[Plot, ...]


def lay_out(plots: Sequence[Plot]) -> Laid:
    """Panels of a row in their order. Those of one line share its width, so that an empty one leaves no hole."""
    empty = tuple(plot for plot in plots if plot.empty)
    values = tuple(plot for plot in plots if not plot.empty and plot.kind == "tiles" and len(plot.tiles) == 1)
    rest = [plot for plot in plots if not plot.empty and plot not in values]
    lines: list[list[Plot]] = []
    for plot in rest:
        if lines and len(lines[-1]) < MOST_IN_LINE and sum(p.width for p in lines[-1]) + plot.width <= GRAFANA_COLUMNS:
            lines[-1].append(plot)
        else:
            lines.append([plot])
    if len(lines) > 1 and len(lines[-1]) == 1 and len(lines[-2]) == MOST_IN_LINE:
        lines[-1].insert(0, lines[-2].pop())  # two and two, not three and one
    placed = tuple(Placed(plot, COLUMNS // len(line)) for line in lines for plot in line)
    return Laid(values, placed, empty)
