"""The live Prometheus of a run, our own and a named one, with a real server and the run's own metrics."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporters.metric_names import STACK
from harness.assets import rules_path
from harness.errors import PreflightError
from harness.plan.model import Plan, PrometheusTarget
from harness.prom.config import write_targets
from harness.prom.server import PrometheusServer
from harness.run.live_view import LiveView, last_scrapes_missing
from harness.run.named_prometheus import FILE_SD_VARIABLE, check_named_prometheus, remove_leftovers
from harness.run.record import RunDirectory
from harness.run.run_metrics import RunMetrics, serve_run_metrics
from harness.run.telemetry import NamedPrometheus, OwnPrometheus, Sources, rule_files
from tests.run.plans import make_plan


def wait_for(condition: Callable[[], object], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run")
    directory.work.mkdir(parents=True)
    directory.logs.mkdir()
    return directory


@pytest.fixture
def run_metrics() -> Iterator[str]:
    with serve_run_metrics(RunMetrics(make_plan(), "r1", ())) as address:
        yield address


def test_our_own_scrapes_follows_targets_and_is_recovered_after_its_death(
    directory: RunDirectory, run_metrics: str
) -> None:
    began = time.time()
    plan = make_plan()
    own = OwnPrometheus(plan, directory, Sources(run_metrics, None), rule_files(rules_path()))
    try:
        assert own.ended() is None
        view = LiveView(own.api, plan.stack, plan.scrape_interval)
        assert view.figures(time.time()).rps is None
        assert view.firing() == ()
        assert last_scrapes_missing(view, ["locust-master"], began, time.time()) == ["locust-master"]
        own.set_load_targets([("locust-master", run_metrics)])
        wait_for(lambda: not last_scrapes_missing(view, ["locust-master"], began, time.time()))
        assert last_scrapes_missing(view, ["locust-master"], time.time() + 60, time.time()) == ["locust-master"]
        wait_for(lambda: own.api.query('harness_run_info{run_id="r1",harness="default"}', time.time()))

        pid = own._server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not own.server.alive())
        assert last_scrapes_missing(view, ["locust-master"], began, time.time()) == ["locust-master"]
        own.archive(began, time.time())
        assert list(directory.tsdb.glob("*/meta.json"))
    finally:
        own.close()
    assert (directory.logs / "prometheus.log").read_text()


def test_a_log_that_a_full_disk_does_not_take_is_left(directory: RunDirectory, run_metrics: str) -> None:
    own = OwnPrometheus(make_plan(), directory, Sources(run_metrics, None), rule_files(rules_path()))
    (directory.logs / "prometheus.log").symlink_to("/dev/full")
    own.close()
    assert not own.server.alive()
    assert own.server.log_file.read_text()


def named(tmp_path: Path, *, rules: bool, every: str = "1s") -> tuple[PrometheusServer, Path]:
    folder = tmp_path / "sd"
    folder.mkdir()
    config = {
        "global": {"scrape_interval": every, "evaluation_interval": "1s"},
        "rule_files": [str(p) for p in rule_files(rules_path())] if rules else [],
        "scrape_configs": [
            {"job_name": "x", "file_sd_configs": [{"files": [f"{folder}/*.json"], "refresh_interval": "1s"}]}
        ],
    }
    return PrometheusServer(tmp_path / "data", tmp_path / "prom", config=json.dumps(config), lookback=3.0), folder


def start_named(
    plan: Plan, directory: RunDirectory, run_id: str, address: str, environ: dict[str, str]
) -> NamedPrometheus:
    assert plan.prometheus is not None
    return NamedPrometheus(
        plan, plan.prometheus, directory, run_id, Sources(address, None), environ, time.time, lambda: None
    )


def test_a_named_one_finds_the_run_and_holds_one_run_per_stack(
    tmp_path: Path, directory: RunDirectory, run_metrics: str
) -> None:
    server, folder = named(tmp_path, rules=True)
    environ = {FILE_SD_VARIABLE: str(folder)}
    with server:
        target = PrometheusTarget(url=server.url)
        plan = make_plan(prometheus=target, scrape_interval=1.0)
        assert "finds targets in" in check_named_prometheus(target, plan, environ, time.time())
        began = time.time()
        write_targets(folder / "r0-load-1.json", [("locust-master", "127.0.0.1:1")], {"job": "load", STACK: "default"})
        run = start_named(plan, directory, "r1", run_metrics, environ)
        assert [p.name for p in folder.iterdir()] == ["r1-harness-1.json"], "r0 was killed: its targets are nobody's"
        assert run.ended() is None
        with pytest.raises(PreflightError, match=r"a run of the stack 'default' is on at .*: r1"):
            check_named_prometheus(target, plan, environ, time.time())
        check_named_prometheus(target, plan.model_copy(update={"stack": "other"}), environ, time.time())
        with (
            serve_run_metrics(RunMetrics(plan, "r2", ())) as second,
            pytest.raises(PreflightError, match="another run of the stack 'default' is on"),
        ):
            start_named(plan, directory, "r2", second, environ)
        assert [p.name for p in folder.iterdir()] == ["r1-harness-1.json"], "the refused run took its files away"
        run.archive(began, time.time())
        assert list(directory.tsdb.glob("*/meta.json"))
        run.close()
        assert not list(folder.iterdir())


def test_a_named_one_scrapes_as_often_as_the_plan_says(
    tmp_path: Path, directory: RunDirectory, run_metrics: str
) -> None:
    """Most are set to 15 s or a minute: a third of a plan's samples would be there, and no run could pass."""
    server, folder = named(tmp_path, rules=True, every="1m")
    with server:
        plan = make_plan(prometheus=PrometheusTarget(url=server.url), scrape_interval=1.5)
        run = start_named(plan, directory, "r1", run_metrics, {FILE_SD_VARIABLE: str(folder)})
        try:
            [found] = run.api.targets()
            assert (found["scrapeInterval"], found["scrapeTimeout"]) == ("1500ms", "1500ms")
            assert found["labels"] == {"instance": "harness", "job": "harness", STACK: "default"}
        finally:
            run.close()


