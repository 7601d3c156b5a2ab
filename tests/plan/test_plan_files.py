from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.plan.loading import load_plan
from tests.plan.small_plan import MINIMAL, file_error, with_line, write


def test_files_that_are_no_plan(tmp_path: Path) -> None:
    assert "there is no such file" in file_error(tmp_path / "none.yml")
    assert "this is a directory" in file_error(tmp_path)
    assert "there is no such file" in file_error(write(tmp_path, "a") / "below")
    assert "a\\x00b: there is no such file" in file_error(Path("a\0b"))
    assert "cannot be read" in file_error(Path("n" * 5000))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "not a regular file" in file_error(fifo)
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"name: x\n\xff\xfe\x00")
    assert f"{binary}:2: not UTF-8 text" in file_error(binary)
    binary.write_bytes(b"name: x\n\0\0")
    assert f"{binary}:2: binary data" in file_error(binary)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """Root reads everything, so the check runs as another user."""
    path = write(tmp_path, MINIMAL)
    path.chmod(0)
    script = (
        "import os,sys; os.geteuid() or os.setuid(65534)\n"
        "from pathlib import Path; from harness.plan.loading import load_plan; from harness.errors import PlanError\n"
        f"try: load_plan(Path({str(path)!r}), environ={{}})\n"
        "except PlanError as error: print(error)"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if os.geteuid() == 0 and folder.owner() == "root" and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    # Imported before the user changes: the interpreter's own files may be root's.
    script = script.replace("import os,sys;", "import os,sys,harness.plan.loading;", 1)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "cannot be read: Permission denied" in done.stdout, done.stderr


def test_the_locustfile_is_looked_up_beside_the_plan_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans, here = tmp_path / "plans", tmp_path / "here"
    plans.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    path = write(plans, MINIMAL)
    told = file_error(path)
    assert f"{path}:5: the locustfile 'l.py' was not found" in told
    assert str(plans / "l.py") in told and str(here / "l.py") in told
    write(here, "", "l.py")
    assert load_plan(path, environ={}).load.locustfile == str(here / "l.py")
    write(plans, "", "l.py")
    assert load_plan(path, environ={}).load.locustfile == str(plans / "l.py")
    (plans / "l.py").unlink()
    (here / "l.py").unlink()
    (plans / "l.py").mkdir()
    assert "the locustfile 'l.py' is a directory" in file_error(path)


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "", "l.py")
    path = write(
        tmp_path,
        with_line("load:", "  ca_file: ca.pem\nload:") + "prometheus: {url: 'http://h', bearer_token_file: t}\n",
    )
    told = file_error(path)
    assert f"{path}:4: the CA file 'ca.pem' was not found" in told
    assert f"{path}:8: the token file 't' was not found" in told
    write(tmp_path, "", "ca.pem")
    write(tmp_path, "", "t")
    assert load_plan(path, environ={}).target.ca_file == str(tmp_path / "ca.pem")


def test_the_plan_of_a_run_loads_without_its_files_and_without_the_environment(tmp_path: Path) -> None:
    write(tmp_path, "{}", "run.json")
    path = write(tmp_path, MINIMAL, "plan.yml")
    plan = load_plan(path, environ={"TEST_BASE_URL": "http://elsewhere", "TARGET_P95_MS": "1"})
    assert plan.load.locustfile == "l.py" and plan.target.url == "http://localhost:5000"
    assert plan.objective("latency_p95") is None


def test_to_judge_by_a_plan_no_host_need_be_allowed_and_no_suite_variable_counts(tmp_path: Path) -> None:
    text = with_line("http://localhost:5000", "https://shop.example.com")
    suite = {"TEST_BASE_URL": "http://elsewhere", "TARGET_P95_MS": "1", "PCT_MOBILE": "0.1"}
    path = write(tmp_path, text, "other.yml")
    assert "is not in allow_hosts" in file_error(path)
    plan = load_plan(path, environ=suite, judging=True)
    assert plan.target.url == "https://shop.example.com" and plan.objective("latency_p95") is None
    write(tmp_path, "{}", "run.json")
    stored = write(tmp_path, text, "plan.yml")
    assert load_plan(stored, environ=suite).target == plan.target
