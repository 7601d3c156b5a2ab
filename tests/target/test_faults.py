from __future__ import annotations

import math

import pytest

from target.fault_effects import reference_faults
from target.faults import (
    FAULT_PARAMETERS,
    parse_fault,
    parse_faults,
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
        ("memory_leek:mb_per_s=1", "unknown fault 'memory_leek'; known: memory_leak, memory_leak_lumps,"),
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


def test_every_parameter_is_explained_and_may_be_delayed() -> None:
    for name, parameters in FAULT_PARAMETERS.items():
        assert "delay" in parameters, name
        assert all(p.meaning for p in parameters.values()), name


def test_no_fault_can_be_asked_for_without_a_pause() -> None:
    """A period of nothing would divide by zero, or never let anything else run."""
    for text in ("stall:every=0", "crash_loop:every=0", "memory_leak_lumps:mb=1,every=0", "redis_busy:ms=5,every=0"):
        with pytest.raises(ValueError, match="every=0 is not within"):
            parse_fault(text)
