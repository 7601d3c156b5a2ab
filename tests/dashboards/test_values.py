"""What the queries return on a real Prometheus: on runs made by hand, where every value is known beforehand.

tests/e2e/test_dashboards.py asks the same of whole runs; here is what the reference target never shows: a container,
an open load, a full Redis, several runs side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from dashboards.queries import compare
from harness.assets import rules_path
from harness.plan.objectives import Objective
from harness.prom.api import PrometheusApi
from harness.prom.private import RunData, open_run
from harness.prom.series import Series
from tests.dashboards.definitions import asked, promql, query_of
from tests.dashboards.made_runs import (
    ALERT_FROM,
    ARRIVALS,
    DROPPED,
    LEAK,
    MEMORY_AT_START,
    MEMORY_LIMIT,
    container_run,
    prometheus_with,
    replayed,
)
from tests.judge.fabricate import END, RPS, START, STEADY_FROM, plan

LAST = END - 3.3  # a moment in steady state when all was just scraped
BOX = {"kind": "container", "subject": "shop"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunData]:
    wanted = plan()
    with_endpoint = replace_objectives(wanted, Objective("latency_p95", 0.8, "<=", method="GET", endpoint="/a"))
    directory = container_run(tmp_path_factory.mktemp("container") / "made")
    with open_run(directory, with_endpoint, rules_path(), everything=True) as opened:
        yield opened


def replace_objectives(made, *more: Objective):
    return made.model_copy(update={"objectives": (*made.objectives, *more)})


@pytest.fixture
def at(data: RunData) -> Callable[..., dict[str, float]]:
    """Values of a panel's query at one moment, by one label."""

    def look(key: str, number: int = 0, when: float = LAST, label: str = "subject") -> dict[str, float]:
        expr = promql(query_of(key, number).expr, start=STEADY_FROM, end=LAST)
        return {one.labels.get(label, ""): float(one.values[-1]) for one in data.api.query(expr, when)}

    return look


def test_what_is_empty_on_a_healthy_run_fills_when_there_is_something_to_show(data: RunData) -> None:
    empty = [one for one in asked() if one.empty_when_healthy is not None]
    assert len(empty) > 5
    for one in empty:
        found = data.api.query_range(promql(one.template, start=START, end=END), START, END, 5.0)
        assert found, one.where


def test_a_container_that_leaks(at: Callable[..., dict[str, float]]) -> None:
    now = MEMORY_AT_START + LEAK * (LAST - START)
    assert at("target-memory")["shop"] == pytest.approx(now, rel=0.005)
    assert at("target-memory", 4)["shop"] == MEMORY_LIMIT
    assert at("target-memory", 1)["shop"] == pytest.approx(now, rel=0.005), "the trend of a straight line is the line"
    assert at("target-memory-per-hour")["shop"] == pytest.approx(LEAK * 3600, rel=0.01)
    assert at("target-memory-use")["shop"] == pytest.approx(now / MEMORY_LIMIT, rel=0.005)
    assert at("target-memory-exhausted-in")["shop"] == pytest.approx((MEMORY_LIMIT - now) / LEAK, rel=0.02)
    # The process group does not leak; its limit is the plan's 1 GiB.
    assert at("target-memory-exhausted-in")["web"] > 6 * 3600


def test_throttling_and_oom_kills(at: Callable[..., dict[str, float]]) -> None:
    assert at("target-cpu-throttled")["shop"] == pytest.approx(0.3)
    assert at("target-cpu")["shop"] == pytest.approx(0.5)
    assert at("target-cpu-per-request")["shop"] == pytest.approx(0.5 / RPS, rel=0.05)
    assert at("target-oom-kills", when=START + ALERT_FROM - 20)["shop"] == 0
    assert at("target-oom-kills")["shop"] == pytest.approx(1, abs=0.1)
    assert at("target-restarts", when=START + ALERT_FROM - 20) == {"web": 0, "shop": 0}
    assert at("target-restarts") == {"web": 0, "shop": 1}


def test_an_open_load(at: Callable[..., dict[str, float]]) -> None:
    assert at("harness-arrivals", 0, label="")[""] == pytest.approx(ARRIVALS + DROPPED)
    assert at("harness-arrivals", 1, label="")[""] == pytest.approx(ARRIVALS)
    assert at("harness-arrivals", 2, label="")[""] == pytest.approx(DROPPED)
    assert at("harness-arrivals-dropped", label="")[""] == pytest.approx(DROPPED / (ARRIVALS + DROPPED))


def test_redis_with_a_maximum(at: Callable[..., dict[str, float]]) -> None:
    assert at("backends-redis-memory-use", label="redis") == {"cache": 0.6}


def test_signals_and_alerts(at: Callable[..., dict[str, float]]) -> None:
    before = at("run-signals", when=START + 90, label="signal")
    assert set(before.values()) == {0.0}
    assert len(before) == 13, "every signal is measured here"
    assert at("run-signals", when=START + 120, label="signal")["cpu"] == 1
    after = at("run-signals", label="signal")
    assert (after["memory"], after["cpu"], after["latency"]) == (2, 0, 0)
    assert at("run-alerts", label="alertname") == {"MemoryOverLimit": 1, "CpuThrottled": 0}
    assert at("run-alerts-firing", label="") == {"": 1}
    assert at("run-alerts-critical", label="") == {"": 1}
    assert at("run-alerts-critical", when=START + 120, label="") == {"": 0}
    assert at("harness-doubts", label="") == {"": 0}
    assert at("run-phase", label="phase") == {"steady": 1}


