"""What happens to a run of the stack when one of its parts is lost; and faults that need longer."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.e2e.compose.engine import Engine
from tests.e2e.compose.prometheus import Prometheus
from tests.e2e.compose.receiver import receiver
from tests.e2e.compose.stack import Stack, new_project

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

AWAY = 8.0  # seconds: more than a scrape interval
LATE_SCRAPE = 7.5  # seconds: scrapes are 5 s apart, on a busy machine a little more


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all of them: each run is a further `up` on it."""
    made = Stack(engine, new_project(tmp_path_factory.mktemp("losses")))
    try:
        yield made
    finally:
        made.down()


def kill_main_process(stack: Stack, service: str, number: int = 1) -> None:
    """As a crash: `docker kill` would count as the user's wish, and Docker would not start it again."""
    os.kill(stack.inspect(service, number)["State"]["Pid"], signal.SIGKILL)


def test_a_worker_killed_in_mid_run(stack: Stack) -> None:
    stack.begin("--scale", "locust-worker=3")
    kill_main_process(stack, "locust-worker", 2)
    code, run = stack.end()
    assert code in (0, 11), run.said()
    assert run.record["ended_by"] == "completed"
    assert "worker" in run.said().lower(), run.said()
    assert run.verdict["outcome"] in ("warn", "inconclusive")
    assert stack.inspect("locust-worker", 2)["State"]["Running"]


def test_the_sidecar_stopped_half_way(stack: Stack) -> None:
    stack.begin()
    stack.compose("stop", "sidecar")
    code, run = stack.end()
    assert code == 11, run.said()
    assert run.verdict["outcome"] == "inconclusive"
    assert "memory_limit" in {o["objective"] for o in run.verdict["objectives"] if o["outcome"] == "inconclusive"}


def test_prometheus_restarted_in_mid_run(stack: Stack) -> None:
    stack.begin()
    before = time.time()
    stack.compose("stop", "prometheus")
    time.sleep(AWAY)
    stack.compose("start", "prometheus")
    after = time.time()
    code, run = stack.end()
    assert code in (0, 11), run.said()
    assert run.record["ended_by"] == "completed"
    # Nothing lost beyond the gap: every scrape before and after it is there, 5 s apart.
    scraped = Prometheus(stack).scraped('up{job="sidecar"}', run)
    [(last, next_)] = [(a, b) for a, b in pairwise(scraped) if b - a > LATE_SCRAPE]
    assert before - LATE_SCRAPE < last < after
    assert before < next_ < after + 2 * LATE_SCRAPE
    # And the verdict tells it, with its length.
    gaps = {row["metric"]: row["longest_gap"] for row in run.verdict["coverage"]["series"]}
    assert gaps["container_memory_working_set_bytes"] == pytest.approx(next_ - last, abs=LATE_SCRAPE)
    assert "Prometheus scraped nothing at all from" in run.said(), run.said()
    assert "Prometheus did not answer" in str(run.record["notes"])


def test_a_leak_that_meets_the_containers_limit(stack: Stack) -> None:
    # Two workers of gunicorn hold some 150 MB; the kernel kills the larger one when the leak has filled the rest.
    stack.up(FAULT="memory_leak:mb_per_s=5", TARGET_MEMORY="400m")
    code, run = stack.end()
    assert code == 10, run.said()
    assert (run.verdict["first_cause"]["signal"], run.record["ended_by"]) == ("restarts", "completed"), run.said()
    named = {(f["check"], f["subject"].get("kind")): f["summary"] for f in run.verdict["findings"]}
    assert "restarts of process:web: " in named["objectives", "process"]
    assert "killed for memory" in named["objectives", "container"]
    assert "ContainerOomKilled fired" in named["alerts", "container"]
    # The sidecar outlived it: no scrape of it failed or is missing, and it saw the processes to the end.
    prometheus = Prometheus(stack)
    during = prometheus.within(run)
    [(_, lowest)] = prometheus.query(f'min_over_time(up{{job="sidecar"}}[{during}])', run)
    assert lowest == 1
    assert max(b - a for a, b in pairwise(prometheus.scraped('up{job="sidecar"}', run))) < LATE_SCRAPE
    collectors = prometheus.query(f'min_over_time(harness_collector_up{{job="sidecar"}}[{during}])', run)
    assert len(collectors) >= 4, collectors
    assert {value for _, value in collectors} == {1.0}, collectors


def test_a_growing_leak_is_named(stack: Stack) -> None:
    stack.up(PLAN="smoke", FAULT="memory_leak", TARGET_MEMORY="1g")
    code, run = stack.end()
    assert code == 10, run.said()
    assert run.verdict["first_cause"]["signal"] == "memory", run.said()


def test_a_service_of_ones_own(engine: Engine, stack: Stack) -> None:
    stack.down()
    plan = stack.project / "plans" / "own.yml"
    plan.write_text(
        "name: own\nkind: smoke\ntarget:\n  url: ${TEST_BASE_URL}\n  health_path: /\n"
        "load:\n  locustfile: own_locustfile.py\n  warmup: 15s\n  stages: [{duration: 100s, users: 20}]\n"
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
        code, run = own.end()
        assert {"endurance-target-1", "endurance-postgres-1", "endurance-redis-1"}.isdisjoint(own.states())
        own.down()
    assert code == 0, run.said()
    judged = {entry["objective"]: entry["outcome"] for entry in run.verdict["objectives"]}
    assert judged["latency_p95"] == judged["throughput"] == judged["error_ratio"] == "pass"
