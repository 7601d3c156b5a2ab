"""A histogram's cumulated buckets as the bands of a heat map. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.report.plots import Axis, Line
from harness.report.sampling import Sampled
from harness.units import format_duration


def _short(seconds: float) -> str:
    return format_duration(float(f"{seconds:.3g}"))


def bands(found: Sequence[Sampled]) -> tuple[list[Line], Axis]:
    """Requests per second between neighbouring edges, lowest band first; bands that were never hit at either end left
    out.

    Args:
        found: series with the label ``le``, cumulated as Prometheus' histograms are.
    """
    by_edge: dict[float, Sampled] = {}
    for one in found:
        try:
            edge = float(one.labels.get("le", ""))
        except ValueError:
            continue
        if not math.isnan(edge):
            by_edge[edge] = one
    edges = sorted(by_edge)
    lines: list[Line] = []
    below: Sampled | None = None
    for index, edge in enumerate(edges):
        one = by_edge[edge]
        # The rates of neighbours may differ by a rounding error.
        rate = one.value if below is None else np.maximum(one.value - below.value, 0.0)
        low = edges[index - 1] if index else 0.0
        name = f"to {_short(edge)}" if math.isfinite(edge) else f"over {_short(low)}"
        lines.append(Line(name, "value", Sampled(one.labels, rate, rate, rate)))
        below = one
    hit = [i for i, line in enumerate(lines) if not line.data.empty and float(np.nanmax(line.data.value)) > 0]
    return (lines[hit[0] : hit[-1] + 1], Axis(1.0, "/s")) if hit else ([], Axis())
