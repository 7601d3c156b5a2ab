"""The reader of our output goes away (`harness run | tee log` in a terminal that is closed): no run ends over it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

import harness
from harness.cli_terminal import Terminal
from harness.judge.verdict import Outcome
from harness.run.display import Progressed, make_ui
from harness.run.live_state import STATE_FILE, StateUi, read_state
from harness.run.record import RunDirectory
from tests.cli.test_commands import make_run

TELL = """
import sys
from pathlib import Path
from harness.cli_result import tell_result
from harness.cli_runs import stored_plan
from harness.report.stored import read_verdict
from harness.run.options import RunResult
from harness.run.record import RunDirectory
found = RunDirectory(Path(sys.argv[1]))
result = RunResult(found, found.read_record(), read_verdict(found))
sys.exit(tell_result(result, stored_plan(found), as_json=sys.argv[2] == "json"))
"""


@pytest.fixture
def unread() -> Iterator[TextIO]:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    yield stream
    with pytest.raises(BrokenPipeError):  # what was not written is still there
        stream.close()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_run_goes_on_when_nobody_reads_it_any_more(tmp_path: Path, unread: TextIO, terminal: bool) -> None:
    directory = RunDirectory(tmp_path)
    directory.work.mkdir()
    ui = StateUi(make_ui(Terminal(file=unread, force_terminal=terminal)), directory.work / STATE_FILE, lambda: 1.0)
    ui.event("one")
    ui.progress(Progressed("steady", 30.0, 100.0))
    ui.close()
    ui.event("two")
    state = read_state(directory)
    assert state is not None and state.doing == "two"


def ended(command: list[str]) -> tuple[int, str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("form", ["json", "words"])
def test_the_exit_code_of_a_run_is_its_verdicts_all_the_same(tmp_path: Path, form: str) -> None:
    made = make_run(tmp_path, "r1", Outcome.FAIL)
    assert ended([sys.executable, "-c", TELL, str(made.path), form]) == (10, "")


@pytest.mark.parametrize("words", [["runs"], ["runs", "--json"], ["status", "r1", "--brief"], ["runs", "--help"]])
def test_other_commands_say_that_they_did_not_do_their_work(tmp_path: Path, words: list[str]) -> None:
    make_run(tmp_path, "r1", Outcome.PASS)
    assert ended([sys.executable, "-m", "harness.cli", *words, "--out", str(tmp_path)]) == (12, "")


def test_no_command_prints_on_a_console_that_ends_the_process() -> None:
    files = sorted(Path(harness.__path__[0]).rglob("*.py"))
    made = [file.name for file in files if re.search(r"(?<![A-Za-z_.])Console\(", file.read_text("utf-8"))]
    assert made == [], "harness.cli_terminal.Terminal does not"
