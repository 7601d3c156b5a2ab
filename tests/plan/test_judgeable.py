from __future__ import annotations

import pytest

from harness.plan.judgeable import unjudgeable
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan

ALL_SOURCES = """
  metrics: [http://localhost/metrics]
  processes: [{name: web, match: gunicorn}]
  databases: [{name: main, url: postgresql://localhost/x}]
  redis: [{name: cache, url: redis://localhost}]"""


def plan(objectives: str, *, target: str = "", load: str = "[{duration: 24h, users: 1}]", more: str = "") -> Plan:
    text = f"""
target:
  url: http://localhost{target}
load: {{locustfile: l.py, stages: {load}}}
objectives: {objectives}
{more}
"""
    return load_plan_text(text, where="x.yml", environ={})


def told(*arguments: object, **keywords: str) -> list[tuple[str, bool]]:
    return [(u.objective, u.hard) for u in unjudgeable(plan(*arguments, **keywords))]  # type: ignore[arg-type]


EVERYTHING = """{latency_p50: 1s, latency_p95: 1s, latency_p99: 1s, throughput: 1 rps, memory_growth: 5%, fd_growth: 5%,
  thread_growth: 5%, connection_growth: 5%, latency_growth: 5%, cpu_growth: 5%, disk_growth: 5%, memory_limit: 1GiB,
  cpu: 2, db_pool_use: 90%, redis_ping_p99: 5ms}"""


def test_a_day_with_every_source_can_judge_everything() -> None:
    assert told(EVERYTHING, target=ALL_SOURCES) == []


def test_nothing_watched_names_everything_that_lacks_its_data() -> None:
    missing = [
        "memory_growth",
        "fd_growth",
        "thread_growth",
        "connection_growth",
        "cpu_growth",
        "disk_growth",
        "memory_limit",
        "cpu",
        "db_pool_use",
        "redis_ping_p99",
    ]

    def written_and_inherited(**more: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool, str]]]:
        found = unjudgeable(plan(EVERYTHING, **more))
        return (
            [(u.objective, u.hard) for u in found if u.measured],
            [(u.objective, u.hard, u.words) for u in found if not u.measured],
        )

    inherited = [(name, False, "not measured") for name in ("db_pool_waiting", "restarts")]
    assert written_and_inherited() == ([(name, True) for name in missing], inherited)
    foreign = "prometheus: {url: 'http://localhost:9090'}"
    assert written_and_inherited(more=foreign) == ([(name, False) for name in missing], inherited)


def test_a_reference_target_brings_its_own_sources() -> None:
    text = "target: {reference: mingus}\nload: {stages: [{duration: 24h, users: 1}]}\nobjectives: " + EVERYTHING
    assert unjudgeable(load_plan_text(text, where="x", environ={})) == []


def test_an_inherited_pool_objective_is_judged_only_where_a_pool_is_measured() -> None:
    process = "\n  processes: [{name: web, pid: 1}]"
    [found] = unjudgeable(plan("{}", target=process))
    assert (found.objective, found.hard, found.measured) == ("db_pool_waiting", False, False)
    assert found.reason == (
        "db_pool_waiting is inherited by every plan, and "
        "target.metrics (where the application tells of its pool: db_pool_*) is missing"
    )
    assert told("{db_pool_waiting: 0}", target=process) == [("db_pool_waiting", True)]


@pytest.mark.parametrize(
    ("duration", "horizon", "enough"),
    [("6h", "24h", True), ("5h59m", "24h", False), ("150s", "10m", True), ("149s", "10m", False), ("60s", "1m", True)],
)
def test_growth_needs_a_quarter_of_its_horizon(duration: str, horizon: str, enough: bool) -> None:
    found = told(
        "{memory_growth: 5%, error_ratio: off}",
        target=ALL_SOURCES,
        load=f"[{{duration: {duration}, users: 1}}]",
        more=f"horizon: {horizon}",
    )
    assert found == ([] if enough else [("memory_growth", True)])


def test_the_words_of_a_run_too_short() -> None:
    [found] = unjudgeable(plan("{memory_growth: 5%}", target=ALL_SOURCES, load="[{duration: 10m, users: 1}]"))
    assert found.reason == "memory_growth needs 6h of steady state for its horizon of 24h; this plan has 10m"
    assert found.remedy == (
        "give --set objectives.memory_growth=off, or a longer stage, or a shorter horizon: --set horizon=40m at most"
    )
    [found] = unjudgeable(
        plan("{memory_growth: 5%, error_ratio: off}", target=ALL_SOURCES, load="[{duration: 59s, users: 1}]")
    )
    assert found.remedy == "give --set objectives.memory_growth=off, or a longer stage", "no horizon is that short"


def test_rates_need_more_than_their_own_minute() -> None:
    short = "[{duration: 69s, users: 1}]"
    assert told("{latency_p95: 1s}", target=ALL_SOURCES, load=short) == [("latency_p95", True), ("error_ratio", True)]
    assert told("{latency_p95: 1s}", target=ALL_SOURCES, load="[{duration: 70s, users: 1}]") == []


def test_an_endpoint_is_named_with_a_remedy_that_works() -> None:
    text = 'objectives: {endpoints: {"POST /a.b": {latency_p95: 1s}}}'
    short = plan('{endpoints: {"POST /a.b": {latency_p95: 1s}}}', target=ALL_SOURCES, load="[{duration: 5s, users: 1}]")
    found = {u.objective: u for u in unjudgeable(short)}
    assert set(found) == {"POST /a.b latency_p95", "error_ratio"}
    remedy = found["POST /a.b latency_p95"].remedy
    assert """--set 'objectives.endpoints."POST /a.b".latency_p95=off'""" in remedy
    off = load_plan_text(
        f"target: {{url: http://localhost}}\nload: {{stages: [{{duration: 5s, users: 1}}]}}\n{text}",
        where="x",
        environ={},
        overrides=[('objectives.endpoints."POST /a.b".latency_p95', "off")],
    )
    assert off.objectives_off == ("POST /a.b latency_p95",)


def test_no_objective_left_is_told() -> None:
    assert told("{error_ratio: off, restarts: off, db_pool_waiting: off}") == [("", True)]


def test_a_baseline_is_nothing_that_cannot_be_judged() -> None:
    assert told("{}", target=ALL_SOURCES, more="baseline: {name: main}") == []
