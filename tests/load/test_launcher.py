"""Real Locust children against a real server: what is counted, and what stray configuration may not change."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporters.load_histogram import edges
from harness.load.control import ControlClient, ControlError
from harness.load.launcher import LoadLauncher, LoadStatus
from harness.plan.model import Stage
from harness.plan.objectives import Objective
from tests.load.load_helpers import DIRECT, HttpTarget, Samples, leftovers, make_plan, scrape, value, wait_for

LOCUSTFILE = """
from pathlib import Path

from locust import FastHttpUser, HttpUser, LoadTestShape, constant, task
import own_module

DATA = Path("data.txt").read_text()


class ResponseInvalid(Exception):
    pass


class OwnShape(LoadTestShape):
    def tick(self):
        return (500, 500)


class Fast(FastHttpUser):
    wait_time = constant(0.02)

    @task(20)
    def fine(self):
        self.client.get("/ok", name="/ok fast", headers={"X-Data": DATA, "X-Own": own_module.VALUE})

    @task(2)
    def status(self):
        self.client.get("/status", name="/status fast")

    @task(2)
    def drop(self):
        self.client.get("/drop", name="/drop fast")

    @task(1)
    def hang(self):
        self.client.get("/hang", name="/hang fast")

    @task(2)
    def invalid(self):
        with self.client.get("/invalid", name="/invalid fast", catch_response=True) as response:
            response.failure("not what we wanted")

    @task(2)
    def own_error(self):
        with self.client.get("/own", name="/own fast", catch_response=True) as response:
            response.failure(ResponseInvalid("no token"))


class Slow(HttpUser):
    wait_time = constant(0.02)

    @task(20)
    def fine(self):
        self.client.get("/ok", name="/ok requests")

    @task(2)
    def status(self):
        self.client.get("/status", name="/status requests")

    @task(2)
    def drop(self):
        self.client.get("/drop", name="/drop requests")

    @task(1)
    def hang(self):
        self.client.get("/hang", name="/hang requests")

    @task(2)
    def invalid(self):
        with self.client.get("/invalid", name="/invalid requests", catch_response=True) as response:
            response.failure("not what we wanted")


class Unwanted(HttpUser):
    @task
    def never(self):
        self.client.get("/unwanted")
