"""Panels on the grid: none over another, none beyond the edge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.layout import Place, place
from tests.dashboards.definitions import DASHBOARDS, panel_of

PANEL = panel_of("load-requests")


def sized(*sizes: tuple[int, int]) -> list:
    return [replace(PANEL, width=width, height=height) for width, height in sizes]


def test_rows_fill_from_left_to_right_and_wrap() -> None:
    places, below = place(sized((12, 8), (12, 6), (24, 4)), top=1)
    assert places == [Place(0, 1), Place(12, 1), Place(0, 9)]
    assert below == 13


def test_small_panels_stand_beside_a_tall_one() -> None:
    places, below = place(sized((8, 14), (16, 5), (16, 5), (16, 4)), top=0)
    assert places == [Place(0, 0), Place(8, 0), Place(8, 5), Place(8, 10)]
    assert below == 14


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d.uid)
def test_rows_leave_no_holes(dashboard) -> None:
    for row in dashboard.rows:
        _, below = place(row.panels, top=0)
        assert sum(panel.width * panel.height for panel in row.panels) == 24 * below, row.title


def test_nothing_to_place() -> None:
    assert place([], top=3) == ([], 3)


@pytest.mark.parametrize("size", [(25, 1), (0, 4), (4, 0)])
def test_an_impossible_size_is_an_error(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="load-requests"):
        place(sized(size), top=0)
