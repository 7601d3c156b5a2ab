"""What may go wrong with Locust children: each is named, and none is left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.load.launcher import LoadLauncher
from harness.plan.model import Stage
from tests.load.load_helpers import HttpTarget, leftovers, make_plan, scrape, value, wait_for

FINE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/ok")

    def on_start(self):
        print(f"worker index {self.environment.runner.worker_index}")
"""
BAD_HOOK = """
from locust import events

@events.init.add_listener
def bad(**_):
    raise KeyError('own')
"""
LONG = (Stage(duration=60, users=6, spawn_rate=6),)


def launcher_for(folder: Path, text: str, url: str, stages: tuple[Stage, ...] = LONG) -> LoadLauncher:
    locustfile = folder / "user.py"
    locustfile.write_text(text)
    plan = make_plan(url, locustfile, stages=stages)
    return LoadLauncher(plan, folder / "control", folder / "logs")


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import module_that_is_not_there\n", "module_that_is_not_there"),
        ("# nothing in it\n", "No User class found!"),
        (FINE + BAD_HOOK, "KeyError: 'own'"),
        (FINE + "\nimport sys\nsys.exit(3)\n", "exit code 3"),
    ],
)
def test_a_locustfile_that_cannot_run_is_named_with_its_last_words(tmp_path: Path, text: str, telling: str) -> None:
    launcher = launcher_for(tmp_path, text, "http://127.0.0.1:9")
    with pytest.raises(HarnessError) as caught:
        launcher.start(30)
    assert telling in str(caught.value)
    assert "locust-" in caught.value.message
    assert len(caught.value.message.splitlines()) == 1, "the whole of it is in the log"
    assert "]" not in caught.value.message.split(": ", 1)[1], "without the logger's prefix"
    assert caught.value.remedy
    assert leftovers(tmp_path) == []
    assert launcher.poll().state == "stopped"


def test_a_locustfile_that_is_not_there(tmp_path: Path) -> None:
    plan = make_plan("http://127.0.0.1:9", tmp_path / "absent.py", stages=LONG)
    launcher = LoadLauncher(plan, tmp_path / "control", tmp_path / "logs")
    with pytest.raises(HarnessError, match=r"absent\.py is not there"):
        launcher.start()
    launcher.stop()
    assert not (tmp_path / "logs").exists()


def test_an_unknown_user_class_is_named(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(FINE)
    plan = make_plan("http://127.0.0.1:9", tmp_path / "user.py", stages=LONG, load={"user_classes": ("Nobody",)})
    with pytest.raises(HarnessError) as caught:
        LoadLauncher(plan, tmp_path / "control", tmp_path / "logs").start(30)
    assert caught.value.message == "locust-master ended at its start (exit code 1): Unknown User(s): Nobody"
    assert caught.value.remedy == (
        f"correct the locustfile; all that it said is in {tmp_path / 'logs' / 'locust-master.log'}"
    )
    assert leftovers(tmp_path) == []


def test_a_killed_worker_is_started_again_and_counted(tmp_path: Path, http_target: HttpTarget) -> None:
    launcher = launcher_for(tmp_path, FINE, http_target.url)
    try:
        launcher.start(30)
        wait_for(launcher, lambda s: s.users == 6)
        before = launcher.scrape_targets()
        assert launcher.poll().restarts == 0
        victim = _worker_pid(launcher)
        os.kill(victim, signal.SIGKILL)
        # The only worker: Locust by itself would end the test now.
        status = wait_for(launcher, lambda s: s.restarts == 1 and s.users == 6 and s.workers == 1)
        assert _worker_pid(launcher) != victim
        assert status.state == "running"
        assert status.problems == ("locust-worker-1 was lost (signal SIGKILL) and is started again",)
        assert launcher.scrape_targets() == before
        # Once more: Locust's dispatcher by itself gives the second replacement no users.
        os.kill(_worker_pid(launcher), signal.SIGKILL)
        wait_for(launcher, lambda s: s.restarts == 2 and s.users == 6 and s.workers == 1)
        words = (tmp_path / "logs" / "locust-worker-1.log").read_text()
        assert set(re.findall(r"worker index (\d+)", words)) == {"0"}
        # Longer than Locust waits for a heartbeat: the dead ones are not mourned again.
        time.sleep(4.5)
        assert launcher.poll().users == 6
        launcher.hold()
        samples = scrape(dict(launcher.scrape_targets())["locust-worker-1"])
        assert value(samples, "locust_request_duration_seconds_count") > 20
        master = scrape(dict(launcher.scrape_targets())["locust-master"])
        assert value(master, "locust_workers", state="running") == 1
        assert value(master, "locust_workers", state="missing") == 0
    finally:
        launcher.stop()
    assert leftovers(tmp_path) == []


SHARES = """
import os
from pathlib import Path

import gevent
from locust import events

from harness.load.locustfile import MingusVisitor

def tell(environment):
    file = Path(__file__).with_name(f"share-{os.getpid()}")
    while True:
        file.write_text(f"{environment.runner.worker_index} {environment.mingus_accounts.limit}")
        gevent.sleep(0.1)

@events.test_start.add_listener
def start(environment, **_):
    if hasattr(environment, "mingus_accounts"):
        gevent.spawn(tell, environment)
"""


def test_a_replacement_is_told_how_many_share_the_accounts(tmp_path: Path, http_target: HttpTarget) -> None:
    (tmp_path / "user.py").write_text(SHARES)
    changes = {"workers": 2, "max_users": 101, "user_classes": ("MingusVisitor",)}
    plan = make_plan(http_target.url, tmp_path / "user.py", stages=LONG, load=changes)
    launcher = LoadLauncher(plan, tmp_path / "control", tmp_path / "logs")

    def shares() -> list[str]:
        return sorted(file.read_text() for file in tmp_path.glob("share-*"))

    try:
        launcher.start(30)
        wait_for(launcher, lambda s: shares() == ["0 51", "1 50"])
        victim = _worker_pid(launcher)
        index = (tmp_path / f"share-{victim}").read_text().split()[0]
        os.kill(victim, signal.SIGKILL)
        # A tenth of an equal share: those of the one it replaces stand in the service's tables still.
        wait_for(launcher, lambda s: shares() == sorted(["0 51", "1 50", f"{index} 5"]))
    finally:
        launcher.stop()
    logs = {log.name: log.read_text() for log in (tmp_path / "logs").glob("*.log")}
    assert len(logs) == 3
    assert [name for name, text in logs.items() if "Uncaught exception" in text] == []
    assert [name for name, text in logs.items() if "Unknown message type" in text] == []
    assert "Shutting down (exit code 0)" in logs["locust-master.log"], "2 would tell of an exception"


@pytest.mark.long
def test_a_worker_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path, http_target: HttpTarget) -> None:
    dies = FINE.replace("print(", "import os; os._exit(7); print(")
    launcher = launcher_for(tmp_path, dies, http_target.url, (Stage(duration=60, users=1),))
    try:
        launcher.start(30)
        status = wait_for(launcher, lambda s: s.restarts >= 2)
        assert status.state == "running"
        assert "locust-worker-1 was lost (exit code 7) and is started again" in status.problems
        began = time.monotonic()
        wait_for(launcher, lambda s: s.restarts >= 3)
        assert time.monotonic() - began > 2.0  # a back-off of two seconds
    finally:
        launcher.stop()
    assert leftovers(tmp_path) == []


