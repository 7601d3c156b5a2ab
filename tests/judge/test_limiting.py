"""What left its normal range first."""

from __future__ import annotations

import numpy as np

from harness.judge.limiting import Signal, departures, limit_of
from harness.judge.limiting_signals import least_delay
from harness.judge.windows import Window

TIMES = np.arange(0.0, 200.0)
NORMAL, WATCHED = Window(0, 99), Window(100, 199)


def signal(name: str, values, **kind) -> Signal:
    return Signal(name, "", name, "ratio", TIMES, np.asarray(values, dtype=float), **kind)


def rises(at: float, low: float, high: float):
    return np.where(at <= TIMES, high, low)


def found(*signals: Signal):
    return [(d.signal.name, d.at) for d in departures(signals, NORMAL, WATCHED, 1.0)]


def test_the_first_to_leave_is_named_first() -> None:
    pool = signal("db_pool", rises(130, 0, 5), full=0.5)
    redis = signal("redis", rises(138, 0.001, 0.05), least=0.002)
    cpu = signal("cpu", rises(100, 0.2, 0.6), full=0.85)
    assert found(redis, cpu, pool) == [("db_pool", 130), ("redis", 138)]


def test_one_bad_moment_is_no_departure() -> None:
    values = rises(500, 0, 0)
    values[150:152] = 9
    assert found(signal("db_pool", values, full=0.5)) == []


def test_of_two_that_left_together_the_one_farther_out_leads() -> None:
    near = signal("cpu", rises(130, 0.1, 0.9), full=0.85)
    far = signal("db_pool", rises(131, 0, 8), full=0.5)
    assert found(near, far) == [("db_pool", 131), ("cpu", 130)]


def test_what_was_exhausted_all_along_did_not_leave() -> None:
    assert limit_of(signal("cpu", rises(0, 1, 1), full=0.85), NORMAL) is None


def test_a_delay_needs_a_normal_range_and_must_double() -> None:
    assert found(signal("redis", rises(130, 0.01, 0.015), least=0.002)) == []
    assert found(signal("redis", rises(130, 0.01, 0.03), least=0.002)) == [("redis", 130)]
    assert found(signal("redis", rises(130, 0.0001, 0.001), least=0.002)) == []
    late = Signal("redis", "", "", "seconds", TIMES[98:], rises(130, 0.01, 0.5)[98:])
    assert departures([late], NORMAL, WATCHED, 1.0) == ()


def test_nothing_watched_names_nothing() -> None:
    assert departures([], NORMAL, WATCHED, 1.0) == ()


def test_the_load_at_that_moment_is_told() -> None:
    pool = signal("db_pool", rises(130, 0, 5), full=0.5)
    (one,) = departures([pool], NORMAL, WATCHED, 1.0, lambda at: at * 2)
    assert (one.load, one.level, one.normal) == (260, 5, 0.5)


def test_a_delay_that_no_user_feels_does_not_count() -> None:
    """Beside a limit of 800 ms, a query that takes 2 ms longer is not what breaks it; seen on a busy machine."""
    assert least_delay([]) == 0.002
    assert least_delay([0.8, 2.0]) == 0.008
    assert least_delay([0.05]) == 0.002
    least = least_delay([0.8])
    assert found(signal("database", rises(130, 0.0013, 0.0046), least=least)) == []
    assert found(signal("database", rises(130, 0.0013, 0.011), least=least)) == [("database", 130)]
