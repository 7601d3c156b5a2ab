from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.fault_amounts import creep, is_on, request_fails, share_of, stall_left, tooth_phase, units_due


@pytest.mark.parametrize(
    ("elapsed", "delay", "per_second", "units"),
    [(0, 0, 1, 0), (9.99, 10, 5, 0), (10, 10, 5, 0), (10.2, 10, 5, 1), (11, 10, 5, 5), (3, 0, 0.1, 0), (30, 0, 0.1, 3)],
)
def test_units_fall_due_at_the_rate_after_the_delay(
    elapsed: float, delay: float, per_second: float, units: int
) -> None:
    assert units_due(elapsed, delay, per_second) == units


@given(total=st.integers(0, 10_000), slots=st.integers(1, 64))
def test_shares_of_all_workers_are_the_whole(total: int, slots: int) -> None:
    shares = [share_of(total, slot, slots) for slot in range(slots)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_a_slot_outside_the_workers_is_an_error() -> None:
    with pytest.raises(ValueError, match="slot 2"):
        share_of(5, 2, 2)


def test_a_fault_begins_and_ends() -> None:
    assert [is_on(t, 10, 5) for t in (0, 9.9, 10, 14.9, 15)] == [False, False, True, True, False]
    assert is_on(1e9, 10, math.inf)


@given(ratio=st.floats(0, 1), start=st.integers(0, 100_000))
def test_any_stretch_of_requests_has_its_share_of_failures(ratio: float, start: int) -> None:
    failed = sum(request_fails(number, ratio) for number in range(start, start + 200))
    assert abs(failed - 200 * ratio) <= 1.001


def test_a_creep_builds_up_from_its_delay_to_its_most() -> None:
    assert [creep(t, 10, 60) for t in (0, 10, 11, 70)] == [0, 0, 1, 60]
    assert creep(1000, 10, 60, most=5) == 5


def test_stalls_begin_at_the_delay_and_come_again() -> None:
    left = [stall_left(t, 10, 30, 2) for t in (0, 9.9, 10, 11.5, 12, 39, 40, 41)]
    assert left == pytest.approx([0, 0, 2, 0.5, 0, 0, 2, 1])


def test_teeth_of_workers_stand_apart_and_none_begins_before_the_delay() -> None:
    assert [tooth_phase(t, 5, 10, 0, 2) for t in (4, 5, 14, 15)] == [(-1, 0.0), (0, 0.0), (0, 9.0), (1, 0.0)]
    assert [tooth_phase(t, 5, 10, 1, 2) for t in (5, 9, 10, 20)] == [(0, 0.0), (0, 4.0), (1, 0.0), (2, 0.0)]
