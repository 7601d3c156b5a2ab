"""Standing Locust agents and the load that a harness orders from them: one set of agents, one run after the other."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.errors import HarnessError
from harness.load.addresses import Address, StandingLocust
from harness.load.agent import Agent
from harness.load.config import LoadConfig
from harness.load.launcher import LoadStatus
from harness.load.orders import AgentState, Order, Part, alive, read_order, read_states, write_order, write_state
from harness.load.standing import StandingLoad
from harness.ownership import OWNER_FILE, owned
from harness.plan.model import Plan, Stage
from harness.run.ports import free_port
from tests.load.load_helpers import HttpTarget, make_plan, scrape, value

LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get("/ok")
"""
WORKERS = ("127.0.0.2", "127.0.0.3")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("control")


@pytest.fixture(scope="module")
def agents(control: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    def start(role: str, name: str, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "harness.load.agent", role, "--control", str(control), "--name", name, *more]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    running = {"master": start("master", "m")}
    running |= {host: start("worker", f"w-{host}", "--listen", host) for host in WORKERS}
    wait_for(lambda: len(read_states(control)) == 3, "the agents")
    yield running
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    for process in running.values():
        assert process.wait(20) == 0
    assert time.monotonic() - began < 15


@pytest.fixture
def locust(control: Path, agents: object) -> StandingLocust:
    port = free_port()
    return StandingLocust(
        control, Address("127.0.0.1", port), tuple(Address(host, port) for host in WORKERS), free_port(), "127.0.0.1"
    )


@pytest.fixture
def plan(http_target: HttpTarget, tmp_path: Path) -> Plan:
    file = tmp_path / "visit.py"
    file.write_text(LOCUSTFILE)
    return make_plan(http_target.url, file, stages=(Stage(duration=300, users=6, spawn_rate=20),), load={"workers": 2})


@contextlib.contextmanager
def running(plan: Plan, run_id: str, locust: StandingLocust, logs: Path) -> Iterator[StandingLoad]:
    load = StandingLoad(plan, run_id, locust, (0.1, 1.0), logs)
    with owned(locust.control):
        try:
            load.start()
            yield load
        finally:
            load.stop()


def until(load: StandingLoad, condition: Callable[[LoadStatus], bool]) -> LoadStatus:
    found: list[LoadStatus] = []
    wait_for(lambda: found.append(load.poll()) or condition(found[-1]), f"a status; the last was {found[-1:]}")
    return found[-1]


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_a_run_a_lost_worker_and_the_next_run(
    plan: Plan, locust: StandingLocust, agents: dict[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with running(plan, "r1", locust, tmp_path) as load:
        status = until(load, lambda s: s.users == 6 and s.total_requests > 20)
        assert (status.state, status.workers, status.restarts, status.problems) == ("running", 2, 0, ())
        targets = load.scrape_targets()
        assert [host for host, _, _ in (name.partition(":") for name, _ in targets)] == ["127.0.0.1", *WORKERS]
        per_worker = [value(scrape(address), "locust_users") for _, address in targets[1:]]
        assert per_worker == [3, 3], "the load is shared, and its sum is the plan's"
        assert value(scrape(targets[0][1]), "locust_users_target") == 6

        secret = locust.control / "run.json"
        assert secret.stat().st_mode & 0o077 == 0
        assert "token" not in json.dumps([vars(s) for s in read_states(locust.control)])

        children(agents[WORKERS[0]])[0].kill()
        status = until(load, lambda s: s.restarts == 1 and s.workers == 2 and s.users == 6)
        assert any("w-127.0.0.2 was lost (signal SIGKILL) and is started again" in p for p in status.problems)
        assert any("1 Locust worker(s) went away" in p for p in status.problems)
        load.hold()
        assert load.poll().users == 0
    assert not secret.exists()
    for process in agents.values():
        wait_for(lambda process=process: not children(process), "the end of the load")
    assert (tmp_path / "locust-master.log").stat().st_size > 0
    assert (tmp_path / "locust-worker-w-127.0.0.2.log").stat().st_size > 0

    with running(plan, "r2", locust, tmp_path) as load:
        status = until(load, lambda s: s.users == 6)
        assert (status.restarts, status.problems) == (0, ()), "what happened in the run before is not told again"


def test_a_master_that_died_ends_the_load_and_is_not_begun_anew(
    plan: Plan, locust: StandingLocust, agents: dict[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with running(plan, "r3", locust, tmp_path) as load:
        until(load, lambda s: s.users == 6)
        children(agents["master"])[0].kill()
        status = until(load, lambda s: s.state == "dead")
        assert any("the Locust master died (signal SIGKILL)" in p for p in status.problems)
        with pytest.raises(HarnessError, match="master is gone"):
            load.hold()
        time.sleep(1.5)
        assert children(agents["master"]) == []


def test_a_harness_that_died_is_not_obeyed(
    plan: Plan, locust: StandingLocust, agents: dict[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with running(plan, "r4", locust, tmp_path) as load:
        until(load, lambda s: s.users == 6)
        (locust.control / OWNER_FILE).unlink()  # what its lock's end looks like to others
        for process in agents.values():
            wait_for(lambda process=process: not children(process), "the end of the load")
        assert (locust.control / "run.json").exists()


def test_a_locustfile_that_cannot_be_loaded_is_told(plan: Plan, locust: StandingLocust, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module_at_all\n")
    plan = plan.model_copy(update={"load": plan.load.model_copy(update={"locustfile": str(broken)})})
    with (
        pytest.raises(HarnessError, match="the load did not start: the Locust master died") as error,
        running(plan, "r5", locust, tmp_path),
    ):
        pytest.fail("it started")
    assert "No module named 'no_such_module_at_all'" in str(error.value)


def test_agents_that_are_not_there(plan: Plan, tmp_path: Path) -> None:
    nobody = StandingLocust(tmp_path, Address("127.0.0.1", free_port()), (Address("127.0.0.2", 1),), 1, "127.0.0.1")
    load = StandingLoad(plan, "r6", nobody, (1.0,), tmp_path)
    with pytest.raises(HarnessError, match="only 0 of 2 Locust workers joined their master"):
        load.start(timeout=1)
    assert not (tmp_path / "run.json").exists()
    assert load.poll().state == "stopped"


def order(run_id: str) -> Order:
    config = LoadConfig("worker", "n", "/c", (), (1.0,), "http://t", 1, token="secret")
    return Order(run_id, Part(replace(config, role="master"), ("--master",)), Part(config, ("--worker",)))


def test_an_order_counts_only_while_its_harness_lives(tmp_path: Path) -> None:
    write_order(tmp_path, order("r1"))
    assert read_order(tmp_path) is None
    with owned(tmp_path):
        assert read_order(tmp_path) == order("r1")
        (tmp_path / "run.json").write_text('{"schema": 2}')
        with pytest.raises(HarnessError, match="not an order that this version knows"):
            read_order(tmp_path)
        (tmp_path / "run.json").unlink()
        assert read_order(tmp_path) is None
    assert read_order(tmp_path) is None


def test_many_that_look_at_once_do_not_take_each_other_for_the_owner(tmp_path: Path) -> None:
    """A stale order of a killed harness, and readers that test its lock at the same moment."""
    with owned(tmp_path):
        pass
    write_order(tmp_path, order("stale"))
    reader = "import sys; from pathlib import Path; from harness.load.orders import read_order\n"
    reader += "assert all(read_order(Path(sys.argv[1])) is None for _ in range(4000))"
    readers = [subprocess.Popen([sys.executable, "-c", reader, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(60) for process in readers] == [0, 0, 0]


def test_a_master_made_anew_in_mid_run_does_not_begin_it_again(tmp_path: Path) -> None:
    write_state(tmp_path, AgentState("old-container", "master", "r1", "running", starts=1, at=time.time()))
    write_order(tmp_path, order("r1"))
    with owned(tmp_path):
        agent = Agent("master", tmp_path, "new-container")
        agent.step()
    [state] = [s for s in read_states(tmp_path) if s.name == "new-container"]
    assert (state.phase, state.starts) == ("ended", 0)
    assert "started anew in the middle of the run" in state.problem


def test_who_is_alive() -> None:
    states = [
        AgentState("a", "worker", at=100.0),
        AgentState("b", "worker", at=80.0),
        AgentState("c", "master", at=100.0),
    ]
    assert [s.name for s in alive(states, "worker", 110.0)] == ["a"]
    assert alive(states, "master", 116.0) == []


@pytest.mark.parametrize(("age", "code"), [(0, 0), (60, 1)])
def test_the_health_of_an_agent(tmp_path: Path, age: float, code: int) -> None:
    def health(name: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "harness.load.agent", "health", "--control", str(tmp_path), "--name", name],
            check=False,
        ).returncode

    write_state(tmp_path, AgentState("me", "worker", at=time.time() - age))
    assert health("me") == code
    assert health("other") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["agents"]
