"""How a row of panels is laid out: plots side by side as on the dashboard, without holes; what is empty last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.plots import Plot

COLUMNS = 12
GRAFANA_COLUMNS = 24


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
    placed: list[Placed] = []
    line: list[Plot] = []

    def end_line() -> None:
        placed.extend(Placed(plot, COLUMNS // len(line)) for plot in line)
        line.clear()

    for plot in rest:
        if line and sum(one.width for one in line) + plot.width > GRAFANA_COLUMNS:
            end_line()
        line.append(plot)
        if len(line) == 3:
            end_line()
    if line:
        end_line()
    return Laid(values, tuple(placed), empty)
