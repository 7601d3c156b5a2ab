"""How much a counter grew in a window, from its raw samples. Pure."""

from __future__ import annotations

import numpy as np

from harness.judge.windows import Window
from harness.prom.series import FloatArray, Series

LATE = 1.5  # scrape intervals before a window's end: a counter whose last sample is older has ended


def growth(series: Series, window: Window, scraped_before: bool) -> float:
    """How much a counter grew from the last sample at or before a window's start to the last one in it.

    A fall is a new process that began at 0. What first appears in the window began at 0 too where its process was
    scraped before; else its beginning is not known, and the first sample is where counting begins.
    """
    _, values = _counted(series, window, scraped_before)
    change = np.diff(values)
    return float(np.where(change < 0, values[1:], change).sum())


def rate(series: Series, window: Window, scraped_before: bool, interval: float) -> float:
    """Growth per second of the time that lies between those samples: a window is seldom a multiple of the scrapes.

    A counter that ended early was not counted up to the window's end: that time counts as one in which nothing was.

    Args:
        interval: seconds between scrapes.
    """
    times, values = _counted(series, window, scraped_before)
    if times.size < 2:
        return 0.0
    change = np.diff(values)
    until = max(float(times[-1]), window.end - LATE * interval)
    return float(np.where(change < 0, values[1:], change).sum()) / (until - float(times[0]))


def _counted(series: Series, window: Window, scraped_before: bool) -> tuple[FloatArray, FloatArray]:
    """Times and values between which it is counted, the beginning first; empty without a sample."""
    keep = np.isfinite(series.values) & (series.times <= window.end)
    times, values = series.times[keep], series.values[keep]
    first = int(np.searchsorted(times, window.start, side="right"))
    if first > 0:
        return times[first - 1 :], values[first - 1 :]
    if not values.size or not scraped_before:
        return times, values
    return np.concatenate([[window.start], times]), np.concatenate([[0.0], values])
