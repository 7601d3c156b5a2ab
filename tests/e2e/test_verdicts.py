"""What a healthy run leaves, and what can be done with it. What faults must be judged as: test_faults.py."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.run.record import RunDirectory
from tests.e2e.whole_run import Whole

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

FILES = {"run.json", "plan.yml", "verdict.json", "report.html", "junit.xml", "summary.md", "tsdb", "logs"}


def harness(tmp: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments], capture_output=True, text=True, cwd=tmp, check=False
    )


@pytest.mark.case("healthy")
def test_a_healthy_service_passes_with_a_whole_run_directory(whole: Whole) -> None:
    assert whole.exit_code == 0
    assert whole.verdict["outcome"] in ("pass", "warn")
    assert {p.name for p in whole.directory.iterdir()} == FILES
    assert whole.record["ended_by"] == "completed"
    assert whole.record["versions"]["plan"] == RunDirectory(whole.directory).plan_digest()
    judged = {o["objective"]: o["outcome"] for o in whole.verdict["objectives"]}
    assert judged.keys() == {
        "latency_p95", "error_ratio", "throughput", "memory_growth", "fd_growth", "thread_growth", "db_pool_use",
        "db_pool_waiting", "redis_ping_p99", "restarts",
    }  # fmt: skip
    assert set(judged.values()) == {"pass"}
    logs = {log.name: log.read_text(errors="replace") for log in (whole.directory / "logs").glob("locust-*.log")}
    assert logs
    assert [name for name, text in logs.items() if "Uncaught exception" in text] == []
    secrets = "".join(p.read_text(errors="replace") for p in whole.directory.glob("*.*"))
    assert "postgresql://harness:***@" in secrets


@pytest.mark.case("healthy")
def test_judging_again_repeats_the_verdict_also_after_a_move(whole: Whole, tmp_path: Path) -> None:
    before = (whole.directory / "verdict.json").read_bytes()
    again = harness(whole.directory.parent.parent, "judge", "last")
    assert again.returncode == whole.exit_code
    assert (whole.directory / "verdict.json").read_bytes() == before

    moved = tmp_path / "elsewhere"
    shutil.copytree(whole.directory, moved)
    for name in ("verdict.json", "report.html", "junit.xml", "summary.md", "logs"):
        shutil.rmtree(moved / name) if (moved / name).is_dir() else (moved / name).unlink()
    assert harness(tmp_path, "judge", str(moved)).returncode == whole.exit_code
    assert (moved / "verdict.json").read_bytes() == before


@pytest.mark.case("healthy")
def test_other_objectives_judge_the_same_run_differently(whole: Whole, tmp_path: Path) -> None:
    plan = tmp_path / "strict.yml"
    plan.write_text(
        "name: strict\ntarget: {reference: mingus}\nload: {stages: [{duration: 1h, users: 1}]}\n"
        "objectives: {latency_p95: 1ms, memory_growth: 5%}\n"
    )
    before = (whole.directory / "verdict.json").read_bytes()
    judged = harness(tmp_path, "judge", str(whole.directory), "--plan", str(plan), "--json")
    assert judged.returncode == 10
    found = {o["objective"]: o["outcome"] for o in json.loads(judged.stdout)["objectives"]}
    assert found["latency_p95"] == "fail"
    assert found["memory_growth"] == "inconclusive", "100 s say nothing about 24 h"
    assert (whole.directory / "verdict.json").read_bytes() == before, "the run keeps the verdict of its own plan"


@pytest.mark.case("healthy")
def test_reports_and_the_list_of_runs(whole: Whole) -> None:
    root = whole.directory.parent.parent
    assert harness(root, "report", "last", "--format", "json").stdout == (whole.directory / "verdict.json").read_text()
    assert harness(root, "report", "last", "--format", "junit").stdout == (whole.directory / "junit.xml").read_text()
    rows = json.loads(harness(root, "runs", "--json").stdout)
    assert [(r["run_id"], r["outcome"]) for r in rows] == [(whole.record["run_id"], whole.verdict["outcome"])]
    assert whole.record["run_id"] in harness(root, "runs").stdout


@pytest.mark.long
@pytest.mark.scenario("other-service")
def test_a_service_of_somebody_elses_passes(whole: Whole) -> None:
    assert whole.exit_code == 0
