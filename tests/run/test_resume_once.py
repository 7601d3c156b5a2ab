"""A dead run is taken up, or closed, by one process at a time: real processes, the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import ArchiveError, UsageError
from harness.run.options import RunOptions
from harness.run.record import RunDirectory, RunRecord
from harness.run.recover import recover, taken
from harness.run.resume import write_order
from tests.run.plans import make_plan

# `harness resume` as it is, but for the run itself: this one stands before its load until somebody closes its input.
RESUMES = """
import sys
import harness.cli_resume as command
def stand(directory, *rest, **more):
    print("won", flush=True)
    sys.stdin.read()
    raise SystemExit(0)
command.resume_session = stand
from harness.cli import main
sys.argv = ["harness", "resume", sys.argv[1]]
print("ready", flush=True)
sys.stdin.readline()
main()
"""


@pytest.fixture
def dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    directory = RunDirectory(tmp_path / "r1")
    (directory.work / "prometheus" / "data").mkdir(parents=True)
    directory.write_record(RunRecord("r1", "t", 1_795_364_555.0, "http://t", steady_from=1_795_364_570.0))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_order(directory, make_plan(), RunOptions(tmp_path, tmp_path, os.environ))
    return directory


@contextmanager
def resuming(directory: RunDirectory) -> Iterator[subprocess.Popen[str]]:
    """A process that is about to resume; it does when it is told a line."""
    command = [sys.executable, "-c", RESUMES, str(directory.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    """ "won", or why it was refused."""
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline() == "won\n":
        return "won"
    assert process.wait(60) == 2
    return process.stderr.read()


def test_of_two_in_the_same_moment_one_wins_and_the_other_is_told(dead: RunDirectory) -> None:
    with resuming(dead) as one, resuming(dead) as another:
        go(one)
        go(another)
        words = sorted((said(one), said(another)), key=lambda text: text == "won")
        assert words[1] == "won"
        assert "is being taken up or closed by another process at this moment" in words[0]
        assert "harness status" in words[0]
        with pytest.raises(UsageError, match="is being taken up or closed"):
            recover(dead, make_plan())
        assert (dead.work / "resume.json").is_file(), "nothing of the run was touched"
    with taken(dead):  # both are gone, by kill -9: the kernel lifted the lock
        pass


def test_who_comes_after_the_end_is_told_that_it_is_over(dead: RunDirectory) -> None:
    with resuming(dead) as late:
        with taken(dead):
            dead.tsdb.mkdir()
        go(late)
        assert "is over: there is nothing to go on with" in said(late)


def test_a_folder_that_cannot_be_locked_is_not_taken_for_free(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be told: No such file"), taken(RunDirectory(tmp_path / "gone")):
        pass
