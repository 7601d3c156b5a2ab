"""The shipped stack on a real engine: three short runs on one set of volumes, each test after the one before.

Grafana is the one service left out here; tests/dashboards looks at its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.selftest.whole_run import STEADY
from tests.e2e.compose import security
from tests.e2e.compose.engine import Engine
from tests.e2e.compose.prometheus import Prometheus
from tests.e2e.compose.receiver import Receiver, receiver
from tests.e2e.compose.stack import USER, Run, Stack, new_project
from tests.servers import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STANDING = {
    *(f"endurance-{name}-1" for name in ("alertmanager", "docker-proxy", "locust-master", "pidns", "postgres")),
    *(f"endurance-{name}-1" for name in ("prometheus", "redis", "sidecar", "target")),
    *(f"endurance-locust-worker-{number}" for number in (1, 2, 3)),
}
OVER = {"endurance-harness-1", "endurance-init-1", "endurance-fault-1"}
SCALE = ("--scale", "locust-worker=3")
EXIT_CODE = "(exit $(docker wait $(docker compose ps -aq harness)))"  # docs/compose.md: for scripts


@pytest.fixture(scope="module")
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(scope="module")
def stack(engine: Engine, hook: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    project = new_project(tmp_path_factory.mktemp("stack"))
    variables = {"NOTIFY_WEBHOOK_URL": f"{hook.url}/verdict", "ALERT_WEBHOOK_URL": f"{hook.url}/alerts"}
    made = Stack(engine, project, variables=variables)
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def clean(stack: Stack) -> tuple[int, Run]:
    """`docker compose up -d && docker compose wait harness`, with three workers."""
    stack.up(*SCALE)
    return stack.end()


@pytest.fixture(scope="module")
def faulty(stack: Stack, clean: tuple[int, Run]) -> tuple[int, Run]:
    """A second `up` on the same volumes, with a fault switched on."""
    stack.up(*SCALE, FAULT="error_burst:ratio=0.7")
    return stack.end()


def test_a_clean_run_passes_and_the_stack_stays(stack: Stack, clean: tuple[int, Run]) -> None:
    code, run = clean
    assert (code, run.record["ended_by"]) == (0, "completed"), run.said()
    assert run.verdict["outcome"] in ("pass", "warn"), run.said()
    judged = {entry["objective"]: entry["outcome"] for entry in run.verdict["objectives"]}
    # What the sidecar, the target's own metrics and the load see has all been judged.
    for objective in ("latency_p95", "error_ratio", "throughput", "memory_limit", "db_pool_use", "restarts"):
        assert judged.get(objective) == "pass", run.said()
    assert stack.states() == dict.fromkeys(STANDING, "running") | dict.fromkeys(OVER, "exited")


def test_a_script_learns_the_code_of_a_run_that_is_over(stack: Stack, clean: tuple[int, Run]) -> None:
    assert EXIT_CODE in (ROOT / "docs/compose.md").read_text()
    assert stack.shell(EXIT_CODE) == clean[0]


def test_the_run_directory_is_complete_and_the_users(clean: tuple[int, Run]) -> None:
    _, run = clean
    wanted = {"run.json", "plan.yml", "verdict.json", "report.html", "junit.xml", "summary.md", "tsdb", "logs"}
    wanted |= {"alerts.jsonl"}
    assert wanted <= {path.name for path in run.path.iterdir()}
    everything = [run.path.parent, run.path, *run.path.rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in everything} == {(USER, USER)}
    logs = {path.name for path in (run.path / "logs").iterdir()}
    assert len([name for name in logs if "locust" in name or name.endswith(".log")]) >= 4, logs


def test_three_workers_are_scraped_and_summed(stack: Stack, clean: tuple[int, Run]) -> None:
    _, run = clean
    prometheus = Prometheus(stack)
    during = prometheus.within(run)
    up = prometheus.query(f'count(max_over_time(up{{job="load"}}[{during}]) == 1)', run)
    assert up == [({}, 4.0)], "a master and three workers"
    users = prometheus.query(f"max by (instance) (max_over_time(locust_users[{during}])) > 0", run)
    assert len(users) == 3
    assert all(13 <= value <= 14 for _, value in users), users
    made = prometheus.query("sum by (instance) (locust_request_duration_seconds_count) > 0", run)
    assert len(made) == 3
    total = sum(value for _, value in made)
    assert max(value for _, value in made) < 0.5 * total
    [(_, recorded)] = prometheus.query(f"sum(max_over_time(harness:locust_users:sum[{during}]))", run)
    assert recorded == 40


def test_the_verdict_is_notified(hook: Receiver, clean: tuple[int, Run]) -> None:
    _, run = clean
    [notice] = [entry for entry in hook.posted.get("/verdict", []) if entry["run_id"] == run.record["run_id"]]
    assert notice["outcome"] == run.verdict["outcome"]
    assert notice["exit_code"] == 0
    assert notice["report"] == f"./runs/{run.record['run_id']}/report.html"
    assert notice["text"].upper().startswith(run.verdict["outcome"].upper())


def test_the_dead_mans_switch_is_delivered(clean: tuple[int, Run]) -> None:
    _, run = clean
    assert "Watchdog" in {alert["labels"]["alertname"] for alert in run.alerts()}
    assert not [finding for finding in run.verdict["findings"] if "notification path" in finding["summary"]]


def test_a_fault_fails_the_second_run(stack: Stack, hook: Receiver, faulty: tuple[int, Run]) -> None:
    code, run = faulty
    assert code == 10, run.said()
    assert run.verdict["outcome"] == "fail"
    assert run.verdict["first_cause"]["signal"] == "errors", run.said()
    [notice] = [entry for entry in hook.posted.get("/verdict", []) if entry["run_id"] == run.record["run_id"]]
    assert (notice["outcome"], notice["exit_code"]) == ("fail", 10)
    assert "error" in notice["first_cause"]
    assert notice["report"] == f"./runs/{run.record['run_id']}/report.html"
    assert notice["first_cause"] in notice["text"], "what Slack shows"
    assert stack.shell(EXIT_CODE) == 10
    # The target was made anew before this run, not in it.
    assert "restarts" not in {alert["labels"].get("signal") for alert in run.alerts()}


def test_an_alert_reaches_the_webhook_and_the_run_directory(hook: Receiver, faulty: tuple[int, Run]) -> None:
    _, run = faulty
    errors = [alert for alert in run.alerts() if alert["labels"].get("signal") == "errors"]
    assert errors, [alert["labels"] for alert in run.alerts()]
    assert {alert["labels"]["severity"] for alert in errors} <= {"critical", "warning"}
    delivered = [alert for group in hook.posted["/alerts"] for alert in group["alerts"]]
    assert "errors" in {alert["labels"].get("signal") for alert in delivered}, "people's own webhook"
    assert "Watchdog" not in {alert["labels"]["alertname"] for alert in delivered}, "nobody wants it twice a minute"


def test_stop_in_mid_run_still_writes_a_verdict(stack: Stack, clean: tuple[int, Run]) -> None:
    before = len(stack.runs)
    stack.begin(*SCALE, when=STEADY)
    # While it is on: every port is open that ever is.
    security.check_closed(stack, run=True)
    stack.compose("stop", timeout=300)
    assert len(stack.runs) == before + 1
    run = Run(stack.runs[-1])
    assert run.record["ended_by"] == "interrupted"
    assert run.verdict["outcome"] == "inconclusive", run.said()
    assert (run.path / "report.html").is_file()
    assert stack.inspect("harness")["State"]["ExitCode"] == 11
    assert set(stack.states().values()) == {"exited"}


def test_down_leaves_nothing(stack: Stack, clean: tuple[int, Run]) -> None:
    stack.compose("down", "-v")
    engine = stack.engine
    assert engine.lines("ps", "-aq") == []
    assert engine.lines("volume", "ls", "-q") == []
    assert [name for name in engine.lines("network", "ls", "--format", "{{.Name}}") if "endurance" in name] == []
    assert all(Path(run, "verdict.json").is_file() for run in stack.runs)
