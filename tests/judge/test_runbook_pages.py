"""Each finding leads to the page that helps with it; the alerts and pages are the shipped ones."""

from __future__ import annotations

import pytest

from exporters.metric_names import Recorded
from harness.assets import rules_path
from harness.judge.runbook_pages import with_runbook
from harness.judge.verdict import Finding, Outcome
from harness.prom.rules import load_rules

ALERTS = load_rules(rules_path()).alerts


def page(check: str, signal: str, outcome: Outcome = Outcome.FAIL, **fields: object) -> str:
    return with_runbook(Finding(check, signal, outcome, "x", **fields), ALERTS).runbook  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("objective", "signal", "expected"),
    [
        ("memory_growth", "memory", "MemoryGrowing"),
        ("fd_growth", "fds", "FdsGrowing"),
        ("connection_growth", "db_pool", "ConnectionsGrowing"),
        ("latency_growth", "latency", "LatencyGrowing"),
        ("cpu_growth", "cpu", "CpuPerRequestGrowing"),
        ("latency_p95", "latency", "LatencyP95OverLimit"),
        ("error_ratio", "errors", "ErrorRatioOverLimit"),
        ("db_pool_waiting", "db_pool", "PoolWaitingOverLimit"),
        ("db_pool_use", "db_pool", "PoolUseOverLimit"),
        ("restarts", "restarts", "TargetRestarted"),
    ],
)
def test_an_objectives_finding(objective: str, signal: str, expected: str) -> None:
    assert page("objectives", signal, objective=objective, value=1.0) == f"runbooks/{expected}.md"


def test_missing_data_leads_to_the_page_on_missing_data() -> None:
    missing = {"objective": "memory_growth", "outcome": Outcome.INCONCLUSIVE}
    assert page("trend", "memory", **missing) == "runbooks/MemoryDataMissing.md"  # type: ignore[arg-type]
    assert page("coverage", "telemetry", Outcome.WARN) == "runbooks/ScrapeTargetsMissing.md"
    assert page("coverage", "telemetry", Outcome.WARN, objective="latency_p95") == "runbooks/LatencyDataMissing.md"


def test_a_generators_finding_by_the_series_it_reads() -> None:
    lag = f'{Recorded.LOOP_LAG_P99}{{harness="default"}}'
    assert page("generator", "generator", query=lag) == "runbooks/GeneratorLoopLag.md"


def test_what_has_a_page_or_none_stays() -> None:
    assert page("alerts", "memory", runbook="runbooks/Own.md") == "runbooks/Own.md"
    assert page("run", "telemetry", Outcome.INCONCLUSIVE) == ""
