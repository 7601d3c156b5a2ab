"""`harness selftest` on the command line, without a run."""

from __future__ import annotations

import json

import pytest

from harness.cli import main
from harness.selftest.cases import CASES


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def test_the_list_names_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = harness(capsys, "selftest", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(CASES)
    assert "stall                     fail (latency)" in out
    code, out, _ = harness(capsys, "selftest", "--list", "--short", "--json")
    assert code == 0
    assert [c["name"] for c in json.loads(out)] == [name for name, case in CASES.items() if case.short]


def test_an_unknown_case_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = harness(capsys, "selftest", "--faults", "stall,nonsense")
    assert code == 2
    assert "'nonsense' is no case of the fault lab" in err


def test_a_long_case_is_not_of_the_short_form(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = harness(capsys, "selftest", "--faults", "clock-step", "--short")
    assert code == 2
    assert "short form" in err


def test_nothing_can_be_asked_for_zero_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(capsys, "selftest", "--repeat", "0")[0] == 2
