"""The open model with real Locust children: arrivals by the clock, whatever the target does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.load.config import VARIABLE
from harness.load.launcher import LoadLauncher
from harness.plan.model import Stage
from tests.load.load_helpers import HttpTarget, Samples, make_plan, scrape, value, wait_for

LOCUSTFILE = """
from locust import FastHttpUser, SequentialTaskSet, constant, task


class Twice(SequentialTaskSet):
    @task
    def first(self):
        self.client.get("/first")

    @task
    def second(self):
        self.client.get("/second")


class Visitor(FastHttpUser):
    weight = 3
    wait_time = constant(3600)

    def on_start(self):
        self.client.get("/login")

    @task
    def visit(self):
        self.client.get("/visit")
        self.client.get("/more")


class Reader(FastHttpUser):
    weight = 1
    wait_time = constant(3600)
    tasks = [Twice]
"""
RATE = 60.0


@dataclass
class Made:
    """Scrapes at the end of the load, while the target's own count stands beside them."""

    master: Samples
    workers: list[Samples]
    target: HttpTarget

    def total(self, metric: str, /, **labels: str) -> float:
        return sum(value(samples, metric, **labels) for samples in self.workers)


def make(folder: Path, target: HttpTarget, text: str, seconds: float, **load: object) -> Made:
    (folder / "locustfile.py").write_text(text)
    plan = make_plan(
        target.url,
        folder / "locustfile.py",
        stages=(Stage(duration=seconds, rate=load.pop("rate", RATE)),),
        load={"model": "open", "workers": 2, **load},
    )
    launcher = LoadLauncher(plan, folder / "control", folder / "logs")
    launcher.start()
    try:
        wait_for(launcher, lambda status: status.state == "holding", 60)
        launcher.hold()
        time.sleep(0.3)
        (_, master), *workers = launcher.scrape_targets()
        return Made(scrape(master), [scrape(address) for _, address in workers], target)
    finally:
        launcher.stop()


@pytest.fixture(scope="module")
def open_load(tmp_path_factory: pytest.TempPathFactory, http_target: HttpTarget) -> Iterator[Made]:
    yield make(tmp_path_factory.mktemp("open"), http_target, LOCUSTFILE, 16, slots=24)


def test_every_planned_arrival_is_made_or_counted_as_dropped(open_load: Made) -> None:
    planned = value(open_load.master, "locust_arrivals_planned_total")
    made, dropped = open_load.total("locust_arrivals_total"), open_load.total("locust_arrivals_dropped_total")
    assert planned > 6 * RATE
    # The last blocks are cut by the end of the load.
    assert abs(made + dropped - planned) <= 2 * RATE
    assert min(value(w, "locust_arrivals_total") for w in open_load.workers) > made / 3, "both workers have a share"


def test_an_arrival_is_a_leaf_task_and_waits_are_none(open_load: Made) -> None:
    seen, made = open_load.target.seen, open_load.total("locust_arrivals_total")
    assert seen["/login"] == 18, "each visitor logs in once: that is no arrival"
    assert seen["/visit"] + seen["/first"] + seen["/second"] == made
    assert seen["/more"] == seen["/visit"]
    assert 0 <= seen["/first"] - seen["/second"] <= 6, "tasks of a set are taken in their order"


def test_lateness_is_told(open_load: Made) -> None:
    made = open_load.total("locust_arrivals_total")
    assert open_load.total("locust_arrival_lag_seconds_count") == made
    assert open_load.total("locust_arrival_lag_seconds_sum") > 0


STALLED = """
import time
from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0)

    @task
    def visit(self):
        self.client.get("/slow")
"""


def test_arrivals_go_on_while_the_target_is_slow_and_what_finds_no_user_is_dropped(
    tmp_path: Path, http_target: HttpTarget
) -> None:
    # Half a second each, four users: eight a second of forty.
    made = make(tmp_path, http_target, STALLED, 14, slots=4, rate=40.0, spacing="even")
    took, dropped = made.total("locust_arrivals_total"), made.total("locust_arrivals_dropped_total")
    planned = value(made.master, "locust_arrivals_planned_total")
    assert dropped > 0.5 * planned
    assert took > 0.1 * planned
    assert abs(took + dropped - planned) <= 80


STEADY = """
from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    wait_time = constant(0)

    @task
    def visit(self):
        self.client.get("/visit")
"""


def test_the_others_take_over_the_share_of_a_worker_that_died(tmp_path: Path, http_target: HttpTarget) -> None:
    (tmp_path / "locustfile.py").write_text(STEADY)
    plan = make_plan(
        http_target.url,
        tmp_path / "locustfile.py",
        stages=(Stage(duration=120, rate=RATE),),
        load={"model": "open", "workers": 2, "slots": 40, "spacing": "even"},
    )
    launcher = LoadLauncher(plan, tmp_path / "control", tmp_path / "logs")
    launcher.start()
    try:
        # Counted by the target, since a process that dies takes its counters with it.
        _await_rate(launcher, http_target, RATE)
        victim = next(p for p in psutil.process_iter() if _is_worker(p, tmp_path / "control", "locust-worker-2"))
        victim.kill()
        wait_for(launcher, lambda status: status.restarts == 1, 30)
        _await_rate(launcher, http_target, RATE)
        names = dict(launcher.scrape_targets())
        _await(launcher, lambda: value(scrape(names["locust-worker-2"]), "locust_arrivals_total") > 2 * RATE)
    finally:
        launcher.stop()


def _is_worker(process: psutil.Process, control: Path, name: str) -> bool:
    try:
        config = process.environ().get(VARIABLE, "")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return str(control.resolve()) in config and f'"{name}"' in config


def _await_rate(launcher: LoadLauncher, target: HttpTarget, rate: float) -> None:
    """Until three seconds on end bring what the plan wants of them."""

    def holds() -> bool:
        began, before = time.monotonic(), target.seen["/visit"]
        _await(launcher, lambda: time.monotonic() - began >= 3)
        made = (target.seen["/visit"] - before) / (time.monotonic() - began)
        return 0.9 * rate <= made <= 1.1 * rate

    _await(launcher, holds, 60)


def _await(launcher: LoadLauncher, ready: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        launcher.poll()
        time.sleep(0.2)
