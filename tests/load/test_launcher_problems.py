"""What a launcher says of its children: bounded, and the reason of the end is always among it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.load.launcher import LoadLauncher
from tests.run.plans import make_plan


def test_why_the_master_died_is_said_whatever_was_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of it is given as the reason that the run ended."""
    launcher = LoadLauncher(make_plan(), tmp_path, tmp_path)
    for number in range(1000):
        launcher._problem(f"locust-worker-{number} was lost (signal SIGKILL) and is started again")
    dead = SimpleNamespace(
        alive=False, kill=lambda: None, bound_log=lambda: None, how_it_ended=lambda: "signal SIGSEGV",
        last_words=lambda: "",
    )  # fmt: skip
    monkeypatch.setattr(launcher, "_master", dead)
    problems = launcher.poll().problems
    assert problems[-1] == "the Locust master died (signal SIGSEGV): it logged nothing"
    assert len(problems) == 51
