from __future__ import annotations

import pytest

from harness.load.restart import back_off, failures_in_a_row, why_replace


def test_a_worker_that_comes_up_or_is_heard_stays() -> None:
    assert why_replace(age=0, announced=False, missing=None) is None
    assert why_replace(age=60, announced=False, missing=None) is None
    assert why_replace(age=86_400, announced=True, missing=None) is None
    assert why_replace(age=86_400, announced=True, missing=15) is None


def test_a_worker_that_does_not_come_up_or_hangs_is_replaced() -> None:
    assert why_replace(age=60.1, announced=False, missing=None) == "it did not come up in time"
    assert why_replace(age=20, announced=True, missing=15.1) == "it hung"


def test_back_off_doubles_up_to_a_bound_and_begins_at_once() -> None:
    assert [back_off(n) for n in range(1, 9)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert back_off(100_000) == 30


@pytest.mark.parametrize(("before", "lived", "after"), [(0, 1, 1), (3, 59, 4), (3, 60, 4), (3, 61, 1)])
def test_a_long_life_forgives_earlier_deaths(before: int, lived: float, after: int) -> None:
    assert failures_in_a_row(before, lived) == after
