from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PlanError
from harness.plan.judgeable import unjudgeable
from harness.plan.loading import find_plan, load_plan
from harness.plan.model import Plan

PLANS = Path(__file__).parents[2] / "plans"
NAMES = sorted(path.stem for path in PLANS.glob("*.yml"))


def load(name: str) -> Plan:
    return load_plan(PLANS / f"{name}.yml", environ={})


def test_there_are_the_plans_of_the_readme() -> None:
    assert {"smoke", "soak-24h"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_without_any_variable_and_can_judge_all_it_names(name: str) -> None:
    plan = load(name)
    assert plan.name == name
    assert unjudgeable(plan) == []
    assert Path(plan.load.locustfile).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_each_line_is_readable(name: str) -> None:
    text = (PLANS / f"{name}.yml").read_text()
    assert text.startswith("# ")
    assert max(map(len, text.splitlines())) <= 126


def test_smoke_is_short_and_judges_every_family() -> None:
    plan = load("smoke")
    assert plan.target.reference and plan.scrape_interval == 2.0
    assert plan.steady_seconds >= 150 and plan.load.duration <= 240
    limits = {o.name: (o.limit, o.inherited) for o in plan.objectives}
    assert limits["memory_growth"] == (0.5, False) and plan.horizon == 600.0
    assert limits["latency_p95"] == (0.8, False) and limits["latency_p99"] == (2.0, False)
    assert limits["error_ratio"] == (0.01, False)
    assert limits["restarts"] == (0.0, True) and limits["db_pool_waiting"] == (0.0, True)
    assert {"memory_limit", "db_pool_use", "redis_ping_p99"} <= set(limits)
    assert plan.abort_on == ("critical",)


def test_soak_is_a_day_after_its_warm_up() -> None:
    plan = load("soak-24h")
    assert plan.steady_seconds >= 86_400 - 300 and plan.horizon == 86_400
    assert plan.target.allow_hosts == ("localhost",)


def test_plans_are_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_plan("smoke", PLANS) == PLANS / "smoke.yml"
    assert find_plan("smoke.yml", PLANS) == PLANS / "smoke.yml"
    (tmp_path / "smoke.yml").write_text("")
    assert find_plan("smoke.yml", PLANS) == Path("smoke.yml"), "a file of one's own comes first"
    assert find_plan(str(tmp_path / "smoke.yml"), PLANS) == tmp_path / "smoke.yml"


@pytest.mark.parametrize("name", ["smoek", "", "../smoke", "plans/none.yml", "x" * 5000, "a\0b"])
def test_no_such_plan(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError) as caught:
        find_plan(name, PLANS)
    assert "smoke" in str(caught.value) or "usable file name" in str(caught.value)
    assert len(str(caught.value)) < 1000
    if name == "smoek":
        assert "did you mean 'smoke'?" in str(caught.value)