def test_a_dead_master_is_reported(tmp_path: Path, http_target: HttpTarget) -> None:
    launcher = launcher_for(tmp_path, FINE, http_target.url)
    try:
        launcher.start(30)
        assert launcher._master is not None
        os.kill(launcher._master.pid, signal.SIGKILL)
        status = wait_for(launcher, lambda s: s.state == "dead")
        assert status.users == status.workers == 0
        assert "the Locust master died (signal SIGKILL)" in status.problems[0]
        with pytest.raises(HarnessError, match="master is gone"):
            launcher.hold()
    finally:
        launcher.stop()
    assert leftovers(tmp_path) == []
    assert launcher.poll().state == "dead"


def test_exceptions_of_the_locustfile_are_told(tmp_path: Path, http_target: HttpTarget) -> None:
    text = FINE.replace('self.client.get("/ok")', 'raise LookupError("no such journey")')
    launcher = launcher_for(tmp_path, text, http_target.url)
    try:
        launcher.start(30)
        status = wait_for(launcher, lambda s: bool(s.problems))
        assert "no such journey" in status.problems[0]
        assert status.total_requests == 0
        samples = scrape(dict(launcher.scrape_targets())["locust-worker-1"])
        assert value(samples, "locust_user_exceptions_total") >= 1
    finally:
        launcher.stop()


def test_hold_ends_a_ramp_at_once_and_lets_requests_finish(tmp_path: Path, http_target: HttpTarget) -> None:
    text = FINE.replace("/ok", "/slow")
    http_target.seen["/slow"] = 0
    launcher = launcher_for(tmp_path, text, http_target.url, (Stage(duration=60, users=100, spawn_rate=2),))
    try:
        launcher.start(30)
        wait_for(launcher, lambda s: s.users >= 3)
        began = time.monotonic()
        launcher.hold()
        assert time.monotonic() - began < 5
        status = launcher.poll()
        assert (status.users, status.users_target, status.state) == (0, 0, "holding")
        samples = scrape(dict(launcher.scrape_targets())["locust-worker-1"])
        assert value(samples, "locust_request_duration_seconds_count") == http_target.seen["/slow"] > 0
    finally:
        launcher.stop()


def test_children_die_with_the_harness(tmp_path: Path, http_target: HttpTarget) -> None:
    (tmp_path / "user.py").write_text(FINE)
    script = f"""
import time
from pathlib import Path
from harness.load.launcher import LoadLauncher
from harness.plan.model import Load, Plan, Stage, Target
folder = Path({str(tmp_path)!r})
load = Load(locustfile=str(folder / "user.py"), stages=(Stage(duration=60, users=2),))
launcher = LoadLauncher(Plan(name="t", target=Target(url={http_target.url!r}), load=load), folder / "c", folder / "l")
launcher.start(30)
print("up", flush=True)
time.sleep(60)
"""
    harness = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert harness.stdout is not None
        assert harness.stdout.readline() == "up\n"
        assert len(leftovers(tmp_path)) == 2
    finally:
        harness.kill()
        harness.wait()
    deadline = time.monotonic() + 5
    while leftovers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers(tmp_path) == []


def test_stop_before_start_and_twice(tmp_path: Path) -> None:
    launcher = launcher_for(tmp_path, FINE, "http://127.0.0.1:9")
    assert launcher.scrape_targets() == []
    launcher.stop()
    launcher.stop()
    assert launcher.poll().state == "stopped"


def test_the_launcher_never_imports_locust() -> None:
    code = "import sys, harness.load.launcher; print({m.split('.')[0] for m in sys.modules} & {'locust', 'gevent'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _worker_pid(launcher: LoadLauncher) -> int:
    child = launcher._workers.places[0].child
    assert child is not None
    return child.pid
