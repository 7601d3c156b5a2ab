"""What counts as found and named, and what the lab's exit code says."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import ExitCode, UsageError
from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.selftest.case import FAILS, HEALTHY, UNDECIDED, WARNS, Case, choose
from harness.selftest.cases import CASES
from harness.selftest.matrix import compare, exit_code_of, first_effect, to_json
from target.faults import parse_faults

BEGAN = 1000.0
LEAK = Case("leak", FAILS, ("memory",), "it leaks", ("memory_leak:mb_per_s=1",))
WELL = Case("well", HEALTHY, (), "nothing is done")
PASSED = ObjectiveResult("latency_p95", "all", 1.0, 0.1, "seconds", Outcome.PASS)


def verdict(*findings: Finding) -> dict[str, Any]:
    return Verdict("r", findings, (PASSED,), {}).to_json()


def finding(
    signal: str, outcome: Outcome, *, check: str = "objectives", onset: float | None = None, seen: float | None = None
) -> Finding:
    return Finding(check, signal, outcome, f"{signal} it is", onset=onset, first_seen=seen)


def test_found_and_named() -> None:
    told = verdict(
        finding("memory", Outcome.FAIL, check="trend", onset=BEGAN + 4, seen=BEGAN + 4),
        finding("memory", Outcome.WARN, check="alerts", onset=BEGAN + 10, seen=BEGAN + 40.26),
        finding("memory", Outcome.WARN, check="alerts", onset=BEGAN + 10, seen=BEGAN + 90),
        finding("latency", Outcome.WARN, check="alerts", onset=BEGAN + 30, seen=BEGAN + 31),
    )
    row = compare(LEAK, told, exit_code=10, began_at=BEGAN)
    assert row.right and row.found and row.named and row.problem == ""
    assert (row.outcome, row.cause, row.onset_delay, row.alert_delay) == ("fail", "memory", 4.0, 40.3)


def test_missed() -> None:
    row = compare(LEAK, verdict(), exit_code=0, began_at=BEGAN)
    assert not row.right and not row.found
    assert row.problem == "pass instead of fail: no finding"
    assert (row.onset_delay, row.alert_delay) == (None, None)


def test_misnamed() -> None:
    told = verdict(finding("cpu", Outcome.FAIL, onset=BEGAN), finding("memory", Outcome.FAIL, onset=BEGAN + 60))
    row = compare(LEAK, told, exit_code=10, began_at=BEGAN)
    assert row.found and not row.named and not row.right
    assert row.problem == "blamed on cpu instead of memory: cpu it is"


def test_a_verdict_that_its_exit_code_denies_is_wrong() -> None:
    told = verdict(finding("memory", Outcome.FAIL, onset=BEGAN))
    row = compare(LEAK, told, exit_code=0, began_at=BEGAN)
    assert not row.right and row.problem == "fail, yet exit code 0"


def test_a_fault_whose_begin_nobody_knows_may_never_have_begun() -> None:
    told = verdict(finding("memory", Outcome.FAIL, onset=BEGAN))
    assert compare(LEAK, told, exit_code=10, began_at=None).problem == "nobody knows when the fault began"


@pytest.mark.parametrize(
    ("told", "exit_code", "right"),
    [
        (verdict(), 0, True),
        (verdict(finding("cpu", Outcome.WARN)), 0, True),
        (verdict(finding("cpu", Outcome.INCONCLUSIVE)), 11, False),
        (verdict(finding("cpu", Outcome.FAIL)), 10, False),
        ({}, 12, False),
    ],
)
def test_health(told: dict[str, Any], exit_code: int, right: bool) -> None:
    assert compare(WELL, told, exit_code=exit_code, began_at=None).right is right


def test_trouble_is_wrong_whatever_the_verdict() -> None:
    row = compare(WELL, verdict(), exit_code=0, began_at=None, trouble=["still running: 7 gunicorn"])
    assert row.found and row.named and not row.right


def test_no_verdict_is_an_error() -> None:
    row = compare(LEAK, {}, exit_code=12, began_at=None)
    assert (row.outcome, row.right) == ("error", False)


def test_exit_codes() -> None:
    right = compare(WELL, verdict(), exit_code=0, began_at=None)
    wrong = compare(LEAK, verdict(), exit_code=0, began_at=BEGAN)
    broken = compare(LEAK, {}, exit_code=12, began_at=None)
    assert exit_code_of([right]) is ExitCode.PASS
    assert exit_code_of([right, wrong]) is ExitCode.FAIL
    assert exit_code_of([right, wrong, broken]) is ExitCode.ERROR
    assert exit_code_of([]) is ExitCode.ERROR, "a lab that tried nothing has shown nothing"


def test_the_matrix_counts_what_is_right() -> None:
    rows = [compare(WELL, verdict(), exit_code=0, began_at=None), compare(LEAK, {}, exit_code=12, began_at=None)]
    data = to_json(rows, {})
    assert (data["right"], data["runs"], [r["right"] for r in data["rows"]]) == (1, 2, [True, False])


def test_the_first_effect_is_read_from_the_targets_log() -> None:
    log = (
        "[INFO] Booting worker\n"
        "fault memory_leak:mb_per_s=1.0,delay=30.0: first effect at 1970-01-01T00:17:10.000+00:00\n"
        "fault worker_recycling:requests=10.0,delay=0.0: first effect at 1970-01-01T00:16:40.000+00:00\n"
        "fault memory_leak:mb_per_s=1.0,delay=30.0: first effect at 1970-01-01T00:17:09.500+00:00\n"
    )
    assert first_effect(log, ["memory_leak:mb_per_s=1", "worker_recycling:requests=10"]) == 1029.5
    assert first_effect(log, ["stall"]) is None
    assert first_effect("", ["memory_leak:mb_per_s=1"]) is None
    assert first_effect(log, []) is None


def test_cases_are_chosen_in_their_order() -> None:
    assert [c.name for c in choose(CASES, ["stall", "healthy"])] == ["healthy", "stall"]
    assert choose(CASES, []) == list(CASES.values())
    with pytest.raises(UsageError, match="'stalll' is no case"):
        choose(CASES, ["stalll"])


def test_every_case_is_one_that_can_be_run_and_can_go_wrong() -> None:
    for case in CASES.values():
        parse_faults(";".join(case.faults))
        assert case.outcomes in (HEALTHY, FAILS, WARNS, UNDECIDED), case.name
        assert bool(case.signals) is (case.outcomes != HEALTHY), case.name
        assert case.why, case.name
    assert CASES["healthy"].faults == () and CASES["healthy"].outside == ""


def test_the_short_form_has_what_ci_must_see() -> None:
    short = {name for name, case in CASES.items() if case.short}
    assert {
        "healthy",
        "memory-leak",
        "connection-leak",
        "error-burst",
        "stall",
        "worker-recycling",
        "scrape-loss-10",
    } <= short
