"""Whole stress runs of the reference service: one that breaks and comes back, one that never does. Minutes each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.whole_run import Whole

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]


def outcomes(whole: Whole) -> dict[str, str]:
    return {o["objective"]: o["outcome"] for o in whole.verdict["objectives"]}


def steps(whole: Whole) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = whole.verdict["steps"]
    return found


@pytest.mark.scenario("stress-recovers")
def test_a_stress_run_finds_the_break_and_the_recovery_and_that_is_no_failure(whole: Whole) -> None:
    """20 ms of one row for each request: 50 requests per second and no more, whatever the machine."""
    told = whole.verdict["stress"]
    assert [(s["load"], s["outcome"]) for s in steps(whole)[:2]] == [(25, "held"), (50, "held")]
    assert [(s["load"], s["outcome"]) for s in steps(whole)[2:4]] == [(180, "broken"), (260, "broken")]
    assert (told["held"]["load"], told["break"]["load"]) == (50, 180)
    assert "latency_p95" in told["break"]["objectives"]
    # The row is held 20 ms for each request: no load can make more than 50 of them a second.
    assert max(s["achieved_rps"] for s in steps(whole)) < 52
    assert told["recovery"]["state"] == "recovered"
    assert 0 <= told["recovery"]["seconds"] <= 40
    assert (outcomes(whole)["capacity"], outcomes(whole)["recovery"]) == ("pass", "pass")
    assert whole.exit_code == 0
    assert whole.record["ended_by"] == "completed"


@pytest.mark.scenario("stress-recovers")
def test_the_steps_are_judged_again_from_the_archive_alone(whole: Whole, tmp_path: Path) -> None:
    before = (whole.directory / "verdict.json").read_bytes()
    again = judge(whole.directory)
    assert again.returncode == whole.exit_code
    assert (whole.directory / "verdict.json").read_bytes() == before
    # Asked for more than was held, the same run fails.
    plan = tmp_path / "more.yml"
    plan.write_text((whole.directory / "plan.yml").read_text().replace(">= 50 users", ">= 180 users"))
    more = judge(whole.directory, "--plan", str(plan), "--json")
    assert more.returncode == 10, more.stderr
    lines = {o["objective"]: o for o in json.loads(more.stdout)["objectives"]}
    assert lines["capacity"]["outcome"] == "fail"
    assert lines["capacity"]["value"] == 50


@pytest.mark.scenario("stress-recovers")
def test_every_report_tells_the_steps(whole: Whole) -> None:
    page, words = ((whole.directory / name).read_text() for name in ("report.html", "summary.md"))
    assert "It held 50 users" in words and "broke at 180 users" in words
    assert "| 180 users | 💥 broken |" in words
    assert "step 3: 180 users broken" in (whole.directory / "junit.xml").read_text()
    assert 'id="steps"' in page


@pytest.mark.scenario("stress-never-recovers")
def test_a_service_that_does_not_come_back_fails(whole: Whole) -> None:
    """Connections that are taken and never given back: the pool stays empty when the load is gone."""
    assert whole.verdict["stress"]["recovery"]["state"] == "not"
    assert outcomes(whole)["recovery"] == "fail"
    assert whole.exit_code == 10
    # An alert that it broke (errors, pool) does not end a stress run.
    assert whole.record["ended_by"] == "completed" or "TargetDown" in whole.record["reason"]


def judge(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", "judge", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