"""


@dataclass
class FinishedLoad:
    status: LoadStatus
    scrapes: dict[str, Samples]
    target: HttpTarget
    folder: Path
    refused: list[int]
    after_stop: list[int]


@pytest.fixture(scope="module")
def finished(
    http_target: HttpTarget, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[FinishedLoad]:
    """One load with two workers, run to its end in a folder full of stray Locust configuration."""
    folder = tmp_path_factory.mktemp("stray")
    journeys = folder / "journeys"
    journeys.mkdir()
    (journeys / "user.py").write_text(LOCUSTFILE)
    (journeys / "own_module.py").write_text('VALUE = "imported"\n')
    (folder / "data.txt").write_text("relative")
    stray = "users = 300\nspawn-rate = 300\nrun-time = 1s\nhost = http://127.0.0.1:9\ncsv = stray\ntags = none\n"
    (folder / "locust.conf").write_text(stray)
    (folder / ".locust.conf").write_text(stray)
    (folder / "pyproject.toml").write_text("[tool.locust\nthis is not TOML")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setenv("HOME", str(folder))
    for name, content in {"LOCUST_HOST": "http://127.0.0.1:9", "LOCUST_RUN_TIME": "1s", "LOCUST_TAGS": "none"}.items():
        patch.setenv(name, content)
    patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    patch.setenv("http_proxy", "http://127.0.0.1:9")
    plan = make_plan(
        http_target.url,
        Path("journeys/user.py"),
        stages=(Stage(duration=6, users=10, spawn_rate=10),),
        target={"timeout": 1.0, "headers": {"Authorization": "Bearer of-the-plan"}},
        load={"workers": 2, "user_classes": ("Fast", "Slow")},
        objectives=(Objective("latency_p95", 0.8, "<="),),
    )
    launcher = LoadLauncher(plan, folder / "control", folder / "logs")
    try:
        launcher.start(30)
        wait_for(launcher, lambda s: s.state == "holding")
        launcher.hold()
        scrapes = {name: scrape(address) for name, address in launcher.scrape_targets()}
        refused = _refused(dict(launcher.scrape_targets())["locust-master"])
        # The master learns of the last requests with the workers' next reports; the exposition knew them already.
        counted = sum(value(samples, "locust_request_duration_seconds_count") for samples in scrapes.values())
        status = wait_for(launcher, lambda s: s.total_requests == counted)
    finally:
        launcher.stop()
        patch.undo()
    yield FinishedLoad(status, scrapes, http_target, folder, refused, leftovers(folder))


def _refused(address: str) -> list[int]:
    """How the master answers those who may not ask, and those who ask nonsense."""
    codes = []
    for path, token in (("/status", ""), ("/status", "wrong"), ("/hold", "wrong"), ("/nowhere", "")):
        request = urllib.request.Request(f"http://{address}{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            codes.append(DIRECT.open(request, timeout=5).status)
        except urllib.error.HTTPError as error:
            codes.append(error.code)
    return codes


def total(finished: FinishedLoad, metric: str, /, **labels: str) -> float:
    return sum(value(samples, metric, **labels) for samples in finished.scrapes.values())


def label_values(finished: FinishedLoad, name: str, label: str) -> set[str]:
    keys = (key for samples in finished.scrapes.values() for key in samples)
    return {dict(labels)[label] for found, labels in keys if found == name}


def test_every_request_that_the_server_saw_is_counted_once(finished: FinishedLoad) -> None:
    seen = finished.target.seen
    assert seen["/ok"] > 100
    for path in ("/ok", "/status", "/hang", "/invalid"):
        counted = sum(
            total(finished, "locust_request_duration_seconds_count", name=f"{path} {client}")
            for client in ("fast", "requests")
        )
        assert counted == seen[path], path
    everything = total(finished, "locust_request_duration_seconds_count")
    assert everything == finished.status.total_requests
    assert total(finished, "locust_request_duration_seconds_count", outcome="error") == finished.status.total_failures
    assert total(finished, "locust_request_duration_seconds_bucket", le="+Inf") == everything


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/status fast", "status"),
        ("/status requests", "status"),
        ("/drop fast", "connection"),
        ("/drop requests", "connection"),
        ("/hang fast", "timeout"),
        ("/hang requests", "timeout"),
        ("/invalid fast", "validation"),
        ("/invalid requests", "validation"),
        ("/own fast", "validation"),
    ],
)
def test_each_failure_is_of_its_kind(finished: FinishedLoad, path: str, kind: str) -> None:
    failed = total(finished, "locust_request_duration_seconds_count", name=path, outcome="error")
    assert failed > 0
    assert total(finished, "locust_request_duration_seconds_count", name=path, outcome="ok") == 0
    assert total(finished, "locust_request_errors_total", name=path, error=kind) == failed
    assert total(finished, "locust_request_errors_total", name=path) == failed


def test_times_and_bytes(finished: FinishedLoad) -> None:
    hung = total(finished, "locust_request_duration_seconds_count", name="/hang fast")
    assert total(finished, "locust_request_duration_seconds_bucket", name="/hang fast", le="0.8") == 0
    assert total(finished, "locust_request_duration_seconds_sum", name="/hang fast") == pytest.approx(hung, rel=0.3)
    fine = total(finished, "locust_request_duration_seconds_count", name="/ok fast", outcome="ok")
    assert total(finished, "locust_response_bytes_total", name="/ok fast") == 2 * fine
    bounds = label_values(finished, "locust_request_duration_seconds_bucket", "le")
    assert bounds == {*(str(edge) for edge in edges([0.8])), "+Inf"}


def test_zero_users_are_held_with_the_counters_intact(finished: FinishedLoad) -> None:
    assert finished.status.state == "holding"
    assert finished.status.users == 0
    assert finished.status.workers == 2
    assert finished.status.restarts == 0
    assert finished.status.problems == ()
    assert total(finished, "locust_users") == 0
    classes = {
        dict(labels)["user_class"] for s in finished.scrapes.values() for (n, labels) in s if n == "locust_users"
    }
    assert classes == {"Fast", "Slow"}


def test_the_master_tells_of_users_wanted_and_workers_and_every_process_of_itself(finished: FinishedLoad) -> None:
    assert list(finished.scrapes) == ["locust-master", "locust-worker-1", "locust-worker-2"]
    master = finished.scrapes["locust-master"]
    assert master["locust_users_target", ()] == 0
    assert value(master, "locust_workers", state="running") == 2
    assert value(master, "locust_workers", state="missing") == 0
    for samples in finished.scrapes.values():
        assert samples["process_resident_memory_bytes", ()] > 2**20
        assert samples["process_cpu_seconds_total", ()] > 0
        assert samples["locust_loop_lag_seconds_count", ()] > 20
        assert samples["locust_request_names_capped", ()] == 0
        assert not any("arrival" in name for name, _ in samples)


def test_the_plans_shape_replaces_the_locustfiles_own_and_that_is_said(finished: FinishedLoad) -> None:
    assert finished.status.notes == ("the plan's stages replace the load shape OwnShape of the locustfile",)


def test_headers_modules_and_relative_data_files_work(finished: FinishedLoad) -> None:
    headers = finished.target.headers
    assert headers["/status"]["authorization"] == "Bearer of-the-plan"
    assert headers["/ok"]["authorization"] == "Bearer of-the-plan"
    assert finished.target.seen["/unwanted"] == 0
    assert (finished.folder / "logs" / "locust-worker-1.log").is_file()


def test_stray_configuration_wrote_nothing_and_nothing_is_left_running(finished: FinishedLoad) -> None:
    assert list(finished.folder.glob("stray*")) == []
    assert finished.after_stop == []


def test_only_the_bearer_of_the_token_controls_the_load(finished: FinishedLoad) -> None:
    assert finished.refused == [401, 401, 401, 404]


def test_the_token_and_the_announcements_stay_in_a_private_folder(finished: FinishedLoad) -> None:
    control = finished.folder / "control"
    assert control.stat().st_mode & 0o077 == 0
    announced = json.loads((control / "locust-worker-2.json").read_text())
    assert set(announced) == {"pid", "port", "client_id"}


def test_a_control_client_names_what_does_not_answer() -> None:
    with pytest.raises(ControlError, match="did not answer GET /status"):
        ControlClient(9, "token", timeout=1).status()