def test_what_a_killed_run_left_in_the_watched_folder_goes_and_nothing_else(tmp_path: Path) -> None:
    def targets(name: str, stack: str) -> None:
        write_targets(tmp_path / name, [("locust-master", "127.0.0.1:1")], {"job": "load", STACK: stack})

    targets("20261122T151830Z-soak-24h-load-1.json", "default")
    targets("20261122T151830Z-soak-24h-target-12.json", "default")
    targets("r1-load-1.json", "other")
    targets("mine.json", "default")
    (tmp_path / "r2-load-1.json").write_text("[]")
    (tmp_path / "r3-load-1.json").write_text('[{"targets": ["a:1"]}]')
    remove_leftovers(tmp_path, "default")
    kept = {"r1-load-1.json", "mine.json", "r2-load-1.json", "r3-load-1.json"}
    assert {p.name for p in tmp_path.iterdir()} == kept


def test_a_named_one_without_the_rules_or_the_folder_is_refused(tmp_path: Path) -> None:
    server, folder = named(tmp_path, rules=False)
    with server:
        target = PrometheusTarget(url=server.url)
        plan = make_plan(prometheus=target)
        with pytest.raises(PreflightError, match="does not evaluate the harness's rules"):
            check_named_prometheus(target, plan, {FILE_SD_VARIABLE: str(folder)}, time.time())
        with pytest.raises(PreflightError, match="is not set"):
            check_named_prometheus(target, plan, {}, time.time())
        with pytest.raises(PreflightError, match="is not a folder"):
            check_named_prometheus(target, plan, {FILE_SD_VARIABLE: "/no/such"}, time.time())
    with pytest.raises(PreflightError, match="cannot connect") as error:
        check_named_prometheus(target, plan, {FILE_SD_VARIABLE: str(folder)}, time.time())
    assert "--local" in error.value.remedy
