"""A capacity plan: what follows from its section, and what it cannot judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.judge.capacity_search import Tried, search
from harness.judge.capacity_settings import hold_seconds, rest_load, settings_of
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.loading import load_plan, load_plan_text
from harness.run.adjust import with_duration

PLANS = Path(__file__).parents[2] / "plans"
TEXT = """
kind: capacity
target: {url: "http://localhost:1", processes: [{name: web, match: gunicorn}]}
load: {locustfile: reference, model: open}
scrape_interval: 1s
capacity: {start: 10, max: 400, settle: 6s, hold: 15s}
objectives: {latency_p95: 1s, capacity: ">= 100 rps"}
"""


def plan(old: str = "", new: str = "", text: str = TEXT):
    return load_plan_text(text.replace(old, new), where="x.yml", environ={})


def test_the_stages_follow_from_the_section() -> None:
    (stage,) = plan().load.stages
    assert (stage.rate, stage.users, stage.duration) == (10, None, 45 * 60)
    (stage,) = plan("model: open", "model: closed").load.stages
    assert (stage.rate, stage.users) == (None, 10)
    assert plan().load.arrival_slots == 40


def test_what_a_plan_says_is_what_its_record_says() -> None:
    made = plan(", max: 400", ", max: 400, tolerance: 8%, ramp: 90s, longest: 20m")
    assert load_plan_text(dump_plan(made, mask=True), where="plan.yml", environ={}, judging=True) == made


def test_what_runs_out_at_the_edge_is_not_forbidden() -> None:
    assert [o.name for o in plan().objectives] == ["latency_p95", "error_ratio", "restarts", "capacity"]


def test_a_shorter_run_ends_the_search_sooner() -> None:
    made = with_duration(plan(), 600.0)
    assert made.capacity.longest == made.load.duration == 600.0
    assert made.capacity.settle == 6.0


@pytest.mark.parametrize(
    ("old", "new", "said", "hard"),
    [
        (">= 100 rps", ">= 500 rps", "capacity asks for 500 rps, and the search ends at 400 rps", True),
        (">= 100 rps", ">= 100 users", "capacity is given in users, and the open model has arrivals", True),
        (', capacity: ">= 100 rps"', "", "the plan names no capacity objective", False),
        ("start: 10", "start: 6", "6 arrivals per second make too few requests in 15s", True),
        ("start: 10", "start: 1", "1 arrivals per second make too few requests in 15s", True),
        ("hold: 15s", "hold: 15s, longest: 5m", "capacity.longest ends it after 5m", False),
        (', processes: [{name: web, match: gunicorn}]', "", "what runs out first cannot be told", False),
    ],
)  # fmt: skip
def test_what_it_cannot_judge_is_told_before(old: str, new: str, said: str, hard: bool) -> None:
    found = [p for p in unjudgeable(plan(old, new)) if said in p.reason]
    assert [p.hard for p in found] == [hard]
    assert found[0].remedy


def test_what_it_can_judge_has_no_word() -> None:
    assert unjudgeable(plan()) == []


def test_the_shipped_plan_looks_for_users() -> None:
    settings = settings_of(load_plan(PLANS / "capacity.yml", environ={}))
    assert (settings.start, settings.most, settings.whole, settings.confidence) == (25, 2000, True, 0.95)
    assert settings.tolerance == 0.1


def test_loads_near_the_edge_are_held_longer_and_a_broken_target_rests() -> None:
    made = plan()
    settings = settings_of(made)
    tried = [Tried(100, "held"), Tried(200, "broke")]
    assert hold_seconds(settings, made.capacity, search(settings, tried)) == 15
    tried += [Tried(140, "held"), Tried(160, "broke"), Tried(145, "held"), Tried(155, "broke")]
    assert hold_seconds(settings, made.capacity, search(settings, tried)) == 45
    assert rest_load(settings, tried) == 72.5
    assert rest_load(settings, [Tried(10, "broke")]) == settings.least / 2
