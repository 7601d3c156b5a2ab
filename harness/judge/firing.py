"""When an alert would have fired: `for` applied to the samples of its expression. Pure.

Exact, `for` included, when the samples stand at the group's own evaluation times (see RECIPES).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.prom.series import FloatArray


@dataclass(frozen=True)
class Firing:
    """One stretch in which an alert fired.

    Attributes:
        active: when its condition became true (pending began).
        start, end: first and last evaluation at which it fired.
        seconds: how long its condition held, one step for each evaluation.
        value: the expression's value that lies furthest from 0 while it fired.
    """

    active: float
    start: float
    end: float
    seconds: float
    value: float


def first_evaluation(start: float, step: float, offset: float) -> float:
    """The first time >= start of the form offset + k * step, to the millisecond."""
    step_ms, start_ms, offset_ms = round(step * 1000), round(start * 1000), round(offset * 1000)
    return (start_ms + (offset_ms - start_ms) % step_ms) / 1000


def firings(times: FloatArray, values: FloatArray, step: float, for_seconds: float) -> list[Firing]:
    """Stretches in which the alert fired.

    Args:
        times: evaluations at which the expression returned the series, shape (n,), increasing; a gap is "not true".
        values: shape (n,); NaN never fires (a comparison with NaN is false).
    """
    keep = ~np.isnan(values)
    times, values = times[keep], values[keep]
    if times.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(times) > 1.5 * step) + 1
    found: list[Firing] = []
    for part_times, part_values in zip(np.split(times, breaks), np.split(values, breaks), strict=True):
        # A millisecond of slack: steps are milliseconds, `for` often an exact multiple of them.
        fires = part_times - part_times[0] >= for_seconds - 1e-3
        if not fires.any():
            continue
        during = part_values[fires]
        found.append(
            Firing(
                active=float(part_times[0]),
                start=float(part_times[fires][0]),
                end=float(part_times[-1]),
                seconds=float(part_times[-1] - part_times[0]) + step,
                value=float(during[np.argmax(np.abs(during))]),
            )
        )
    return found
