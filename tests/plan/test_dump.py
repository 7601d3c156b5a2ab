from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan, load_plan_text
from harness.plan.model import (
    Baseline,
    DatabaseTarget,
    Load,
    Plan,
    ProcessTarget,
    PrometheusTarget,
    RedisTarget,
    Stage,
    Target,
)
from harness.plan.objectives import ENDPOINT_OBJECTIVES, INHERITED, SPECS, Objective
from harness.plan.objectives_section import canonical_order

TEXT = """
name: x
target:
  url: http://localhost:5000
  headers: {Authorization: "Bearer t0p", X-Price: "$${A} 5"}
  metrics: ["http://m:metric-pw@localhost/metrics?token=t0p&job=1"]
  databases: [{name: main, url: "postgresql://app:db@pw@localhost/app"}]
  redis: [{name: cache, url: "redis://:r3d1s@localhost/0"}]
load: {locustfile: l.py, warmup: 20s, stages: [{duration: 90s, users: 3}]}
objectives: {latency_p95: 0.7531, memory_limit: 1GiB, throughput: 20 rps, restarts: off, memory_growth: 5%}
"""

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True)
# What may stand in a value: any printable text, YAML's and our own special characters most of all.
texts = st.text(
    st.one_of(st.sampled_from("${}:#&*!|>'\"%@`-?[],\\~ "), st.characters(exclude_categories=["C", "Z"])), max_size=20
)
latin = st.text(st.characters(max_codepoint=255, exclude_categories=["C", "Z"]), max_size=20)
seconds = st.one_of(
    st.integers(1, 200_000).map(float),
    st.floats(1e-6, 8e5),
    st.sampled_from([0.1, 0.25, 1.5, 86_400.0, 90_061.0, 1e-5]),
)
limits = {
    "seconds": seconds,
    "ratio": st.one_of(st.floats(0, 10), st.sampled_from([0.01, 0.015, 0.0, 0.5, 1.0])),
    "bytes": st.one_of(st.floats(0, 1e15), st.sampled_from([2.0**29, 1e9, 0.0])),
    "rps": st.floats(0, 1e6, exclude_min=True),
    "cores": st.floats(0, 1e3),
    "count": st.integers(0, 10**9).map(float),
}


def limits_of(name: str) -> st.SearchStrategy[float]:
    return limits[SPECS[name].unit].filter(lambda limit: name not in ("error_ratio", "db_pool_use") or limit < 1)


judged = [name for name, spec in SPECS.items() if spec.family != "stress"]


