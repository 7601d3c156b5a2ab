"""Workers that are replaced leave a hole of seconds in the sums: no growth, no drop, and no leak is hidden by it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judge.growth import GrowthResult, judge_growth
from harness.judge.replacement_gaps import without_gaps
from harness.judge.verdict import Outcome

START = 1.79e9
SHORT = {"limit": 0.5, "horizon": 240.0, "interval": 1.0, "needed": 59.0}
Series = tuple[np.ndarray, np.ndarray, list[float]]


def recycled(seed: int, *, per_second: float = 0.0, seconds: int = 650) -> Series:
    """Descriptors of two workers, of which one ends about every 35 s and is back after three to five seconds."""
    rng = np.random.default_rng(seed)
    t = START + np.arange(seconds, dtype=float)
    v = np.full(seconds, 92.0) + np.floor(per_second * np.arange(seconds))
    restarts = []
    at = 20
    while (at := at + int(rng.integers(20, 55))) < seconds - 10:
        length = int(rng.integers(3, 6))
        v[at : at + length] -= rng.integers(12, 40, length)
        v[at + length :] += rng.integers(-2, 3)
        restarts.append(float(t[at + 2]))
    return t, v, restarts


def judged(series: Series) -> GrowthResult:
    return judge_growth(series[0], series[1], restarts=series[2], **SHORT)


def test_the_hole_is_left_out_and_nothing_else() -> None:
    t = START + np.arange(60.0)
    v = np.full(60, 100.0)
    v[30:34] = [86, 73, 88, 95]
    v[50] = 60.0  # no restart is known of it
    kept, values = without_gaps(t, v, [START + 32])
    assert np.setdiff1d(t, kept).tolist() == [START + 30, START + 31, START + 32, START + 33]
    assert values.min() == 60.0


@pytest.mark.parametrize("rise", [20.0, 35.0, 120.0])
def test_what_a_restart_gave_back_is_kept_however_it_grows_again(rise: float) -> None:
    """A leak that fills what was freed within ``rise`` seconds of each restart."""
    t = START + np.arange(600.0)
    v = 100 + 100 * ((t - START) % rise) / rise
    restarts = [START + k * rise for k in range(1, int(600 / rise))]
    assert without_gaps(t, v, restarts)[1].size == 600


def test_a_level_that_stays_lower_is_kept() -> None:
    t = START + np.arange(120.0)
    v = np.where(t < START + 60, 200.0, 150.0)
    assert without_gaps(t, v, [START + 60])[1].size == 120


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_few_samples_are_left_as_they_are(count: int) -> None:
    t = START + np.arange(count, dtype=float)
    assert without_gaps(t, np.ones(count), [START])[1].size == count


def test_recycled_workers_are_no_growth() -> None:
    outcomes = [judged(recycled(seed)).outcome for seed in range(20)]
    assert outcomes == [Outcome.PASS] * 20


def test_a_leak_beside_recycled_workers_is_still_found() -> None:
    outcomes = [judged(recycled(seed, per_second=0.5)).outcome for seed in range(20)]
    assert outcomes == [Outcome.FAIL] * 20
