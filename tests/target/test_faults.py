from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.fault_effects import reference_faults
from target.faults import (
    FAULT_PARAMETERS,
    burst_on,
    parse_fault,
    parse_faults,
    request_fails,
    share_of,
    units_due,
)
from target.launch import FAULTS


def test_no_text_is_no_fault() -> None:
    assert parse_faults("") == []
    assert parse_faults(" ; ") == []


def test_a_fault_carries_its_numbers_and_defaults() -> None:
    leak, burst = parse_faults("memory_leak:mb_per_s=2,delay=30; error_burst:ratio=0.123456789")
    assert (leak.name, dict(leak.values)) == ("memory_leak", {"mb_per_s": 2.0, "delay": 30.0})
    assert dict(burst.values) == {"ratio": 0.123456789, "delay": 0.0, "seconds": math.inf}
    assert parse_fault(str(burst)) == burst


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory_leek:mb_per_s=1", "unknown fault 'memory_leek'; known: memory_leak, connection_leak, error_burst"),
        ("memory_leak", r"memory_leak needs mb_per_s=NUMBER"),
        ("memory_leak:mb_per_s=lots", "mb_per_s='lots' is not a number"),
        ("memory_leak:mb_per_s=nan", "not within 0 to 1000"),
        ("memory_leak:mb_per_s=-1", "not within 0 to 1000"),
        ("memory_leak:mb_per_s=1e9", "not within 0 to 1000"),
        ("memory_leak:mb_per_s", "is not one of mb_per_s=NUMBER, delay=NUMBER"),
        ("memory_leak:mb_per_s=1,mb_per_s=2", "given twice"),
        ("memory_leak:rate=1", "is not one of"),
        ("error_burst:ratio=1.5", "not within 0 to 1"),
        ("error_burst:ratio=0.1;error_burst:ratio=0.2", "error_burst is given twice"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_faults(text)


def test_every_fault_can_be_parsed_made_and_launched() -> None:
    assert set(reference_faults()) == set(FAULT_PARAMETERS) == set(FAULTS)


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


def test_the_burst_begins_and_ends() -> None:
    assert [burst_on(t, 10, 5) for t in (0, 9.9, 10, 14.9, 15)] == [False, False, True, True, False]
    assert burst_on(1e9, 10, math.inf)


@given(ratio=st.floats(0, 1), start=st.integers(0, 100_000))
def test_any_stretch_of_requests_has_its_share_of_failures(ratio: float, start: int) -> None:
    failed = sum(request_fails(number, ratio) for number in range(start, start + 200))
    assert abs(failed - 200 * ratio) <= 1.001
