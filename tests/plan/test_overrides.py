from __future__ import annotations

from typing import Any

import pytest

from harness.errors import PlanError
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan

TEXT = """\
name: x
target:
  url: http://localhost:5000
load:
  locustfile: l.py
  stages: [{duration: 5m, users: 3}, {duration: 1h, users: 3}]
objectives:
  memory_growth: 5%
  endpoints:
    "GET /a.b": {latency_p95: 1s}
"""


def load(*overrides: tuple[str, str], **environ: str) -> Plan:
    return load_plan_text(TEXT, where="x.yml", environ=environ, overrides=overrides)


def test_no_override_changes_nothing() -> None:
    assert load() == load_plan_text(TEXT, where="x.yml", environ={})


def test_values_are_placed_by_their_dotted_key() -> None:
    plan = load(
        ("load.workers", "2"),
        ("load.stages.1.users", "40"),
        ("objectives.memory_growth", "off"),
        ("objectives.throughput", ">= 100 rps"),
        ("abort_on", "[critical, warning]"),
        ("target.headers.X-Token", "a: b"),
        ("horizon", " 2h "),
    )
    assert plan.load.workers == 2
    assert [stage.users for stage in plan.load.stages] == [3, 40]
    assert plan.objectives_off == ("memory_growth",)
    throughput = plan.objective("throughput")
    assert throughput is not None and throughput.limit == 100.0
    assert plan.abort_on == ("critical", "warning")
    assert plan.target.headers == {"X-Token": "a: b"}
    assert plan.horizon == 7200.0


def test_the_last_of_two_wins() -> None:
    assert load(("load.workers", "2"), ("load.workers", "3")).load.workers == 3


def test_a_list_can_be_replaced_whole() -> None:
    plan = load(("load.stages", "[{duration: 30s, users: 9}]"))
    assert [(s.duration, s.users) for s in plan.load.stages] == [(30.0, 9)]


def test_keys_with_dots_and_blanks() -> None:
    for key in ("objectives.endpoints.GET /a.b.latency_p95", 'objectives.endpoints."GET /a.b".latency_p95'):
        assert [o.limit for o in load((key, "2s")).objectives if o.endpoint == "/a.b"] == [2.0]
    new = load(('objectives.endpoints."POST /x.y".error_ratio', "2%"))
    assert [(o.subject, o.limit) for o in new.objectives if o.method == "POST"] == [("POST /x.y", 0.02)]


def test_a_set_target_url_is_no_reference_target() -> None:
    text = "target: {reference: mingus}\nload: {stages: [{duration: 1m, users: 1}]}"
    plan = load_plan_text(text, where="x", environ={}, overrides=[("target.url", "http://localhost:1")])
    assert (plan.target.reference, plan.target.url) == (False, "http://localhost:1")


