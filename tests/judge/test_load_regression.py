"""Two runs by the intervals of their capacity: what was not shown is never "the same"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.load_regression import (
    Holds,
    LoadComparison,
    LoadRan,
    LoadRow,
    compare_holds,
    holds_of_verdict,
    reasons,
)  # fmt: skip
from harness.judge.regression_rows import Change
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from tests.judge.fabricate import RECORD
from tests.judge.stressed import plan as stress_plan

VERSIONS = {"cpu": "AMD EPYC", "cpus": "4", "memory": "16 GiB", "locustfile": "sha256:12"}
CAPACITY = """
name: made
kind: capacity
target: {url: http://localhost:5000}
load: {locustfile: reference}
scrape_interval: 1s
capacity: {start: 20, max: 500}
objectives: {latency_p95: 800ms, error_ratio: 1%, capacity: ">= 60 users"}
"""


def capacity_plan(**replaced: str) -> Plan:
    text = CAPACITY
    for old, new in replaced.items():
        text = text.replace(old, new)
    return load_plan_text(text, where="x.yml", environ={})


def holds(low: float | None, high: float | None, **more: object) -> Holds:
    middle = (low + high) / 2 if low is not None and high is not None else None
    return replace(Holds("run", "users", low, high, middle), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        ((500, 560), (600, 660), Change.WORSE),
        ((600, 660), (500, 560), Change.BETTER),
        ((560, 620), (600, 660), Change.SAME),
        ((500, 600), (600, 660), Change.SAME),  # they touch
        ((None, 10), (600, 660), Change.WORSE),  # it did not even hold the lowest load
        ((None, 10), (5, 15), Change.CANNOT_TELL),  # how little it holds now?
        ((500, None), (600, 660), Change.CANNOT_TELL),  # it was not driven as far as before
        ((640, None), (600, 660), Change.SAME),
        ((700, None), (600, 660), Change.BETTER),
        ((500, 520), (600, None), Change.WORSE),
        ((580, 620), (600, None), Change.SAME),
        ((500, None), (600, None), Change.CANNOT_TELL),
        ((600, None), (600, None), Change.SAME),
        ((50, 60), (None, 10), Change.BETTER),
        ((None, 10), (None, 10), Change.CANNOT_TELL),
    ],
)
def test_a_regression_is_an_interval_below_the_other(now, before, change) -> None:
    assert compare_holds(holds(*now), holds(*before)).change is change


def test_the_change_is_told_as_a_share_of_before() -> None:
    assert compare_holds(holds(500, 560), holds(600, 660)).effect == pytest.approx(530 / 630 - 1)
    assert compare_holds(holds(500, None), holds(600, 660)).effect is None


def test_a_step_that_broke_where_it_was_held_before_is_a_regression() -> None:
    """The steps are the same: 80 users broke now, and were held before."""
    now, before = holds(40, 80, broken=True), holds(80, 160, broken=True)
    assert compare_holds(now, before).change is Change.WORSE
    assert compare_holds(before, now).change is Change.BETTER
    assert compare_holds(now, now).change is Change.SAME


@pytest.mark.parametrize("which", ["now", "before"])
def test_a_run_that_proves_nothing_is_neither_the_same_nor_worse(which: str) -> None:
    sides = {"now": holds(500, 560), "before": holds(600, 660)}
    sides[which] = replace(sides[which], why="the load generator was the bottleneck")
    row = compare_holds(**sides)
    assert (row.change, row.note) == (Change.CANNOT_TELL, "run: the load generator was the bottleneck")


def told(*changes: Change) -> Outcome:
    rows = tuple(LoadRow(holds(1, 2), one) for one in changes)
    return LoadComparison(holds(1, 2), rows).outcome


def test_the_worst_of_the_rows_counts_and_none_is_no_pass() -> None:
    assert told(Change.SAME, Change.BETTER) is Outcome.PASS
    assert told(Change.SAME, Change.CANNOT_TELL) is Outcome.INCONCLUSIVE
    assert told(Change.CANNOT_TELL, Change.WORSE) is Outcome.FAIL
    assert told() is Outcome.INCONCLUSIVE


# --- what a verdict shows


def verdict(*findings: Finding, **more: object) -> Verdict:
    return Verdict("made", findings, (), {}, **more)  # type: ignore[arg-type]


def finding(check: str, objective: str = "", outcome: Outcome = Outcome.INCONCLUSIVE) -> Finding:
    return Finding(check, "throughput", outcome, f"{check} {objective}".strip(), objective=objective)


SEARCHED = {"low": 500.0, "high": 560.0, "estimate": 530.0}
STEPPED = {"held": {"load": 40}, "break": {"load": 80}, "disturbed": []}


def test_the_interval_of_a_search_and_of_steps() -> None:
    assert holds_of_verdict(verdict(capacity=SEARCHED), capacity_plan()) == Holds("made", "users", 500, 560, 530)
    assert holds_of_verdict(verdict(stress=STEPPED), stress_plan()) == Holds("made", "users", 40, 80, broken=True)
    unbroken = holds_of_verdict(verdict(stress={**STEPPED, "break": None}), stress_plan())
    assert (unbroken.high, unbroken.broken, unbroken.why) == (None, False, "")


@pytest.mark.parametrize(
    "found",
    [
        verdict(finding("run"), capacity=SEARCHED),
        verdict(finding("objectives"), capacity=SEARCHED),  # the search did not come to its end
        verdict(finding("generator", outcome=Outcome.ERROR), capacity=SEARCHED),
        verdict(finding("objectives", "restarts"), capacity=SEARCHED),
        verdict(),
        verdict(capacity={"low": None, "high": None}),
        verdict(capacity={"low": float("nan"), "high": "560"}),
    ],
)
def test_an_inconclusive_or_damaged_verdict_shows_nothing(found: Verdict) -> None:
    assert holds_of_verdict(found, capacity_plan()).why


def test_what_is_open_about_the_plans_own_limits_leaves_the_interval_whole() -> None:
    open_only = verdict(finding("objectives", "capacity"), finding("alerts", outcome=Outcome.WARN), capacity=SEARCHED)
    assert holds_of_verdict(open_only, capacity_plan()).why == ""
    failed = verdict(finding("objectives", "capacity", Outcome.FAIL), capacity=SEARCHED)
    assert holds_of_verdict(failed, capacity_plan()).why == ""


def test_steps_that_contradict_each_other_show_nothing() -> None:
    assert "20 broke" in holds_of_verdict(verdict(stress={**STEPPED, "disturbed": [20]}), stress_plan()).why


# --- which runs may be compared


def ran(plan: Plan, **record: object) -> LoadRan:
    return LoadRan(replace(RECORD, **{"versions": VERSIONS, **record}), plan, holds(1, 2))  # type: ignore[arg-type]


def test_the_same_plan_is_comparable_wherever_its_search_began() -> None:
    other = capacity_plan(**{"start: 20, max: 500": "start: 40, max: 900, tolerance: 5%, longest: 30m"})
    assert reasons(ran(capacity_plan()), ran(other)) == []
    assert reasons(ran(capacity_plan()), ran(capacity_plan(**{"60 users": "80 users"}))) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ran(capacity_plan(), ended_by="aborted"), "it did not complete: aborted"),
        (ran(capacity_plan(), versions={**VERSIONS, "cpus": "8"}), "another number of cores: 8, not 4"),
        (ran(capacity_plan(**{"1%": "2%"})), "other limits say when a load is held: error_ratio"),
        (ran(capacity_plan(**{"max: 500": "max: 500, confirm: 60s"})), "its search held the loads otherwise: "
         "capacity.confirm differ"),
        (ran(capacity_plan(**{"locustfile: reference": "locustfile: reference, workers: 2"})),
         "another load was planned: load.workers differ"),
    ],
)  # fmt: skip
def test_each_difference_is_named(other: LoadRan, reason: str) -> None:
    assert reasons(ran(capacity_plan()), other) == [reason]


def test_a_stress_run_and_a_search_are_not_comparable() -> None:
    assert "another kind of plan: stress, not capacity" in reasons(ran(capacity_plan()), ran(stress_plan()))
