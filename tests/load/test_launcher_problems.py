"""What a launcher says of its children: bounded, and the reason of the end is always among it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.load.addresses import Address, StandingLocust
from harness.load.launcher import LoadLauncher
from harness.load.orders import AgentState, write_state
from harness.load.standing import StandingLoad
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


def test_so_it_is_of_a_master_that_stands(tmp_path: Path) -> None:
    """Its agent says why, and the others what became of their workers without it."""
    nobody = StandingLocust(tmp_path, Address("127.0.0.1", 9), (Address("127.0.0.2", 9),), 1, "127.0.0.1")
    load = StandingLoad(make_plan(), "r1", nobody, (1.0,), tmp_path)
    load._ordered = True
    for number in range(1000):
        load._problem(f"Locust worker w{number} was lost (signal SIGKILL) and is started again: it logged nothing")
    why = "the Locust master died (signal SIGSEGV): it logged nothing"
    now = time.time()
    write_state(tmp_path, AgentState("m", "master", "r1", "ended", problem=why, at=now))
    write_state(tmp_path, AgentState("w", "worker", "r1", "starting", problem="its master is gone", at=now))
    status = load.poll()
    assert (status.state, status.problems[-1], len(status.problems)) == ("dead", why, 51)
    assert load.poll().problems[-1] == why