def test_how_much_of_each_limit_is_used(at: Callable[..., dict[str, float]]) -> None:
    used = at("run-limits-used", label="objective")
    assert used.keys() == {
        "latency_p95", "latency_p99", "error_ratio", "throughput", "memory_limit", "cpu", "db_pool_use",
        "redis_ping_p99", "restarts", "db_pool_waiting",
    }  # fmt: skip
    assert used["cpu"] == pytest.approx(0.5 / 2, rel=0.01), "the worst subject counts"
    assert used["throughput"] == pytest.approx(20 / RPS, rel=0.05), "a floor the other way round"
    assert used["db_pool_use"] == pytest.approx(0.4 / 0.9)
    assert used["error_ratio"] == 0
    assert used["restarts"] == 2, "a limit of nothing is broken by one restart"
    assert used["db_pool_waiting"] == 0


def test_the_end_against_the_beginning(at: Callable[..., dict[str, float]]) -> None:
    change = at("endurance-change")
    assert change["web"] == pytest.approx(0, abs=0.01)
    quarter = (LAST - STEADY_FROM) / 4
    first = MEMORY_AT_START + LEAK * (STEADY_FROM - START + quarter / 2)
    last = MEMORY_AT_START + LEAK * (LAST - START - quarter / 2)
    assert change["shop"] == pytest.approx(last / first - 1, rel=0.05)
    sizes = at("endurance-bytes", 0)
    assert sizes["shop"] == pytest.approx(first, rel=0.01)
    assert at("endurance-bytes", 1)["shop"] == pytest.approx(last, rel=0.01)
    assert at("endurance-memory", 0)["shop"] == pytest.approx(
        (MEMORY_AT_START + LEAK * (LAST - START)) / first - 1, rel=0.05
    )


# --- several runs on one Prometheus


@pytest.fixture(scope="module")
def several(data: RunData) -> Iterator[PrometheusApi]:
    """The live run, and two replays of it: one as it was, one with every value doubled."""
    live = data.api.raw(f'{{harness="{data.stack}"}}', data.start, data.end)
    with prometheus_with([*live, *replayed(data, "r1"), *replayed(data, "r2", 2.0)]) as api:
        yield api


def by_run(found: list[Series]) -> dict[str, list[Series]]:
    runs: dict[str, list[Series]] = {}
    for one in found:
        runs.setdefault(one.labels.get("run_id", ""), []).append(one)
    return runs


def test_runs_never_mix_in_any_query(several: PrometheusApi, data: RunData) -> None:
    """Each run alone gives what it gives beside the others, and joins find their own run only."""
    compared = 0
    for one in asked():
        if one.where.startswith("compare-"):  # run by run, on purpose: the tests below
            continue
        together = by_run(several.query(promql(one.template, start=STEADY_FROM, end=LAST), LAST))
        alone = several.query(promql(one.template, start=STEADY_FROM, end=LAST, run="r1"), LAST)
        got = {frozenset(s.labels.items()): float(s.values[-1]) for s in alone}
        want = {frozenset(s.labels.items()): float(s.values[-1]) for s in together.get("r1", [])}
        assert got.keys() == want.keys(), one.where
        for labels, value in got.items():
            assert want[labels] == pytest.approx(value, nan_ok=True), one.where
        compared += bool(got)
    assert compared > 80


def test_compare_puts_the_runs_on_one_axis(several: PrometheusApi) -> None:
    for key in ("compare-requests", "compare-memory", "compare-p95", "compare-pool-use"):
        found = several.query(promql(query_of(key).expr), LAST)
        values = {one.labels["run"]: float(one.values[-1]) for one in found}
        assert values.keys() == {"live", "r1", "r2"}
        assert values["r1"] == values["live"]
        assert values["r2"] == pytest.approx(2 * values["live"])
    chosen = several.query(promql(compare.P95, run="r1|r2"), LAST)
    assert {one.labels["run"] for one in chosen} == {"r1", "r2"}


def test_means_and_the_list_of_runs(several: PrometheusApi) -> None:
    expr = promql(query_of("compare-means", 1).expr, start=STEADY_FROM, end=LAST)
    means = {one.labels["run"]: float(one.values[-1]) for one in several.query(expr, LAST)}
    assert means == {"live": pytest.approx(RPS, rel=0.05), "r1": means["live"], "r2": pytest.approx(2 * means["live"])}
    began, ended = (several.query(promql(query_of("compare-runs", n).expr, start=START, end=END), END) for n in (0, 1))
    assert {one.labels["run_id"] for one in began} == {"made", "r1", "r2"}
    assert all(abs(float(one.values[-1]) / 1000 - START) < 20 for one in began)
    assert all(abs(float(one.values[-1]) / 1000 - END) < 20 for one in ended)
    assert np.isfinite([float(one.values[-1]) for one in began]).all()
