"""Where panels stand on Grafana's grid of 24 columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.model import GRID_COLUMNS, Panel


@dataclass(frozen=True)
class Place:
    """Left and top edge, in grid units."""

    x: int
    y: int


def place(panels: Sequence[Panel], top: int) -> tuple[list[Place], int]:
    """The panels' places below ``top``, each as high up and then as far left as it fits, and the first free line.

    Raises:
        ValueError: a panel is wider than the grid or has no size.
    """
    skyline = [top] * GRID_COLUMNS
    places = []
    for panel in panels:
        if not 1 <= panel.width <= GRID_COLUMNS or panel.height < 1:
            raise ValueError(f"{panel.key} is {panel.width} x {panel.height}: not a place on a grid of {GRID_COLUMNS}")
        spans = range(GRID_COLUMNS - panel.width + 1)
        y, x = min((max(skyline[x : x + panel.width]), x) for x in spans)
        skyline[x : x + panel.width] = [y + panel.height] * panel.width
        places.append(Place(x, y))
    return places, max(skyline)
