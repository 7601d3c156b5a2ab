"""The rules that every panel keeps: someone who looks ten seconds must understand it."""

from __future__ import annotations

import re

import promql_parser
import pytest

from dashboards.levels import COLOURS
from dashboards.model import Panel
from dashboards.queries.select import limit
from exporters.metric_names import Recorded
from tests.dashboards.definitions import DASHBOARDS, PANELS, QUERIES, asked, promql
from tests.dashboards.selectors import selectors

SIGNALS = {
    "latency", "errors", "throughput", "memory", "cpu", "fds", "threads", "disk", "db_pool", "redis", "restarts",
    "telemetry", "generator",
}  # fmt: skip
UNITS = {"s", "bytes", "Bps", "percentunit", "reqps", "ops", "short", "none", "dtdurations", "dateTimeAsIso"}
# Objective -> the recorded series that holds its value.
VALUE_OF = {
    "latency_p50": Recorded.LATENCY_P50,
    "latency_p95": Recorded.LATENCY_P95,
    "latency_p99": Recorded.LATENCY_P99,
    "error_ratio": Recorded.ERROR_RATIO,
    "throughput": Recorded.REQUESTS,
    "memory_limit": Recorded.MEMORY,
    "cpu": Recorded.CPU,
    "db_pool_use": Recorded.POOL_USE,
    "db_pool_waiting": Recorded.POOL_WAITING,
    "redis_ping_p99": Recorded.REDIS_PING_P99,
}
# Nothing turns red here: what a run is and how far it is.
NO_SIGNAL = {"run-live-time-left", "run-live-progress", "compare-runs"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: p.key)
class TestPanel:
    def test_it_says_what_it_is(self, panel: Panel) -> None:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", panel.key)
        assert panel.title
        assert len(panel.description) >= 25 and panel.description.endswith((".", "?")), "what it means, what to do"
        assert "  " not in panel.description and "\n" not in panel.description
        assert panel.unit in UNITS
        assert (
            panel.unit not in ("none", "percentunit")
            or panel.decimals is not None
            or panel.kind in ("stat", "timeseries")
        )

    def test_it_has_a_signal_and_a_way_on(self, panel: Panel) -> None:
        assert (panel.signal is None) == (panel.key in NO_SIGNAL)
        assert panel.signal is None or panel.signal in SIGNALS
        assert bool(panel.runbooks) == (panel.signal is not None)
        assert len(panel.runbooks) == len(set(panel.runbooks))

    def test_its_queries_fit_its_kind(self, panel: Panel) -> None:
        assert panel.queries and len(panel.queries) <= 26
        expressions = [query.expr for query in panel.queries]
        assert len(expressions) == len(set(expressions))
        if panel.kind == "heatmap":
            assert len(panel.queries) == 1 and panel.queries[0].legend == "{{le}}"
        if panel.kind == "table":
            assert panel.columns and all(query.instant for query in panel.queries)
            assert all("{{" not in query.legend for query in panel.queries), "a column has a title"
            labels = ", ".join(column.label for column in panel.columns)
            kept = [f"by (harness, run_id, {labels})", f"by ({labels})"]
            assert all(any(one in query.expr for one in kept) for query in panel.queries), "rows join over the columns"
        else:
            assert not panel.columns
        if panel.kind == "timeseries":
            assert not any(query.instant for query in panel.queries)
        if panel.kind == "state":
            assert panel.mappings
        if panel.kind == "xy":
            across, *above = panel.queries
            assert across.unit and above and not any(query.instant for query in panel.queries)
            assert all("{{" not in query.legend for query in panel.queries), "joined over time: one series each"

    def test_its_thresholds_rise_from_nothing(self, panel: Panel) -> None:
        values = [one.value for one in panel.thresholds]
        if values:
            assert values[0] is None
            assert values[1:] == sorted(values[1:])  # type: ignore[type-var]
        if panel.kind in ("stat", "bargauge") and panel.signal and not panel.show_name:
            assert panel.thresholds or panel.mappings, "a number without a colour says nothing in ten seconds"

    def test_the_limit_is_drawn_where_the_value_is(self, panel: Panel) -> None:
        if panel.kind != "timeseries":
            return
        drawn = {query.expr for query in panel.queries if query.role == "limit"}
        read = {
            s.matchers["objective"][1]
            for expr in drawn
            for s in selectors(promql(expr))
            if s.name == "harness_objective"
        }
        covered = {name for objectives in read for name in objectives.split("|")}
        for objective, series in VALUE_OF.items():
            shown = [q for q in panel.queries if q.role == "value" and _is(q.expr, series)]
            assert not shown or objective in covered, f"{objective} has no line"


def _is(template: str, series: str) -> bool:
    """The expression is the series itself, at most renamed or the largest of its subjects."""
    node = promql_parser.parse(promql(template))
    while not isinstance(node, promql_parser.VectorSelector):
        if isinstance(node, promql_parser.Call) and node.func.name == "label_replace":
            node = node.args[0]
        elif isinstance(node, promql_parser.AggregateExpr | promql_parser.ParenExpr):
            node = node.expr
        else:
            return False
    return bool(node.name == series)


def test_the_check_of_limits_sees_what_it_should() -> None:
    shown = {
        (o, p.key)
        for p in PANELS
        for q in p.queries
        for o, s in VALUE_OF.items()
        if q.role == "value" and _is(q.expr, s)
    }
    assert {o for o, _ in shown} == VALUE_OF.keys()
    assert {("latency_p95", "load-latency"), ("latency_p95", "compare-p95"), ("cpu", "run-cpu")} <= shown
    assert selectors(promql(limit("cpu")))[0].matchers["objective"] == ("Re", "cpu")


def test_keys_titles_and_addresses_are_unique_and_stable() -> None:
    keys = [panel.key for panel in PANELS]
    assert len(keys) == len(set(keys))
    assert [(d.uid, d.title) for d in DASHBOARDS] == [
        ("harness-run", "Run"),
        ("harness-load", "Load"),
        ("harness-target", "Target"),
        ("harness-backends", "Database and Redis"),
        ("harness-stress", "Stress"),
        ("harness-endurance", "Endurance"),
        ("harness-compare", "Compare"),
        ("harness-trust", "Harness"),
    ]
    for dashboard in DASHBOARDS:
        titles = [panel.title for panel in dashboard.panels()]
        assert len(titles) == len(set(titles)), dashboard.uid


def test_the_eight_signals_are_at_a_glance() -> None:
    (glance,) = [row for d in DASHBOARDS for row in d.rows if row.title == "The eight signals"]
    signals = [panel.signal for panel in glance.panels]
    assert signals == ["latency", "errors", "throughput", "memory", "cpu", "fds", "db_pool", "redis"]


def test_few_queries_may_be_empty_on_a_healthy_run_and_each_says_why() -> None:
    everything = list(asked())
    empty = [one for one in everything if one.empty_when_healthy is not None]
    assert len(everything) > 150
    assert len(empty) <= 0.1 * len(everything)
    assert all(len(str(one.empty_when_healthy)) > 20 for one in empty)


def test_colours_mean_one_thing() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS) == 4
    assert {q.role for _, q in QUERIES} == {"value", "limit", "trend", "band"}
