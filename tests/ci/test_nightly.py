"""The nightly jobs that docs/ci has ready to copy: valid by the vendors' schemas, and their own steps, run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.run.baselines import read_baselines
from tests.judge.test_regression_runs import a_run

# Each night is half a dozen commands, and a loaded machine takes seconds to start one.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "docs" / "ci" / "github-nightly.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab-nightly.yml"

# In the place of `harness run`: a run that was made before is judged, as a run is. All else is the harness.
STAND_IN = """
import json, shutil, sys
from pathlib import Path
from harness.cli import main
if sys.argv[1] != "run":
    main()
import os
from harness.assets import rules_path
from harness.judge import judge_run
from harness.plan.loading import load_plan
from harness.report import write_reports
from harness.run.baselines import read_baselines
from harness.run.record import RunDirectory
assert sys.argv[2:] == ["soak.yml", "--baseline", "main", "--out", "runs", "--json"], sys.argv
made = Path(os.environ["MADE"])
if not made.is_dir():
    print(json.dumps({"error": "there is no such plan", "remedy": "", "exit_code": 2}))
    sys.exit(2)
directory = RunDirectory(Path(shutil.copytree(made, Path("runs") / made.name)))
plan = load_plan(directory.plan_file, environ={}, judging=True)
verdict = judge_run(directory, plan, rules_dir=rules_path(), baselines=lambda: read_baselines(Path("runs")), anew=True)
write_reports(directory, verdict, directory.read_record(), plan)
print(json.dumps({**verdict.to_json(), "directory": str(directory.path)}))
sys.exit(int(verdict.outcome.exit_code))
"""


@pytest.mark.parametrize(("file", "schema"), [(GITHUB, "github-workflows"), (GITLAB, "gitlab-ci")])
def test_a_job_is_valid_by_its_vendors_schema(file: Path, schema: str) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout
    broken = file.read_text().replace("script:", "scripts:").replace("runs-on:", "runs_on:")
    done = subprocess.run([*words[:-1], "-"], input=broken, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1, "the schema takes anything"


class Night:
    """One machine's workspace, in which night follows night."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "stand_in.py").write_text(STAND_IN)
        tool = folder / "bin" / "harness"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "stand_in.py"}" "$@"\n')
        tool.chmod(0o755)

    def shell(self, script: str, environ: dict[str, str]) -> tuple[int, str]:
        """As both CIs run a step: bash that stops at the first failure."""
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script], cwd=self.folder, text=True,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environ}, capture_output=True, timeout=600,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


def steps() -> dict[str, dict[str, Any]]:
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["soak"]
    return {step["name"]: step for step in job["steps"] if "run" in step}


def github(night: Night, made: Path) -> tuple[int, str, str, dict[str, str]]:
    """The steps of the workflow after its installation. (exit code, log, summary, outputs of the soak)."""
    output, summary = night.folder / "output", night.folder / "summary"
    for file in (output, summary):
        file.write_text("")
    environ = {"PLAN": "soak.yml", "BASELINE": "main", "MADE": str(made), "GITHUB_OUTPUT": str(output),
               "GITHUB_STEP_SUMMARY": str(summary)}  # fmt: skip
    found = steps()
    code, log = night.shell(found["Soak and compare"]["run"], environ)
    assert code == 0, log
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    environ |= {"DIRECTORY": told["directory"], "CODE": told["code"]}
    todo = ["Annotate and summarise"] if told["directory"] else []
    todo += ["Keep as baseline"] if told["code"] == "0" else []
    for name in (*todo, "Prune"):
        code, text = night.shell(found[name]["run"], environ)
        assert code == 0, (name, text)
        log += text
    code, _ = night.shell(found["Verdict"]["run"], environ)
    return code, log, summary.read_text(), told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from harness.plan.regression import Baseline
    from tests.judge.fabricate import plan

    on = plan().model_copy(update={"baseline": Baseline(name="main", last_passed=10)})
    root = tmp_path_factory.mktemp("made")
    nights = {"first": (1, 0.4), "second": (2, 0.4), "worse": (3, 0.52)}
    return {name: a_run(root, f"2026-{seed}-{name}", seed, cpu, on).path for name, (seed, cpu) in nights.items()}


