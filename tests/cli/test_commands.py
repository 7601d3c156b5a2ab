"""`harness check`, `runs`, `report` and `judge`: their whole output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli_group import COMMANDS
from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.ownership import owned
from harness.run.record import RunDirectory, RunRecord

PLAN = """\
name: t
target:
  reference: mingus
load:
  warmup: 10s
  stages:
    - {duration: 2m, users: 5}
objectives:
  latency_p95: 1s
  memory_growth: 5%
  error_ratio: off
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TEST_BASE_URL", "TARGET_P95_MS", "PCT_MOBILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def make_run(root: Path, run_id: str, outcome: Outcome, **record: object) -> RunDirectory:
    directory = RunDirectory(root / run_id)
    directory.path.mkdir(parents=True)
    fields: dict[str, object] = {
        "started_at": 1795363200.0, "ended_at": 1795363290.0, "steady_from": 1795363210.0, "steady_to": 1795363290.0,
        "ended_by": "completed",
    }  # fmt: skip
    directory.write_record(RunRecord(run_id=run_id, plan="t", target="http://127.0.0.1:1", **(fields | record)))
    directory.plan_file.write_text(
        "name: t\ntarget: {url: 'http://127.0.0.1:1'}\nload: {stages: [{duration: 90s, users: 1}]}\n"
    )
    objective = ObjectiveResult("latency_p95", "all", 0.8, 0.1, "seconds", outcome)
    findings = (Finding("objectives", "latency", outcome, "it is slow"),) if outcome else ()
    verdict = Verdict(run_id, findings, (objective,), {})
    directory.verdict_file.write_text(json.dumps(verdict.to_json()))
    return directory


def test_check_says_what_cannot_be_judged_and_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yml").write_text(PLAN)
    code, out, err = harness(capsys, "check", "p.yml")
    assert (code, err) == (11, ""), "a run of this plan could not PASS"
    lines = out.splitlines()
    assert lines[0] == "t: 2m of load, 10s of it warm-up, 5 users at the peak, 4 objectives"
    looked = [line for line in lines[1:] if line.startswith("ok      ")]
    assert [line[8:].split(":")[0] for line in looked] == [
        "rules", "locustfile", "promtool", "prometheus", "postgresql", "redis",
        "disk", "memory", "open files", "ports", "clock",
    ]  # fmt: skip
    assert lines[-4:] == [
        "cannot be judged: memory_growth needs 6h of steady state for its horizon of 24h; this plan has 1m 50s",
        "        give --set objectives.memory_growth=off, or a longer stage, or a shorter horizon: "
        "--set horizon=7m20s at most",
        "off     by the plan: error_ratio",
        "a run of this plan could not PASS: it would end INCONCLUSIVE at best",
    ]


