"""The plot of a finding that compares with earlier runs: the sub-windows of each run, side by side. Pure.

It reads ``Verdict.comparison``, the plain form in which verdict.json keeps it; what is damaged there is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np

from harness.judge.verdict import Finding
from harness.report.plots import Plot, RunLevels, axis_for
from harness.report.text import one_line

SEVERAL = "this finding speaks of the comparison as a whole, not of one series: see the table above"
UNKNOWN = "verdict.json does not hold what was compared; judge the run again to see it: harness judge RUN"


def regression_plot(key: str, finding: Finding, comparison: Mapping[str, Any] | None) -> Plot:
    """The baselines in their order, this run last; without its values it says why."""
    row = _row_of(finding, comparison or {})
    if row is None:
        return Plot(key=key, title="", empty=UNKNOWN if finding.query else SEVERAL)
    runs = _runs(row.get("measured"))
    if not runs:
        return Plot(key=key, title="", empty=UNKNOWN)
    levels = [(word, level) for word, level in (("same up to", finding.limit),) if level is not None]
    if row.get("better") == "higher":
        levels = [("same down to", level) for _, level in levels]
    drawn = [np.asarray(one.values) for one in runs] + [np.asarray([level for _, level in levels])]
    return Plot(
        key=key,
        title=one_line(str(row["place"])),
        kind="runs",
        width=24,
        unit=finding.unit,
        axis=axis_for(finding.unit, drawn),
        runs=runs,
        levels=tuple(levels),
        query=one_line(finding.query),
        note=(
            "A dot is a sub-window of the steady state, in order of time; a bar is the level of the whole run: "
            "levels are what was compared."
        ),
    )


def _row_of(finding: Finding, comparison: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one row that the finding tells; None for a finding about several, or about none."""
    rows = [one for one in comparison.get("rows") or () if isinstance(one, Mapping) and one.get("change") == "worse"]
    found = [
        one
        for one in rows
        if one.get("labels") == dict(finding.subject) and finding.summary.startswith(f"{one.get('place')} is ")
    ]
    return found[0] if len(found) == 1 else None


def _runs(measured: Any) -> tuple[RunLevels, ...]:
    """None at all where one of them is damaged: a picture without a run would tell another story."""
    found = []
    for one in measured if isinstance(measured, list | tuple) else ():
        if not isinstance(one, Mapping):
            return ()
        level, values = one.get("level"), one.get("values")
        if not _number(level) or not isinstance(values, list | tuple) or not values or not all(map(_number, values)):
            return ()
        found.append(RunLevels(one_line(str(one.get("run_id", ""))), float(level), tuple(float(v) for v in values)))
    return tuple(found) if len(found) > 1 else ()


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
