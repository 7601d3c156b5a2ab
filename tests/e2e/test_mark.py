"""A window that is set aside by hand while the run is on: errors in it are not judged, and the report shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.whole_run import A_THIRD, Whole, whole_run

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

# 170 s of steady state. A third of the requests fails for 10 s, about 70 s into it; 30 s are set aside from a third on.
ARGUMENTS = ("--duration", "3m", "--fault", "error_burst:ratio=0.3,delay=85,seconds=10")
WINDOW = "30s"


def harness(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", *arguments], capture_output=True, text=True, check=False
    )


def test_a_deploy_that_was_marked_is_left_out_and_shown(tmp_path: Path) -> None:
    said: list[subprocess.CompletedProcess[str]] = []

    def deploy(_: psutil.Process) -> None:
        said.append(harness("mark", "deploy", "--exclude", WINDOW, "--out", str(tmp_path / "runs")))

    whole = whole_run(tmp_path, ARGUMENTS, when=A_THIRD, meddle=deploy)
    assert said[0].returncode == 0, said[0].stderr
    assert ": 30s from " in said[0].stdout and "are set aside: deploy" in said[0].stdout

    assert whole.exit_code == 0, whole.output[-3000:]
    (window,) = whole.verdict["coverage"]["set_aside"]["windows"]
    assert window["reason"] == "deploy"
    told = r"30s \(1[78][.\d]*% of the steady state\) were set aside: deploy\."
    assert re.search(told, " ".join(whole.output.split())), whole.output[-3000:]
    page = (whole.directory / "report.html").read_text()
    assert "of the steady state) were set aside: deploy." in page
    assert len(re.findall(r'"aside": ?\[\[[\d., ]+\]\]', page)) == 1  # it is shaded in the plots

    seen_again(whole)
    not_set_aside(whole)
    too_much(whole)


def seen_again(whole: Whole) -> None:
    """The mark lies in the run directory: judged elsewhere, the verdict is the same."""
    before = (whole.directory / "verdict.json").read_bytes()
    assert harness("judge", str(whole.directory)).returncode == 0
    assert (whole.directory / "verdict.json").read_bytes() == before


def not_set_aside(whole: Whole) -> None:
    """What was left out is what fails: without the mark the same series breach the objective."""
    marks = whole.directory / "marks.jsonl"
    kept = marks.read_text()
    marks.unlink()
    assert harness("judge", str(whole.directory)).returncode == 10
    assert whole.objective("error_ratio")["outcome"] == "fail"
    marks.write_text(kept)


def too_much(whole: Whole) -> None:
    """Six seconds more are over a fifth of the steady state: nothing is proven then."""
    start = whole.record["steady_from"]
    assert harness("mark", "again", "--exclude", "6s", "--at", start, "--run", str(whole.directory)).returncode == 0
    assert harness("judge", str(whole.directory)).returncode == 11
    assert any("were set aside" in one["summary"] for one in whole.findings("inconclusive"))
