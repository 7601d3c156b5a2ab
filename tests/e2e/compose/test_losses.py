"""What happens to a run of the stack when one of its parts is lost; and faults that need longer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.compose.engine import Engine
from tests.e2e.compose.prometheus import Prometheus
from tests.e2e.compose.receiver import receiver
from tests.e2e.compose.stack import Run, Stack, new_project

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

HALF_WAY = ("steady    4", "steady    5", "steady    6")


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all of them: each run is a further `up` on it."""
    made = Stack(engine, new_project(tmp_path_factory.mktemp("losses")))
    try:
        yield made
    finally:
        made.down()


def begin(stack: Stack, *arguments: str, **variables: str) -> None:
    """Starts a run and returns when its steady state is half over."""
    before = harness_log(stack)
    stack.up(*arguments, **variables)
    stack.await_(lambda: any(line in harness_log(stack)[len(before) :] for line in HALF_WAY), "steady state", 200)


def harness_log(stack: Stack) -> str:
    return "\n".join(
        line.partition("| ")[2]
        for line in stack.compose("logs", "--no-color", "harness", check=False).stdout.split("\n")
    )


def end(stack: Stack) -> tuple[int, Run]:
    code = stack.wait()
    run = Run(stack.runs[-1])
    print(run.said())
    return code, run


def kill_main_process(stack: Stack, service: str, number: int = 1) -> None:
    """As a crash: `docker kill` would count as the user's wish, and Docker would not start it again."""
    os.kill(stack.inspect(service, number)["State"]["Pid"], signal.SIGKILL)


def test_a_worker_killed_in_mid_run(stack: Stack) -> None:
    begin(stack, "--scale", "locust-worker=3")
    kill_main_process(stack, "locust-worker", 2)
    code, run = end(stack)
    assert code in (0, 11), run.said()
    assert run.record["ended_by"] == "completed"
    assert "worker" in run.said().lower(), run.said()
    assert run.verdict["outcome"] in ("warn", "inconclusive")
    assert stack.inspect("locust-worker", 2)["State"]["Running"]


def test_the_sidecar_stopped_half_way(stack: Stack) -> None:
    begin(stack)
    stack.compose("stop", "sidecar")
    code, run = end(stack)
    assert code == 11, run.said()
    assert run.verdict["outcome"] == "inconclusive"
    assert "memory_limit" in {o["objective"] for o in run.verdict["objectives"] if o["outcome"] == "inconclusive"}


def test_prometheus_restarted_in_mid_run(stack: Stack) -> None:
    begin(stack)
    stack.compose("restart", "prometheus")
    code, run = end(stack)
    assert code in (0, 11), run.said()
    assert run.record["ended_by"] == "completed"
    prometheus = Prometheus(stack)
    # Nothing lost beyond the gap: what was scraped before the restart is still there.
    during = prometheus.within(run)
    [(_, samples)] = prometheus.query(f'count_over_time(up{{job="sidecar"}}[{during}])', run)
    assert 8 <= samples < 17, samples
    assert "gap" in (run.said() + str(run.verdict["coverage"])).lower()


def test_a_leak_that_meets_the_containers_limit(stack: Stack) -> None:
    # Two workers of gunicorn hold some 150 MB; the kernel kills the larger one when the leak has filled the rest.
    stack.up(FAULT="memory_leak:mb_per_s=5", TARGET_MEMORY="400m")
    code, run = end(stack)
    prometheus = Prometheus(stack)
    during = prometheus.within(run)
    [(_, kills)] = prometheus.query("max(container_oom_events_total)", run)
    assert kills >= 1
    assert code == 10, run.said()
    restarts = [finding for finding in run.verdict["findings"] if finding["signal"] == "restarts"]
    assert restarts, run.said()
    assert any("memory" in finding["summary"].lower() or "oom" in finding["summary"].lower() for finding in restarts)
    # The sidecar outlived it: no scrape of it failed.
    [(_, lowest)] = prometheus.query(f'min_over_time(up{{job="sidecar"}}[{during}])', run)
    assert lowest == 1
    [(_, watched)] = prometheus.query('harness_collector_up{collector=~"process.*"} or vector(-1)', run)[:1]
    assert watched == 1


def test_the_first_up_of_all_passes(stack: Stack) -> None:
    """The default plan, nothing set."""
    stack.up(PLAN="")
    code, run = end(stack)
    assert (code, run.record["plan"]) == (0, "smoke"), run.said()


def test_a_growing_leak_is_named(stack: Stack) -> None:
    stack.up(PLAN="smoke", FAULT="memory_leak", TARGET_MEMORY="1g")
    code, run = end(stack)
    assert code == 10, run.said()
    assert run.verdict["first_cause"]["signal"] == "memory", run.said()


def test_a_service_of_ones_own(engine: Engine, stack: Stack) -> None:
    stack.down()
    plan = stack.project / "plans" / "own.yml"
    plan.write_text(
        "name: own\nkind: smoke\ntarget:\n  url: ${TEST_BASE_URL}\n  health_path: /\n"
        "load:\n  locustfile: own_locustfile.py\n  warmup: 15s\n  stages: [{duration: 75s, users: 5}]\n"
        'objectives:\n  latency_p95: 5s\n  throughput: ">= 1 rps"\n  restarts: off\n  db_pool_waiting: off\n'
    )
    (stack.project / "plans" / "own_locustfile.py").write_text(
        "from locust import FastHttpUser, constant, task\n\n\n"
        "class Visitor(FastHttpUser):\n    wait_time = constant(1)\n\n"
        '    @task\n    def front(self):\n        self.client.get("/")\n'
    )
    with receiver() as service:
        own = Stack(engine, stack.project, files=("docker-compose.yml", "compose.own.yml"))
        own.variables = {"TEST_BASE_URL": f"http://host.docker.internal:{service.port}", "PLAN": "plans/own.yml"}
        own.up()
        code, run = end(own)
        assert {"endurance-target-1", "endurance-postgres-1", "endurance-redis-1"}.isdisjoint(own.states())
        own.down()
    assert code == 0, run.said()
    judged = {entry["objective"]: entry["outcome"] for entry in run.verdict["objectives"]}
    assert judged["latency_p95"] == judged["throughput"] == judged["error_ratio"] == "pass"
