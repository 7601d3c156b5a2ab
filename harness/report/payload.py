"""The plots as the page's script reads them: one grid of time, one pool of series, and what is drawn of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from harness.prom.series import FloatArray
from harness.report.embed import float32
from harness.report.evidence import Evidence
from harness.report.plots import Plot
from harness.report.sampling import Sampled


def payload(evidence: Evidence) -> dict[str, Any]:
    """Times in milliseconds; an empty object when there are no plots."""
    span = evidence.span
    if span is None:
        return {}
    pool = _Pool()
    plots = {plot.key: _plot(plot, pool) for plot in all_plots(evidence) if plot.drawn}
    return {
        "start": _ms(span.start),
        "end": _ms(span.end),
        "steady": [_ms(t) for t in span.steady] if span.steady else None,
        "warmup": round(evidence.warmup * 1000),
        "aside": [[_ms(start), _ms(end)] for start, end in evidence.set_aside],
        "grid": {
            "first": _ms(float(span.buckets.middles[0])),
            "step": _ms(span.buckets.step),
            "count": span.buckets.count,
            "whole": span.buckets.whole,
        },
        "plots": plots,
        "series": pool.series,
    }


def all_plots(evidence: Evidence) -> Iterable[Plot]:
    """Proofs first, then the panels in their order."""
    yield from evidence.proofs
    for section in evidence.sections:
        for _, plots in section.rows:
            yield from plots


class _Pool:
    """Each series once in each display unit, however many plots show it."""

    def __init__(self) -> None:
        self.series: list[dict[str, str]] = []
        self._known: dict[tuple[int, float], int] = {}
        self._kept: list[Sampled] = []  # ids stay taken while the objects live

    def add(self, data: Sampled, factor: float) -> int:
        key = (id(data), factor)
        if key not in self._known:
            self._kept.append(data)
            self._known[key] = len(self.series)
            one = {"v": float32(_shown(data.value, factor))}
            if not _same(data.low, data.value) or not _same(data.high, data.value):
                one |= {"l": float32(_shown(data.low, factor)), "h": float32(_shown(data.high, factor))}
            self.series.append(one)
        return self._known[key]


def _shown(values: FloatArray, factor: float) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan) * factor


def _same(one: FloatArray, other: FloatArray) -> bool:
    return one is other or bool(np.array_equal(one, other, equal_nan=True))


def _plot(plot: Plot, pool: _Pool) -> dict[str, Any]:
    factor = plot.axis.factor
    return {
        "kind": plot.kind,
        "title": plot.title,
        "suffix": plot.axis.suffix,
        "lines": [{"n": line.name, "r": line.role, "s": pool.add(line.data, factor)} for line in plot.lines],
        "stacked": plot.stacked,
        "log": plot.log,
        "min": None if plot.axis_min is None else plot.axis_min * factor,
        "max": None if plot.axis_max is None else plot.axis_max * factor,
        "shades": [[_ms(start), _ms(end)] for start, end in plot.shades],
        "marks": [[_ms(moment), text] for moment, text in plot.marks],
        "tall": plot.width > 12,
        **_xy(plot, pool),
        **_runs(plot),
        "words": [[value * factor, text, level] for value, text, level in plot.words],
    }


def _xy(plot: Plot, pool: _Pool) -> dict[str, Any]:
    """What only an xy plot has."""
    if plot.across is None:
        return {}
    return {
        "across": pool.add(plot.across, 1.0),
        "acrossTitle": plot.across_title,
        "points": [[one.x, one.y, one.level, one.text] for one in plot.points],
        "uprights": [list(one) for one in plot.uprights],
        "fitted": [list(one) for one in plot.fitted],
    }


def _runs(plot: Plot) -> dict[str, Any]:
    """What only a plot of several runs has."""
    if plot.kind != "runs":
        return {}
    factor = plot.axis.factor
    return {
        "runs": [[one.name, one.level * factor, [v * factor for v in one.values]] for one in plot.runs],
        "levels": [[name, value * factor] for name, value in plot.levels],
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000) if math.isfinite(seconds) else 0