def test_check_of_a_plan_whose_objectives_can_all_be_judged(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yml").write_text(PLAN)
    code, out, _ = harness(capsys, "check", "p.yml", "--set", "objectives.memory_growth=off", "--duration", "4m")
    assert code == 0
    assert out.splitlines()[0].startswith("t: 4m of load, 10s of it warm-up")
    assert out.splitlines()[-1] == "every objective of this plan can be judged"


def test_check_without_a_program_that_is_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    Path("p.yml").write_text(PLAN)
    monkeypatch.setenv("PATH", str(here))
    code, out, _ = harness(capsys, "check", "p.yml")
    assert code == 12
    assert (
        "MISSING prometheus: prometheus is not installed here\n"
        "        install it (Debian: apt-get install prometheus)\n"
    ) in out
    assert "MISSING redis: Redis is not installed here (no redis-server)\n" in out
    assert out.endswith("a run of this plan could not start: what is MISSING above must be there first\n")
    assert "can be judged" not in out
    code, out, err = harness(capsys, "run", "p.yml")
    assert (code, out) == (12, "")
    assert err.startswith("error: 3 things that the plan needs are not there:\n")
    assert not Path("runs").exists()


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yml").write_text(PLAN)
    code, out, _ = harness(capsys, "check", "p.yml", "--json")
    data = json.loads(out)
    assert code == 11
    assert (data["plan"], data["ready"], data["objectives_off"]) == ("t", False, ["error_ratio"])
    code, out, _ = harness(capsys, "check", "p.yml", "--json", "--set", "horizon=7m20s")
    assert (code, json.loads(out)["ready"], json.loads(out)["unjudgeable"]) == (0, True, [])
    assert [(p["objective"], p["hard"]) for p in data["unjudgeable"]] == [("memory_growth", True)]


def test_check_looks_at_the_folder_that_the_run_would_be_in(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    Path("p.yml").write_text(PLAN)
    code, out, _ = harness(capsys, "check", "p.yml", "--out", "elsewhere", "--json")
    told = next(check["detail"] for check in json.loads(out)["checks"] if check["name"] == "disk")
    assert code == 11
    assert f"free in {here / 'elsewhere'};" in told
    assert not Path("elsewhere").exists()


def test_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(capsys, "runs") == (0, "there is no run in runs; start one with: harness run PLAN\n", "")
    assert harness(capsys, "runs", "--json") == (0, "[]\n", "")


def test_the_list_of_runs_with_a_damaged_and_an_unjudged_one(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    root = here / "runs"
    make_run(root, "20261122T150000Z-t", Outcome.PASS)
    make_run(root, "20261122T160000Z-t", Outcome.FAIL, ended_by="interrupted", reason="SIGINT").verdict_file.unlink()
    damaged = make_run(root, "20261122T170000Z-t", Outcome.PASS)
    damaged.record_file.write_text("{")
    lying = make_run(root, "20261122T180000Z-t", Outcome.FAIL)
    lying.verdict_file.write_text(lying.verdict_file.read_text().replace('"outcome": "fail"', '"outcome": "pass"', 1))
    code, out, _ = harness(capsys, "runs", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(r["run_id"][9:11], r["lasted"], r["ended_by"], r["outcome"].split(":")[0]) for r in rows] == [
        ("15", "1m 30s", "completed", "pass"),
        ("16", "1m 30s", "interrupted", "not judged"),
        ("17", None, None, "unreadable"),
        ("18", "1m 30s", "completed", "unreadable"),
    ]
    code, out, _ = harness(capsys, "runs")
    assert code == 0
    assert out.splitlines()[1].split() == [
        "20261122T150000Z-t", "t", "2026-11-22T16:00:00.000Z", "1m", "30s", "completed", "pass",
    ]  # fmt: skip


def test_a_run_that_is_on_is_running_and_has_no_report_yet(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    times = {"ended_at": None, "steady_to": None, "ended_by": "crashed"}
    directory = make_run(here / "runs", "20261122T150000Z-t", Outcome.PASS, **times)
    directory.verdict_file.unlink()
    with owned(directory.work):
        [row] = json.loads(harness(capsys, "runs", "--json")[1])
        assert (row["ended_by"], row["outcome"], row["lasted"]) == (None, "running", None)
        assert harness(capsys, "runs")[1].splitlines()[1].split()[-1] == "running"
        assert harness(capsys, "report", "last") == (
            12, "", "error: the run in runs/20261122T150000Z-t is still on, so it has no verdict yet\n"
            "  wait for its end, or end it: harness stop 20261122T150000Z-t\n",
        )  # fmt: skip
    [row] = json.loads(harness(capsys, "runs", "--json")[1])
    assert (row["ended_by"], row["outcome"]) == ("crashed", "not judged"), "its harness was killed"
    assert harness(capsys, "report", "last") == (
        12, "", "error: the run in runs/20261122T150000Z-t was not judged yet\n"
        "  judge it: harness judge 20261122T150000Z-t\n",
    )  # fmt: skip


def test_an_error_with_json_is_json_too(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (here / "p.yml").write_text(PLAN.replace("users: 5", "users: many"))
    message = "p.yml:7: load.stages, stage 1, users must be a whole number, not 'many'"
    code, out, err = harness(capsys, "run", "p.yml", "--json")
    assert (code, json.loads(out), err) == (
        2, {"error": message, "remedy": "", "exit_code": 2}, f"error: {message}\n",
    )  # fmt: skip
    code, out, _ = harness(capsys, "judge", "last", "--json")
    assert (code, json.loads(out)) == (
        2, {"error": "there is no run in runs", "remedy": "start one with: harness run PLAN", "exit_code": 2},
    )  # fmt: skip
    code, out, _ = harness(capsys, "run", "--json")
    assert (code, json.loads(out)["error"]) == (2, "Missing argument 'PLAN'.")


def test_report_prints_and_writes_again(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    directory = make_run(here / "runs", "20261122T150000Z-t", Outcome.FAIL)
    code, out, _ = harness(capsys, "report", "last", "--format", "junit")
    assert code == 0
    assert "<failure" in out
    assert not (directory.path / "junit.xml").exists()
    assert harness(capsys, "report", "last")[:2] == (0, "reports written to runs/20261122T150000Z-t\n")
    assert (directory.path / "junit.xml").read_text() == out
    code, out, _ = harness(capsys, "report", str(directory.path), "--format", "json")
    assert json.loads(out)["outcome"] == "fail"


def test_judging_a_directory_without_series_is_no_pass(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    directory = make_run(here / "runs", "20261122T150000Z-t", Outcome.PASS)
    code, _, err = harness(capsys, "judge", "last")
    assert code == 12
    assert "Traceback" not in err
    assert err.startswith("error: ")
    shutil.rmtree(directory.path)


def test_damaged_run_directories(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    directory = make_run(here / "runs", "20261122T150000Z-t", Outcome.PASS)
    directory.plan_file.unlink()
    code, out, err = harness(capsys, "judge", "last")
    remedy = "a run directory holds run.json, plan.yml and tsdb: copy all of it"
    assert (code, out, err) == (12, "", f"error: runs/20261122T150000Z-t/plan.yml is missing\n  {remedy}\n")
    directory.record_file.write_text("[]")
    assert harness(capsys, "judge", "last") == (12, "", "error: runs/20261122T150000Z-t/run.json: not a JSON object\n")


def test_help_lists_the_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = harness(capsys, "--help")
    assert code == 0
    listed = [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line.strip()]
    assert listed == list(COMMANDS)
    assert {"check", "judge", "run", "runs", "status", "stop"} < set(listed)
    for command in listed:
        assert harness(capsys, command, "--help")[0] == 0


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    for name, where in COMMANDS.items():
        command = getattr(import_module(where.module), name)
        first = " ".join((command.help or "").split("\n\n")[0].split())
        assert first.startswith(where.summary.rstrip(".")), name


def test_the_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from harness.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "finally:\n"
        "    print(sorted({'numpy', 'docker', 'psycopg', 'redis', 'rich'} & set(sys.modules)))\n"
    )
    looked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert looked.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_while_a_command_is_imported_is_no_traceback(here: Path) -> None:
    (here / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'harness.cli_run':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
    )
    looked = subprocess.run(
        [sys.executable, "-m", "harness.cli", "check", "smoke"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(here)},
    )  # fmt: skip
    assert looked.returncode == 12
    assert looked.stderr.strip() == "ended at once; what was started here was ended, and nothing was judged"