def test_an_override_can_stand_in_for_an_unset_variable() -> None:
    text = TEXT.replace("http://localhost:5000", "${NOT_SET}")
    plan = load_plan_text(text, where="x", environ={}, overrides=[("target.url", "http://localhost:1")])
    assert plan.target.url == "http://localhost:1"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("", "1", "--set: the key is empty"),
        (".", "1", "--set .: not a dotted key"),
        ("load.", "1", "--set load.: a step of the key is empty"),
        ("load..workers", "1", "--set load..workers: not a dotted key"),
        ("load.wrkers", "1", "--set load.wrkers: unknown key 'wrkers' in load; did you mean 'workers'?"),
        ("load.workers", "many", "--set load.workers: load.workers must be a whole number, not 'many'"),
        ("load.workers.x", "1", "--set load.workers.x: "),
        (
            "load.stages.9.users",
            "1",
            "--set load.stages.9.users: load.stages.9 is a list of 2 items and has no item '9'",
        ),
        ("load.stages.first.users", "1", "has no item 'first'"),
        (
            "load.stages.0.duration",
            "-1m",
            "--set load.stages.0.duration: load.stages, stage 1, duration: '-1m' is negative",
        ),
        ("objectives.latency_p59", "1s", "--set objectives.latency_p59: unknown objective 'latency_p59'; did you mean"),
        ("objectives.latency_p95", "fast", "--set objectives.latency_p95: latency_p95: 'fast' is not a duration"),
        ("abort_on", "[critical", "--set abort_on: not valid YAML"),
        ("abort_on", "[critcal]", "--set abort_on: 'critcal' is neither a severity nor an alert"),
        ("target.url", "http://prod.example", "--set target.url: the host 'prod.example' is not in allow_hosts"),
        ("target.url", "${NOWHERE}", "--set target.url: the environment variable NOWHERE is not set"),
        ("a.", "1", "a step of the key is empty"),
        ("a." * 40 + "b", "1", "too many steps"),
        ("x", "y" * 70_000, "the value is longer than 64 KiB"),
    ],
)
def test_a_wrong_override_is_named(key: str, value: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        load((key, value))
    assert said in str(caught.value)
    assert "x.yml:" not in str(caught.value), "the file is not to blame"
    assert len(str(caught.value)) < 2000


def test_an_override_of_a_secret_is_not_repeated() -> None:
    with pytest.raises(PlanError) as caught:
        load(("target.headers", "[s3cret]"))
    assert "s3cret" not in str(caught.value)


METRICS = """\
target:
  url: ${BASE:-http://localhost:5000/}
  metrics: ["${BASE:-http://localhost:5000}/metrics", "http://localhost:9187/metrics"]
load: {stages: [{duration: 1m, users: 1}]}
"""


@pytest.mark.parametrize(
    ("how", "moved"),
    [
        ({"target": "http://127.0.0.1:6000"}, "http://127.0.0.1:6000"),
        ({"target": "https://127.0.0.1:6000", "environ": {"BASE": "http://localhost:7000"}}, "https://127.0.0.1:6000"),
        ({"overrides": [("target.url", "http://127.0.0.1:6000")]}, "http://127.0.0.1:6000"),
        ({"environ": {"TEST_BASE_URL": "http://127.0.0.1:6000"}}, "http://127.0.0.1:6000"),
        ({"environ": {"BASE": "http://localhost:7000"}}, "http://localhost:7000"),
        ({}, "http://localhost:5000"),
    ],
)
def test_metrics_of_the_service_move_with_its_url(how: dict[str, Any], moved: str) -> None:
    plan = load_plan_text(METRICS, where="x.yml", **({"environ": {}} | how))
    assert plan.target.metrics == (f"{moved}/metrics", "http://localhost:9187/metrics"), "another server's stay"


@pytest.mark.parametrize(
    ("url", "metrics"),
    [
        ("http://localhost:5000", "http://127.0.0.1:5000/metrics"),
        ("http://127.0.0.1:5000", "http://[::1]:5000/metrics"),
        ("http://localhost", "http://LOCALHOST:80/metrics"),
    ],
)
def test_metrics_move_however_the_address_is_written(url: str, metrics: str) -> None:
    text = METRICS.replace("${BASE:-http://localhost:5000/}", url)
    text = text.replace("${BASE:-http://localhost:5000}/metrics", metrics)
    plan = load_plan_text(text, where="x.yml", environ={}, target="http://127.0.0.1:6000")
    assert plan.target.metrics == ("http://127.0.0.1:6000/metrics", "http://localhost:9187/metrics")


@pytest.mark.parametrize("metrics", ["https://localhost:5000/metrics", "http://u:pw@localhost:5000/metrics"])
def test_metrics_of_another_scheme_or_user_stay(metrics: str) -> None:
    text = METRICS.replace("${BASE:-http://localhost:5000}/metrics", metrics)
    plan = load_plan_text(text, where="x.yml", environ={}, target="http://127.0.0.1:6000")
    assert plan.target.metrics[0] == metrics


def test_metrics_that_are_named_on_the_command_line_stay() -> None:
    named = ("target.metrics", "[http://localhost:5000/metrics]")
    plan = load_plan_text(METRICS, where="x.yml", environ={}, overrides=[named], target="http://127.0.0.1:6000")
    assert plan.target.metrics == ("http://localhost:5000/metrics",)


def test_a_wrong_target_is_told_as_it_was_given() -> None:
    with pytest.raises(PlanError, match=r"^--target: the host 'prod.example' is not in allow_hosts"):
        load_plan_text(METRICS, where="x.yml", environ={}, target="http://prod.example")
