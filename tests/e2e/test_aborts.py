"""Hard failures end a whole run within a minute at a 5 s scrape interval, and it says what broke; a blip does not."""

from __future__ import annotations

from datetime import datetime

import pytest

from harness.selftest.matrix import first_effect
from tests.e2e.whole_run import Whole

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]

ALLOWED = 60.0  # seconds from the failure's start, as the issue of the live tier asks


def ended_after(whole: Whole, fault: str = "") -> float:
    """Seconds from the failure's first moment to the end of the load."""
    began = whole.meddled_at
    if fault:
        logs = "".join(path.read_text(errors="replace") for path in sorted((whole.directory / "logs").glob("*.log")))
        began = first_effect(logs, [fault])
    assert began is not None
    took = datetime.fromisoformat(whole.record["ended_at"]).timestamp() - began
    print(f"{whole.record['reason']}: {took:.1f} s after the failure began")
    return took


def aborted_for(whole: Whole, *alerts: str) -> None:
    assert whole.exit_code == 10
    assert whole.record["ended_by"] == "aborted"
    assert whole.record["reason"].startswith("target broke"), whole.record["reason"]
    assert any(alert in whole.record["reason"] for alert in alerts), whole.record["reason"]


@pytest.mark.scenario("abort-target")
def test_a_target_that_is_gone(whole: Whole) -> None:
    aborted_for(whole, "TargetDown", "ErrorsExcessive")  # both are true of it: whichever is seen first
    assert 0 < ended_after(whole) <= ALLOWED


@pytest.mark.scenario("abort-errors")
def test_errors_over_half(whole: Whole) -> None:
    aborted_for(whole, "ErrorsExcessive")
    assert 0 < ended_after(whole, "error_burst") <= ALLOWED


@pytest.mark.scenario("abort-pool")
def test_a_pool_exhausted_with_time_outs(whole: Whole) -> None:
    aborted_for(whole, "PoolExhausted", "ErrorsExcessive")  # a pool without a connection fails every request
    assert 0 < ended_after(whole, "connection_leak") <= ALLOWED


@pytest.mark.scenario("blip")
def test_stalls_of_three_seconds_end_no_run(whole: Whole) -> None:
    assert whole.record["ended_by"] == "completed"
