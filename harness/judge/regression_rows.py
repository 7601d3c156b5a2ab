"""What a comparison with earlier runs found, series by series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

# The commonest note of what cannot be told.
WIDE = "the interval is wider than the tolerance: more baseline runs, or longer ones"


class Change(StrEnum):
    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Measured:
    """What one run answered, for a reader's eye: its level and the values of its sub-windows, in the query's unit."""

    run_id: str
    level: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One series of one query. Changes are shares of the baseline, or in ``unit`` where ``absolute``.

    Attributes:
        labels: of the series, without the stack's.
        value, baseline: the run's level and the baselines' (means over the sub-windows), in ``unit``.
        effect, low, high: the change and its 95 % interval; above 0 the run is higher, whichever direction is good.
        p_value: of "worse", corrected for the number of series (Holm).
        tolerance: the change within which runs are the same.
        detectable: the smallest change for the worse that would have been called so with 90 % probability.
        note: why it cannot be told, or what to know.
        measured: of what is worse, the baselines in their order and this run last; of other rows nothing.
    """

    query: str
    signal: str
    labels: Mapping[str, str]
    change: Change
    unit: str
    absolute: bool = False
    better: str = "lower"
    value: float | None = None
    baseline: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    tolerance: float | None = None
    detectable: float | None = None
    note: str = ""
    measured: tuple[Measured, ...] = ()

    @property
    def place(self) -> str:
        """The query and whom it is about, in words."""
        if "method" in self.labels and "name" in self.labels:
            return f"{self.query} of {self.labels['method']} {self.labels['name']}"
        return self.query + (f" of {' '.join(self.labels.values())}" if self.labels else "")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"change": self.change.value, "labels": dict(self.labels), "place": self.place}


@dataclass(frozen=True)
class Comparison:
    """Everything that was found about one run and its baselines.

    Attributes:
        baselines: run ids that were compared with.
        refused: runs that could not be, and why.
        forced: what makes the runs not comparable, that ``--force`` went over.
        assumed: what the verdicts rest on, in words.
    """

    run_id: str
    baselines: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[tuple[str, str], ...] = ()
    forced: tuple[str, ...] = ()
    assumed: str = ""

    def of(self, change: Change) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.change is change)

    def to_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "baselines": list(self.baselines),
            "refused": [{"run_id": run, "reason": why} for run, why in self.refused],
            "forced": list(self.forced),
            "assumed": self.assumed,
            "rows": [row.to_json() for row in self.rows],
        }
