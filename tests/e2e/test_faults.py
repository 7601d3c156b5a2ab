"""The cases of the fault lab, as `harness selftest` runs them: CI the short form, `make test-long` the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.selftest.case import Case
from harness.selftest.cases import CASES
from harness.selftest.lab import row_of
from harness.selftest.whole_run import Whole

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def known_gaps() -> set[str]:
    """The cases that docs/faults.md tells the judge to miss."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Known gaps\n")[2]
    return set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE))


def marks_of(case: Case) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.case(case.name)]
    if not case.short:
        marks.append(pytest.mark.long)
    if case.name in known_gaps():
        marks.append(pytest.mark.xfail(reason="docs/faults.md: known gaps"))
    return marks


PARAMETERS = [pytest.param(case.name, marks=marks_of(case), id=case.name) for case in CASES.values()]


def test_no_gap_is_known_of_a_case_that_ci_must_see() -> None:
    assert known_gaps() <= {name for name, case in CASES.items() if not case.short}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_fault_is_found_and_named_and_health_is_passed(whole: Whole, name: str) -> None:
    row = row_of(CASES[name], whole)
    print(row)
    assert row.right, row.problem


def failed_for(whole: Whole, signal: str, objective: str, subject: dict[str, str]) -> None:
    assert whole.exit_code == 10
    assert whole.objective(objective)["outcome"] == "fail"
    cause = whole.verdict["first_cause"]
    assert (cause["signal"], cause["objective"], cause["subject"]) == (signal, objective, subject)
    assert cause["outcome"] == "fail"
    assert cause["onset"] is not None or cause["first_seen"] is not None


@pytest.mark.case("memory-leak")
def test_a_memory_leak_is_that_of_the_process(whole: Whole) -> None:
    failed_for(whole, "memory", "memory_growth", {"kind": "process", "subject": "web"})


@pytest.mark.case("error-burst")
def test_an_error_burst_is_nobodys_in_particular(whole: Whole) -> None:
    failed_for(whole, "errors", "error_ratio", {})


@pytest.mark.case("connection-leak")
def test_a_connection_leak_is_that_of_the_pool(whole: Whole) -> None:
    assert whole.verdict["first_cause"]["subject"] == {"pool": "main"}
    assert whole.objective("db_pool_use")["outcome"] == "fail"


@pytest.mark.case("memory-leak-tiny")
def test_a_leak_far_below_the_objective_was_judged(whole: Whole) -> None:
    assert whole.objective("memory_growth")["outcome"] == "pass"
