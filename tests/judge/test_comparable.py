"""Runs that may not be compared are refused with the reason by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.comparable import Ran, reasons
from harness.judge.regression_values import RunValues
from harness.plan.model import Plan
from harness.run.record import RunRecord
from tests.judge.fabricate import RECORD, plan

VERSIONS = {"cpu": "AMD EPYC", "cpus": "4", "memory": "16 GiB", "locustfile": "sha256:12"}


def ran(on: Plan | None = None, load: float = 20.0, fault: str = "", digest: str = "d", **record: object) -> Ran:
    told: RunRecord = replace(RECORD, **{"versions": VERSIONS, **record})  # type: ignore[arg-type]
    return Ran(told, on or plan(), RunValues(told.run_id, digest, 10.0, {}, load=load), fault)


def test_the_same_load_on_the_same_machine_is_comparable() -> None:
    assert reasons(ran(), ran(load=20.5)) == []


def test_other_objectives_are_no_other_run() -> None:
    assert reasons(ran(), ran(plan("  {latency_p95: 800ms, latency_p99: 2s, error_ratio: 5%}"))) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ran(ended_by="aborted"), "it did not complete: aborted"),
        (ran(plan(kind="soak")), "another kind of plan: soak, not smoke"),
        (ran(plan(stages="[{duration: 5m, users: 40}]")), "another load was planned: load.stages differ"),
        (ran(plan(scrape_interval="10s")), "another scrape interval: 10s, not 5s"),
        (ran(plan("  {latency_p95: 1s}")), "other latency limits, so other histogram edges"),
        (ran(versions={**VERSIONS, "cpu": "Xeon"}), "another processor: Xeon, not AMD EPYC"),
        (ran(versions={**VERSIONS, "cpus": "8"}), "another number of cores: 8, not 4"),
        (ran(versions={**VERSIONS, "locustfile": "sha256:34"}), "another locustfile: sha256:34, not sha256:12"),
        (ran(versions={k: v for k, v in VERSIONS.items() if k != "memory"}), "run.json does not tell the memory"),
        (ran(load=18.0), "another load was achieved: 18 in its mean, not 20"),
        (ran(load=float("nan")), "the load that was achieved is not known"),
        (ran(load=0.0), "the load that was achieved is not known"),
        (ran(steady_to=None), "it has no steady state from its beginning to its end"),
        (ran(steady_to=RECORD.steady_from + 100), "its steady state lasted 1m 40s, not 4m"),  # type: ignore[operator]
        (ran(fault="loop lag 200ms"), "its load generator was the bottleneck: loop lag 200ms"),
        (ran(digest="x"), "other queries were asked of it"),
    ],
)
def test_each_difference_is_named(other: Ran, reason: str) -> None:
    assert reasons(ran(), other) == [reason]


def test_a_run_that_did_not_complete_is_not_compared_itself() -> None:
    assert reasons(ran(ended_by="crashed"), ran()) == ["this run did not complete: crashed"]


def test_an_unknown_machine_is_not_the_same_as_another_unknown_one() -> None:
    unknown = {**VERSIONS, "cpu": "unknown"}
    assert reasons(ran(versions=unknown), ran(versions=unknown)) == ["run.json does not tell the processor"]


@pytest.mark.parametrize(
    ("old", "other"), [("15.62 GiB", False), ("15.41 GiB", False), ("14.9 GiB", True), ("?", True)]
)
def test_a_kernel_that_keeps_some_memory_for_itself_makes_no_other_machine(old: str, other: bool) -> None:
    """What Linux counts changes with its version: after an upgrade each baseline would be of another machine."""
    found = reasons(ran(versions={**VERSIONS, "memory": "15.63 GiB"}), ran(versions={**VERSIONS, "memory": old}))
    assert found == ([f"another memory: {old}, not 15.63 GiB"] if other else [])
