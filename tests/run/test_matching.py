"""Processes that a group's pattern finds, told without secrets: real ones, beside an editor's command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.plan.model import ProcessTarget
from harness.plan.secrets import mask_command
from harness.run.matching import Found, matching_processes, members_in_words, named_process, several_programs
from harness.run.preflight import _process

SLEEPS = "import sys, time; print('on', flush=True); time.sleep(600)"


@contextmanager
def started(*command: str) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_what_matches_is_named_and_different_programs_are_noted() -> None:
    match = "unlikely-gunicorn-7f3.*app"
    with (
        started(sys.executable, "-c", SLEEPS, "unlikely-gunicorn-7f3", "app", "--password", "hunter2") as web,
        started("sh", "-c", "echo on; sleep 600; true # unlikely-gunicorn-7f3 app") as editor,
    ):
        found = {one.pid: one for one in matching_processes(match)}
        assert found.keys() == {web, editor}
        check = _process(ProcessTarget(name="web", match=match))
        assert check.ok
        assert f"pid {web} (" in check.detail
        assert f"pid {editor} (sh -c" in check.detail
        assert "hunter2" not in check.detail
        assert check.warning.startswith("the process group 'web' holds different programs: ")
        assert found[web].program in check.warning
    assert not _process(ProcessTarget(name="web", match=match)).ok


def test_one_program_is_no_warning_and_a_pid_is_told_with_its_command() -> None:
    with (
        started(sys.executable, "-c", SLEEPS, "one-a-8e1") as a,
        started(sys.executable, "-c", SLEEPS, "one-b-8e1") as b,
    ):
        check = _process(ProcessTarget(name="web", match="one-.-8e1"))
        assert check.detail.startswith(f"'one-.-8e1' matches 2 processes: pid {min(a, b)} (")
        assert check.warning == ""
        assert members_in_words([named_process(a)]).startswith(f"pid {a} (")


def test_many_are_shortened() -> None:
    found = [Found(pid, ("app", "x" * 200), "app") for pid in range(1, 8)]
    words = members_in_words(found)
    assert words.startswith("7 processes: pid 1 (app xxx")
    assert words.endswith(", 2 more")
    assert len(words) < 600
    assert several_programs("web", found) == ""
    assert members_in_words([Found(3, (), "")]) == "pid 3", "a command line that may not be read"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("app", "--password", "hunter2", "-v"), "app --password *** -v"),
        (("app", "--api-key=hunter2"), "app --api-key=***"),
        (("env", "DB_PASSWORD=hunter2", "app"), "env DB_PASSWORD=*** app"),
        (("app", "postgresql://u:hunter2@h/d"), "app postgresql://u:***@h/d"),
        (("app", "--token", "--verbose", "a\nb"), "app --token --verbose a b"),
    ],
)
def test_secrets_of_a_command_line_are_not_shown(command: tuple[str, ...], shown: str) -> None:
    assert mask_command(command) == shown