@st.composite
def objectives(draw: st.DrawFn) -> tuple[tuple[Objective, ...], tuple[str, ...]]:
    chosen = draw(st.lists(st.sampled_from(judged), unique=True))
    off = [name for name in draw(st.lists(st.sampled_from(judged), unique=True)) if name not in chosen]
    found = [Objective(name, draw(limits_of(name)), SPECS[name].op) for name in chosen]
    endpoints = draw(st.lists(st.from_regex(r"/[a-z:.$\[\]{} ]{0,8}[a-z]", fullmatch=True), unique=True, max_size=3))
    for endpoint in endpoints:
        for name in draw(st.lists(st.sampled_from(sorted(ENDPOINT_OBJECTIVES)), unique=True, max_size=2)):
            found.append(Objective(name, draw(limits_of(name)), SPECS[name].op, "POST", endpoint))
    inherited = [
        Objective(name, limit, SPECS[name].op, inherited=True)
        for name, limit in INHERITED.items()
        if name not in chosen and name not in off
    ]
    return canonical_order(found + inherited), tuple(sorted(off))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    def some(strategy: st.SearchStrategy[object]) -> object:
        return draw(st.one_of(st.none(), strategy))

    stages = draw(
        st.lists(
            st.builds(
                Stage, duration=seconds, users=st.integers(1, 10_000), spawn_rate=st.none() | st.floats(0.01, 1e4)
            ),
            min_size=1,
            max_size=3,
        )
    )
    load = Load(
        locustfile=draw(texts.filter(bool)),
        workers=draw(st.integers(1, 8)),
        stages=tuple(stages),
        warmup=sum(s.duration for s in stages) * draw(st.floats(0, 0.9)),
        seed=draw(st.integers(-5, 5)),
        user_classes=tuple(draw(st.lists(names, max_size=2))),
    )
    unique = st.lists(names, unique=True, max_size=2)
    target = Target(
        url=draw(st.sampled_from(["http://localhost:5000", "https://u:p@127.0.0.1/base", "http://[::1]:1"])),
        reference=draw(st.booleans()),
        allow_hosts=("localhost", *draw(unique)),
        headers={name: draw(latin) for name in draw(unique)},
        timeout=draw(seconds),
        processes=tuple(ProcessTarget(name=n, match=f"a{n}") for n in draw(unique)),
        containers=tuple(draw(unique)),
        databases=tuple(DatabaseTarget(name=n, url="postgresql://u:p@h/d?x=${Y}") for n in draw(unique)),
        redis=tuple(RedisTarget(name=n, url="redis://h") for n in draw(unique)),
    )
    found, off = draw(objectives())
    return Plan(
        name=draw(names),
        kind=draw(st.sampled_from(["smoke", "soak"])),
        target=target,
        prometheus=some(st.just(PrometheusTarget(url="http://localhost:9090", selector='{harness="x"}'))),
        scrape_interval=draw(st.floats(1, 15)),
        load=load,
        horizon=draw(seconds),
        objectives=found,
        objectives_off=off,
        baseline=some(
            st.builds(Baseline, name=names, last_passed=st.none() | st.integers(1, 20))
            | st.builds(Baseline, name=st.none(), last_passed=st.integers(1, 20))
        ),
        abort_on=tuple(draw(st.lists(st.sampled_from(["critical", "warning", "TargetDown"]), unique=True))),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_a_dumped_plan_loads_to_an_equal_one(plan: Plan) -> None:
    assert load_plan_text(dump_plan(plan, mask=False), where="x.yml", environ={}) == plan


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_a_masked_plan_loads_and_masking_twice_changes_nothing(plan: Plan) -> None:
    masked = dump_plan(plan, mask=True)
    again = load_plan_text(masked, where="x.yml", environ={})
    assert dump_plan(again, mask=True) == masked
    assert (again.objectives, again.load, again.name) == (plan.objectives, plan.load, plan.name)


def test_masked_means_that_no_secret_is_in_the_file() -> None:
    plan = load_plan_text(TEXT, where="x.yml", environ={})
    text = dump_plan(plan, mask=True)
    for secret in ("t0p", "metric-pw", "db@pw", "pw@", "r3d1s", "${A}"):
        assert secret not in text
    data = yaml.safe_load(text)
    assert data["target"]["headers"] == {"Authorization": "***", "X-Price": "***"}
    assert data["target"]["databases"][0]["url"] == "postgresql://app:***@localhost/app"
    assert data["target"]["redis"][0]["url"] == "redis://:***@localhost/0"
    assert data["target"]["metrics"] == ["http://***@localhost/metrics?token=***&job=1"]


def test_a_person_can_read_it() -> None:
    text = dump_plan(load_plan_text(TEXT, where="x.yml", environ={}), mask=False)
    data = yaml.safe_load(text)
    assert data["horizon"] == "24h" and data["load"]["stages"] == [{"duration": "1m 30s", "users": 3}]
    assert data["objectives"] == {
        "latency_p95": "753.1ms",
        "throughput": ">= 20 rps",
        "memory_growth": "5%",
        "memory_limit": "1 GiB",
        "restarts": "off",
    }
    assert "# inherited: error_ratio: 1%" in text and "# inherited: restarts" not in text


def test_defaults_are_written_out() -> None:
    data = yaml.safe_load(dump_plan(load_plan_text(TEXT, where="x.yml", environ={}), mask=True))
    assert data["scrape_interval"] == "5s" and data["target"]["timeout"] == "10s" and data["abort_on"] == ["critical"]


@pytest.mark.parametrize("name", ["smoke", "soak-24h"])
def test_shipped_plans_come_back(name: str, tmp_path: Path) -> None:
    plans_dir = Path(__file__).parents[2] / "plans"
    plan = load_plan(plans_dir / f"{name}.yml", environ={})
    stored = tmp_path / "plan.yml"
    stored.write_text(dump_plan(plan, mask=False))
    (tmp_path / "run.json").write_text("{}")
    assert load_plan(stored, environ={"TEST_BASE_URL": "http://elsewhere"}) == plan


def test_the_units_of_a_capacity_survive() -> None:
    """Judged from the archive alone, a plan must not take users for requests per second."""
    plan = load_plan_text(TEXT, where="x.yml", environ={})
    for limit, unit in ((500.0, "users"), (512.5, "")):
        wanted = Objective("capacity", limit, ">=", measured_in=unit)
        objectives = canonical_order((*plan.objectives, wanted))
        body = dump_plan(plan.model_copy(update={"kind": "stress", "objectives": objectives}), mask=False)
        assert (">= 500 users" in body) is (unit == "users")
        assert yaml.safe_load(body)["objectives"]["capacity"] == (">= 500 users" if unit else ">= 512.5 rps")
