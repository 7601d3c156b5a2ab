"""A comparison with earlier runs in words, for every format. Pure.

It reads ``Verdict.comparison``, the plain form in which verdict.json keeps it: damaged or later ones show as "no data".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.judge.verdict import Outcome
from harness.report.text import one_line
from harness.units import format_value

NO_DATA = "no data"
OUTCOMES = {
    "worse": Outcome.FAIL,
    "cannot tell": Outcome.INCONCLUSIVE,
    "better": Outcome.PASS,
    "same": Outcome.PASS,
}


@dataclass(frozen=True)
class ComparedRow:
    """One line of the table, in words. ``change``: worse, same, better or cannot tell."""

    change: str
    query: str
    subject: str
    baseline: str
    value: str
    effect: str
    interval: str
    detectable: str
    note: str

    @property
    def outcome(self) -> Outcome:
        """How it looks; whether it decides is said by the verdict's findings. An unknown word is no "same"."""
        return OUTCOMES.get(self.change, Outcome.INCONCLUSIVE)

    @property
    def measured(self) -> bool:
        """Whether it was compared, or the run or its baselines have it: what only one of them has is never hidden."""
        return bool(self.interval) or {self.value, self.baseline} != {NO_DATA}


@dataclass(frozen=True)
class ComparedView:
    """The whole comparison in words.

    Attributes:
        head: one sentence: what was compared, and how many came out how.
        remarks: who was refused, what was forced, what is assumed.
    """

    head: str
    rows: tuple[ComparedRow, ...]
    remarks: tuple[str, ...]


def compared_view(comparison: Mapping[str, Any] | None) -> ComparedView | None:
    """None where no comparison was asked for."""
    if comparison is None:
        return None
    rows = tuple(_row(one) for one in comparison.get("rows") or () if isinstance(one, Mapping))
    order = list(OUTCOMES)
    rows = tuple(sorted(rows, key=lambda r: order.index(r.change) if r.change in order else 1))
    baselines = [str(one) for one in comparison.get("baselines") or ()]
    missing = str(comparison.get("missing") or "")
    counts = ", ".join(f"{sum(r.change == word for r in rows)} {word}" for word in ("worse", "better", "same"))
    untold = sum(r.change not in ("worse", "better", "same") for r in rows)
    if baselines:
        runs = f"{len(baselines)} earlier run{'s' if len(baselines) > 1 else ''}"
        head = f"compared with {runs}: {counts}, {untold} cannot be told"
    else:
        head = f"compared with no run: {missing or 'none is comparable'}"
    refused = [r for r in comparison.get("refused") or () if isinstance(r, Mapping)]
    remarks = [
        f"{'not compared with' if baselines else 'refused:'} {r.get('run_id')}: {r.get('reason')}" for r in refused
    ]
    remarks += [f"FORCED, although not comparable: {one}" for one in comparison.get("forced") or ()]
    if baselines:
        remarks += [f"baseline runs: {', '.join(baselines)}", str(comparison.get("assumed") or "")]
    return ComparedView(one_line(head), rows, tuple(one_line(r) for r in remarks if r))


def _row(one: Mapping[str, Any]) -> ComparedRow:
    unit, absolute = str(one.get("unit", "")), bool(one.get("absolute"))

    def change(value: Any) -> str:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ""
        return f"{'-' if value < 0 else '+'}{format_value(abs(float(value)), unit if absolute else 'ratio')}"

    def level(value: Any) -> str:
        return format_value(float(value), unit) if isinstance(value, int | float) else NO_DATA

    labels = one.get("labels")
    subject = " ".join(str(v) for v in labels.values()) if isinstance(labels, Mapping) else ""
    low, high = change(one.get("low")), change(one.get("high"))
    return ComparedRow(
        change=one_line(str(one.get("change", "cannot tell"))),
        query=one_line(str(one.get("query", ""))),
        subject=one_line(subject),
        baseline=level(one.get("baseline")),
        value=level(one.get("value")),
        effect=change(one.get("effect")),
        interval=f"{low} to {high}" if low and high else "",
        detectable=change(one.get("detectable")),
        note=one_line(str(one.get("note", ""))),
    )
