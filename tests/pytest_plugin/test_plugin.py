"""The fixture ``harness_run`` in somebody's own test suite, run as they would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.pytest_plugin import parse
from tests.servers import wait_until

VERDICT = {
    "outcome": "pass", "findings": [], "objectives": [{"objective": "throughput", "outcome": "pass"}],
    "directory": "/r",
}  # fmt: skip


def test_a_verdict_that_passed_is_taken_as_it_is() -> None:
    found = parse(0, json.dumps(VERDICT))
    assert (found.outcome, found.exit_code, found.directory) == ("pass", 0, Path("/r"))
    assert found.require_pass() is found
    assert parse(0, json.dumps({**VERDICT, "outcome": "warn"})).require_pass().outcome == "warn"


@pytest.mark.parametrize(
    ("code", "out", "outcome", "words"),
    [
        (10, {**VERDICT, "outcome": "fail",
              "findings": [{"outcome": "fail", "signal": "memory", "summary": "it grows"}]},
         "fail", "FAIL memory: it grows"),
        (11, {**VERDICT, "outcome": "inconclusive"}, "inconclusive", "INCONCLUSIVE (exit 11)"),
        (12, {"error": "no Prometheus", "remedy": "install it", "exit_code": 12}, "error",
         "no Prometheus\n  install it"),
        (2, {"error": "a.yml:3: unknown key", "remedy": "", "exit_code": 2}, "error", "unknown key"),
        (0, [], "error", "no verdict was printed"),
        (0, {}, "error", "no verdict"),
        (10, VERDICT, "error", "it said pass but exited 10"),
        (0, {**VERDICT, "outcome": "fail"}, "error", "it said fail but exited 0"),
        (-9, VERDICT, "error", "it said pass but exited -9"),
    ],
)  # fmt: skip
def test_nothing_else_is_a_pass(code: int, out: object, outcome: str, words: str) -> None:
    found = parse(code, json.dumps(out))
    assert found.outcome == outcome
    assert words in str(found)
    with pytest.raises(pytest.fail.Exception):
        found.require_pass()


def test_what_is_no_json_is_an_error_with_what_was_said() -> None:
    found = parse(0, "Traceback", "it broke here")
    assert (found.outcome, found.exit_code) == ("error", 12)
    assert "it broke here" in found.error


def suite(folder: Path, test: str, *arguments: str) -> tuple[int, str]:
    (folder / "test_theirs.py").write_text(test)
    words = [sys.executable, "-m", "pytest", "-p", "harness.pytest_plugin", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_plan_that_cannot_run_fails_the_test_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("target: {url: http://localhost}\nlode: {}\n")
    code, text = suite(
        tmp_path, "def test_it(harness_run):\n    harness_run('broken.yml').require_pass()\n", "--junitxml=j.xml"
    )
    assert code == 1
    assert "ERROR (exit 2)" in text and "broken.yml:2: unknown key 'lode'" in text
    properties = {p.get("name"): p.get("value") for p in ET.parse(tmp_path / "j.xml").iter("property")}
    assert properties == {"harness_outcome": "error"}


@pytest.mark.parametrize(
    "body",
    ["harness_run('broken.yml')", "assert harness_run('broken.yml')", "assert not harness_run('broken.yml').findings"],
)
def test_a_verdict_that_nobody_looks_at_is_no_pass(tmp_path: Path, body: str) -> None:
    (tmp_path / "broken.yml").write_text("target: {url: http://localhost}\nlode: {}\n")
    code, text = suite(tmp_path, f"def test_it(harness_run):\n    {body}\n")
    assert code == 1, text
    assert "nobody looked at this verdict" in text and "unknown key 'lode'" in text


def test_a_verdict_that_is_expected_to_be_bad_passes_the_test(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("target: {url: http://localhost}\nlode: {}\n")
    code, text = suite(tmp_path, "def test_it(harness_run):\n    assert harness_run('broken.yml').outcome == 'error'\n")
    assert code == 0, text


def test_a_suite_that_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    code, text = suite(
        tmp_path,
        "import sys\n\ndef test_it():\n"
        "    ours = {m for m in sys.modules if m.startswith(('locust', 'numpy', 'harness.'))}\n"
        "    assert ours <= {'harness.pytest_plugin'}\n",
    )
    assert code == 0, text


def test_a_run_ends_with_the_tests_that_made_it_also_when_they_are_killed(tmp_path: Path) -> None:
    run = "import os, time\nopen('pid', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(600)\n"
    call = f"_called([sys.executable, '-c', {run!r}], os.environ)\n"
    tests = f"import os, sys\nfrom harness.pytest_plugin import _called\n{call}"
    process = subprocess.Popen([sys.executable, "-c", tests], cwd=tmp_path)
    try:
        wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text().endswith("\n"), "the run")
    finally:
        process.kill()
        process.wait()
    started = Path("/proc") / (tmp_path / "pid").read_text().strip()
    wait_until(lambda: gone(started), "the end of the run")


def gone(process: Path) -> bool:
    """Whether it ended; nobody may have waited for it yet."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.long
@pytest.mark.e2e
def test_a_whole_run_inside_a_suite(tmp_path: Path) -> None:
    test = "def test_it(harness_run):\n    assert harness_run('smoke').require_pass().objectives\n"
    (tmp_path / "test_theirs.py").write_text(test)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "harness.pytest_plugin",
        "-q",
        "--harness-runs",
        str(tmp_path / "runs"),
    ]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout
    assert len(list((tmp_path / "runs").glob("*-smoke/report.html"))) == 1