def test_the_github_job_night_after_night(tmp_path: Path, made: dict[str, Path]) -> None:
    night = Night(tmp_path / "work")
    code, log, summary, _ = github(night, made["first"])
    assert code == 0
    assert "nothing to compare with" in log and "::warning title=WARN telemetry::" in log
    assert "Compared with no run" in summary
    code, _, summary, _ = github(night, made["second"])
    assert code == 0
    assert "ompared with 1 earlier run: 0 worse" in summary
    assert read_baselines(night.folder / "runs") == {"main": ("2026-1-first", "2026-2-second")}
    code, log, summary, told = github(night, made["worse"])
    assert (code, told["code"]) == (10, "10")
    assert "::error title=FAIL%3A made::" in log and "::error title=FAIL cpu::" in log
    assert "cpu_per_1000_requests" in summary and "❌ worse" in summary
    kept = read_baselines(night.folder / "runs")
    assert kept == {"main": ("2026-1-first", "2026-2-second")}, "a bad night is no baseline"
    assert (night.folder / told["directory"] / "junit.xml").is_file()


def test_the_github_job_is_red_when_the_run_could_not_be_made(tmp_path: Path) -> None:
    night = Night(tmp_path / "work")
    code, log, summary, told = github(night, tmp_path / "nothing")
    assert (code, told) == (2, {"code": "2", "directory": ""})
    assert "::error title=No run::" in log and "there is no such plan" in log
    assert summary == ""
    code, _ = night.shell(steps()["Verdict"]["run"], {"CODE": ""})
    assert code == 12, "a job that was cut short is not green"


@pytest.mark.parametrize("printed", ["", "{}", "not json"])
def test_a_soak_that_exits_0_and_shows_no_run_is_red(tmp_path: Path, printed: str) -> None:
    night = Night(tmp_path / "work")
    (night.folder / "bin" / "harness").write_text(f"#!/bin/sh\necho '{printed}'\n")
    code, _, _, told = github(night, tmp_path)
    assert (code, told) == (12, {"code": "12", "directory": ""})
    assert gitlab(night, tmp_path)[0] == 12


def test_a_scheduled_night_joins_the_baseline() -> None:
    """The event of a schedule holds no repository, so no name of its default branch: nothing would ever be kept."""
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["soak"]
    [keep] = [step for step in job["steps"] if step.get("name") == "Keep as baseline"]
    assert keep["if"].startswith("steps.soak.outputs.code == '0' && (github.event_name == 'schedule' || ")


def test_no_step_of_a_job_may_fail_unseen() -> None:
    for file, name in ((GITHUB, "soak"), (GITLAB, "nightly-soak")):
        data = yaml.safe_load(file.read_text())
        job = data.get("jobs", data)[name]
        assert not {"continue-on-error", "allow_failure"} & job.keys()
        for part in (*job.get("steps", ()), *job.get("rules", ())):
            assert not {"continue-on-error", "allow_failure", "when"} & part.keys(), part


def test_what_a_github_step_needs_always_runs() -> None:
    """A red soak must still be told, kept and published, and the last step gives the verdict."""
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["soak"]
    for step in job["steps"][5:]:
        if step["name"] != "Keep as baseline":
            assert step["if"].startswith("always()"), step["name"]
    assert job["steps"][-1]["name"] == "Verdict"


def gitlab(night: Night, made: Path, branch: str = "main") -> tuple[int, str]:
    (script,) = yaml.safe_load(GITLAB.read_text())["nightly-soak"]["script"]
    environ = {"PLAN": "soak.yml", "BASELINE": "main", "MADE": str(made), "CI_COMMIT_BRANCH": branch,
               "CI_DEFAULT_BRANCH": "main"}  # fmt: skip
    return night.shell(script, environ)


@pytest.mark.long
def test_the_gitlab_job_night_after_night(tmp_path: Path, made: dict[str, Path]) -> None:
    night = Night(tmp_path / "work")
    assert gitlab(night, made["first"])[0] == 0
    code, _ = gitlab(night, made["second"], branch="feature")
    assert code == 0
    assert read_baselines(night.folder / "runs") == {"main": ("2026-1-first",)}, "a branch is no baseline"
    code, log = gitlab(night, made["worse"])
    assert code == 10
    assert "::error title=FAIL cpu::" in log
    junit = (night.folder / "report" / "junit.xml").read_text()
    assert "cpu_per_1000_requests" in junit and "<failure" in junit
    assert gitlab(night, tmp_path / "nothing")[0] == 2
