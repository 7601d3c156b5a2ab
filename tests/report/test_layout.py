"""Panels of a row side by side without holes; single values and what is empty take little room."""

from __future__ import annotations

import pytest

from harness.report.layout import lay_out
from harness.report.plots import Cell, Plot


def plots(*widths: int) -> list[Plot]:
    return [Plot(key=f"p{number}", title="", width=width) for number, width in enumerate(widths)]


@pytest.mark.parametrize(
    ("widths", "columns"),
    [
        ((12, 12), [6, 6]),
        ((8, 8, 8), [4, 4, 4]),
        ((24, 12, 12), [12, 6, 6]),
        ((12,), [12]),
        ((6, 6, 6, 6), [6, 6, 6, 6]),
        ((8, 8, 8, 8), [6, 6, 6, 6]),
        ((8, 16), [6, 6]),
        ((12, 12, 24), [6, 6, 12]),
        ((), []),
    ],
)
def test_each_line_is_full(widths: tuple[int, ...], columns: list[int]) -> None:
    row = lay_out(plots(*widths))
    assert [placed.columns for placed in row.panels] == columns
    assert [placed.plot.key for placed in row.panels] == [f"p{n}" for n in range(len(widths))]


def test_values_and_what_is_empty_stand_apart() -> None:
    value = Plot(key="value", title="", kind="tiles", tiles=(("x", Cell("1"), ""),))
    several = Plot(key="several", title="", kind="tiles", tiles=(("x", Cell("1"), ""), ("y", Cell("2"), "")))
    empty = Plot(key="empty", title="", empty="no container")
    row = lay_out([empty, value, several])
    assert (row.values, row.empty) == ((value,), (empty,))
    assert [placed.plot for placed in row.panels] == [several]
