"""The harness about itself, on series made up here: whose growth is told, from when on, and whose is not."""

from __future__ import annotations

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge.own import own_process
from harness.judge.replaced import most_in_an_hour
from harness.judge.windows import Window
from harness.prom.series import Series

MIB = 2**20
START = 1_795_364_560.0


def memory(values: np.ndarray, **labels: str) -> Series:
    times = START + 5.0 * np.arange(values.size)
    return Series(labels, times, values)


def two_hours(after_settling: float) -> np.ndarray:
    """60 MiB at first, 80 MiB after ten minutes, and so many bytes more at the end, in a straight line."""
    seconds = 5.0 * np.arange(1441)
    return np.where(seconds < 600, 60 * MIB, 80 * MIB) + after_settling * np.clip((seconds - 900) / 6300, 0, None)


def test_what_grows_before_the_first_quarter_of_an_hour_is_over_is_no_growth() -> None:
    window = Window(START, START + 7200)
    found = own_process(memory(two_hours(0.0)), window, names.JOB_RUN)
    assert (found.process, found.highest, found.growth) == ("harness", 80 * MIB, 0.0)


def test_growth_after_that_is_told_by_medians_of_five_minutes() -> None:
    window = Window(START, START + 7200)
    found = own_process(memory(two_hours(63 * MIB), instance="locust-worker-1"), window, names.JOB_LOAD)
    assert found.process == "locust-worker-1"
    assert found.growth == pytest.approx(60 * MIB, rel=0.01), "of the medians, 100 minutes apart"


def test_a_short_run_cannot_tell_and_prometheus_may_grow() -> None:
    short = Window(START, START + 1400)
    assert own_process(memory(two_hours(1e9)), short, names.JOB_SIDECAR).growth is None
    window = Window(START, START + 7200)
    assert own_process(memory(two_hours(1e9)), window, names.JOB_PROMETHEUS).growth is None


def test_the_busiest_hour_counts() -> None:
    assert most_in_an_hour([]) == 0
    assert most_in_an_hour([START]) == 1
    assert most_in_an_hour([START, START + 3600, START + 3601, START + 7200, START + 9000]) == 3
    assert most_in_an_hour([START] * 7) == 7
