"""A load that is steered while it runs: users of the closed model, arrivals of the open one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exporters import metric_names as names
from harness.errors import HarnessError
from harness.load.launcher import LoadLauncher
from harness.plan.model import Stage
from tests.load.load_helpers import HttpTarget, http_target, make_plan, scrape, value, wait_for  # noqa: F401

LOCUSTFILE = """
from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.2)

    @task
    def ask(self):
        self.client.get("/a")
"""


def launcher_of(tmp_path: Path, target: HttpTarget, stage: Stage, **load: object) -> LoadLauncher:
    file = tmp_path / "user.py"
    file.write_text(LOCUSTFILE)
    plan = make_plan(target.url, file, stages=(stage,), load=load)
    return LoadLauncher(plan, tmp_path / "control", tmp_path / "logs")


def test_users_follow_up_and_down_and_the_stages_end_still_ends_it(tmp_path, http_target) -> None:  # noqa: F811
    launcher = launcher_of(tmp_path, http_target, Stage(duration=3600, users=2))
    with pytest.raises(HarnessError, match="cannot be steered"):
        launcher.steer(3)
    try:
        launcher.start()
        wait_for(launcher, lambda s: s.users == 2, timeout=60)
        launcher.steer(9)
        assert wait_for(launcher, lambda s: s.users == 9, timeout=60).users_target == 9
        launcher.steer(3)
        wait_for(launcher, lambda s: s.users == 3, timeout=60)
        launcher.hold()
        assert launcher.poll().users == 0
    finally:
        launcher.stop()


def test_arrivals_follow_and_slots_that_stand_ready_stay(tmp_path, http_target) -> None:  # noqa: F811
    launcher = launcher_of(tmp_path, http_target, Stage(duration=3600, rate=10.0), model="open", spacing="even")
    try:
        launcher.start()
        wait_for(launcher, lambda s: s.users == 40, timeout=60)
        launcher.steer(60.0)
        wait_for(launcher, lambda s: s.users == 240, timeout=60)
        launcher.steer(25.0)
        assert launcher.poll().users == 240
        _await_rate(launcher, 25.0)
        launcher.steer(50.0)
        _await_rate(launcher, 50.0)
    finally:
        launcher.stop()


def _await_rate(launcher: LoadLauncher, rate: float) -> None:
    """Until the arrivals due in some seconds come at a rate; blocks are counted whole, each when it is over."""
    deadline = time.monotonic() + 60
    while True:
        before, began = _planned(launcher)
        time.sleep(4.0)
        after, ended = _planned(launcher)
        launcher.poll()
        if abs((after - before) - rate * (ended - began)) <= 1.5 * rate:
            return
        assert time.monotonic() < deadline, f"{after - before} arrivals in {ended - began:.1f} s, not {rate} a second"


def _planned(launcher: LoadLauncher) -> tuple[float, float]:
    address = dict(launcher.scrape_targets())["locust-master"]
    return value(scrape(address), names.ARRIVALS_PLANNED), time.monotonic()
