from __future__ import annotations

import pytest

from harness.errors import PlanError
from harness.plan.loading import load_plan_text
from harness.plan.model import REFERENCE_URL
from harness.plan.objectives import Objective
from tests.plan.small_plan import MINIMAL, load, refused, with_line


def test_a_minimal_plan_has_the_inherited_objectives_and_defaults() -> None:
    plan = load(MINIMAL)
    assert plan.objectives == (
        Objective("error_ratio", 0.01, "<=", inherited=True),
        Objective("db_pool_waiting", 0.0, "<=", inherited=True),
        Objective("restarts", 0.0, "<=", inherited=True),
    )
    assert (plan.kind, plan.scrape_interval, plan.horizon, plan.abort_on) == ("soak", 5.0, 86_400.0, ("critical",))
    assert (plan.load.duration, plan.steady_seconds, plan.load.stages[0].users) == (300.0, 300.0, 3)


def test_every_section_arrives_as_a_typed_value() -> None:
    plan = load(
        """
name: full
kind: smoke
stack: blue
target:
  url: https://shop.example:8443/base/
  allow_hosts: [shop.example]
  headers: {X-Id: 007, X-Flag: off}
  timeout: 1m30s
  health_path: /up
  metrics: [http://localhost:9/metrics]
  processes: [{name: web, match: "gunicorn.*app"}, {name: db, pid: 12}, {name: job, pidfile: /run/job.pid}]
  containers: [target]
  databases: [{name: main, url: "postgresql://u:p@h/db"}, {name: bouncer, url: "pgbouncer://h:6432"}]
  redis: [{name: cache, url: "rediss://h:6380/1"}]
prometheus: {url: "http://localhost:9090", selector: '{harness="blue", job=~"a|b"}'}
scrape_interval: 2s
horizon: 2d
load:
  locustfile: l.py
  model: closed
  workers: 2
  warmup: 90s
  seed: 7
  max_users: 50
  user_classes: [A, B]
  stages:
  - {duration: 60, users: 5, spawn_rate: 0.5}
  - {duration: 1h, users: 5}
objectives:
  latency_p95: 800ms
  latency_p99: "< 2s"
  throughput: ">= 100 rps"
  memory_limit: 512MiB
  restarts: off
  endpoints:
    "POST /login": {latency_p95: 500ms, error_ratio: 0.1%}
baseline: {name: main, last_passed: 10}
abort_on: [critical, TargetMemoryHigh]
"""
    )
    assert plan.target.url == "https://shop.example:8443/base"
    assert plan.target.headers == {"X-Id": "007", "X-Flag": "off"}, "header values stay as written"
    assert plan.target.timeout == 90.0
    assert [(p.match, p.pid, p.pidfile) for p in plan.target.processes] == [
        ("gunicorn.*app", None, None),
        (None, 12, None),
        (None, None, "/run/job.pid"),
    ]
    assert plan.prometheus is not None and plan.prometheus.selector == '{harness="blue", job=~"a|b"}'
    assert (plan.load.stages[0].duration, plan.load.stages[0].spawn_rate) == (60.0, 0.5)
    assert {(o.subject, o.name): (o.op, o.limit) for o in plan.objectives} == {
        ("all", "latency_p95"): ("<=", 0.8),
        ("all", "latency_p99"): ("<=", 2.0),
        ("all", "throughput"): (">=", 100.0),
        ("all", "memory_limit"): ("<=", 2.0**29),
        ("all", "error_ratio"): ("<=", 0.01),
        ("all", "db_pool_waiting"): ("<=", 0.0),
        ("POST /login", "latency_p95"): ("<=", 0.5),
        ("POST /login", "error_ratio"): ("<=", 0.001),
    }
    assert plan.objectives_off == ("restarts",)
    assert plan.latency_limits == (0.5, 0.8, 2.0)


def test_loopback_names_stand_for_each_other() -> None:
    for host in ("127.0.0.1", "[::1]", "LOCALHOST", "127.8.8.8"):
        text = f"target: {{url: 'http://{host}', allow_hosts: [localhost]}}\n"
        load(text + "load: {stages: [{duration: 1m, users: 1}]}")
    assert "not in allow_hosts" in refused(with_line("load:", "  allow_hosts: [example.org]\nload:"))
    assert "not in allow_hosts" in refused(with_line("load:", "  allow_hosts: []\nload:"))
    for evil in ("localhost.evil.example", "localhost@evil.example", "127.0.0.1.nip.io"):
        assert "not in allow_hosts" in refused(with_line("localhost:5000", evil))


def test_allow_host_adds_to_the_plan_and_stays_in_it() -> None:
    text = with_line("localhost:5000", "staging.example")
    plan = load_plan_text(text, where="x.yml", environ={}, allow_hosts=["staging.example"])
    assert plan.target.allow_hosts == ("localhost", "127.0.0.1", "::1", "staging.example")


def test_a_reference_target_needs_no_url() -> None:
    for written in ("mingus", "true"):
        plan = load(f"target: {{reference: {written}}}\nload: {{stages: [{{duration: 1m, users: 1}}]}}")
        assert plan.target.reference is True and plan.target.url == REFERENCE_URL
    assert "target.url is missing" in refused("target: {reference: false}\nload: {stages: [{duration: 1m, users: 1}]}")


def test_the_name_comes_from_the_file_when_it_is_not_given() -> None:
    assert load(MINIMAL.replace("name: x\n", "")).name == "x"


def test_alert_names_are_checked_when_they_are_known() -> None:
    text = MINIMAL + "abort_on: [TargetDown]\n"
    assert load_plan_text(text, where="x", environ={}, alert_names=["TargetDown"]).abort_on == ("TargetDown",)
    with pytest.raises(PlanError, match="did you mean 'TargetDown'"):
        load_plan_text(text.replace("TargetDown", "TargetDwon"), where="x", environ={}, alert_names=["TargetDown"])


def test_off_removes_an_objective_and_is_remembered() -> None:
    plan = load(MINIMAL + "objectives:\n  error_ratio: off\n  endpoints: {GET /a: {latency_p95: off}}\n")
    assert [o.name for o in plan.objectives] == ["db_pool_waiting", "restarts"]
    assert plan.objectives_off == ("GET /a latency_p95", "error_ratio")
