"""The standing stack without a run: what is open, who outlives whom, what stays and what goes. No load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.compose import security
from tests.e2e.compose.engine import Engine
from tests.e2e.compose.stack import USER, Stack, new_project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WITHOUT_A_RUN = ("--scale", "harness=0", "--scale", "locust-worker=3")


@pytest.fixture(scope="module")
def standing(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(engine, new_project(tmp_path_factory.mktemp("standing")))
    try:
        made.up(*WITHOUT_A_RUN)
        yield made
    finally:
        made.down()


def test_everything_comes_up_healthy(standing: Stack) -> None:
    states = standing.states()
    assert {states.pop(f"endurance-{once}-1") for once in ("init", "fault")} == {"exited"}
    assert len(states) == 12
    assert set(states.values()) == {"running"}
    assert standing.inspect("init")["State"]["ExitCode"] == 0
    # Docker made the folder as root; it is the user's now.
    assert (standing.project / "runs").stat().st_uid == USER


def test_nothing_is_open_that_need_not_be(standing: Stack) -> None:
    security.check_closed(standing, run=False)


def test_the_sidecar_outlives_the_target(standing: Stack) -> None:
    before = standing.inspect("sidecar")["State"]["StartedAt"]
    os.kill(standing.inspect("target")["State"]["Pid"], signal.SIGKILL)
    standing.await_(lambda: standing.inspect("target")["RestartCount"] == 1, "restart of the target", 30)
    standing.await_(lambda: standing.inspect("target")["State"]["Health"]["Status"] == "healthy", "target", 60)
    assert standing.inspect("sidecar")["State"]["StartedAt"] == before
    # One PID namespace: the sidecar sees the new processes, as their own user.
    shared = standing.inspect("pidns")["Id"]
    for service in ("target", "sidecar"):
        found = standing.inspect(service)
        assert (found["HostConfig"]["PidMode"], found["Config"]["User"]) == (f"container:{shared}", f"{USER}:{USER}")


def test_a_second_up_changes_no_password_and_starts_nothing_anew(standing: Stack) -> None:
    before = {name: standing.inspect(name)["Id"] for name in ("prometheus", "target", "postgres", "locust-master")}
    shown = standing.compose("run", "--rm", "-T", "--no-deps", "init", "passwords").stdout
    standing.up(*WITHOUT_A_RUN)
    assert {name: standing.inspect(name)["Id"] for name in before} == before
    assert standing.compose("run", "--rm", "-T", "--no-deps", "init", "passwords").stdout == shown
    assert shown.count("password") == 2


def test_a_fault_starts_the_target_alone_anew(standing: Stack) -> None:
    before = {name: standing.inspect(name)["Id"] for name in ("prometheus", "pidns", "sidecar", "postgres")}
    target = standing.inspect("target")["Id"]
    standing.up(*WITHOUT_A_RUN, FAULT="memory_leak:mb_per_s=0.1")
    assert standing.inspect("target")["Id"] != target
    assert {name: standing.inspect(name)["Id"] for name in before} == before


def test_down_leaves_nothing(standing: Stack) -> None:
    standing.compose("down", "-v")
    engine = standing.engine
    assert engine.lines("ps", "-aq") == []
    assert engine.lines("volume", "ls", "-q") == []
    assert [name for name in engine.lines("network", "ls", "--format", "{{.Name}}") if "endurance" in name] == []
