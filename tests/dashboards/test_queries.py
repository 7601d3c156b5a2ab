"""Every query parses, reads only what is exported or recorded, and is held to the stack and the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dashboards.model import Variable
from dashboards.template import expand
from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.prom.promql import mentioned_names
from tests.dashboards.definitions import DASHBOARDS, PANELS, QUERIES, ROOT, Asked, asked, promql
from tests.dashboards.selectors import selectors

RECORDED = {value for name, value in vars(Recorded).items() if not name.startswith("_")}
ASKED = list(asked())
# Its own run_id tells runs apart: it is what the list of runs is made of.
OWN_RUN_ID = {names.RUN_INFO}


def exported() -> set[str]:
    """Names of docs/metrics.md, which another test holds against the exporters."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def alerts(file: str = "rules/alerts.yml") -> list[dict[str, str]]:
    groups = yaml.safe_load((ROOT / "prometheus" / file).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.where)
def test_a_query_reads_what_exists_of_the_chosen_stack_and_run(one: Asked) -> None:
    read = selectors(promql(one.template))
    assert read, "it reads nothing"
    for selector in read:
        assert selector.name in RECORDED | exported(), f"{selector.name} is neither recorded nor exported"
        assert selector.matchers["harness"] == ("Equal", "default")
        if selector.name not in OWN_RUN_ID:
            assert selector.matchers["run_id"] == ("Re", ".*")


def test_raw_series_are_asked_for_only_where_no_rule_records_them() -> None:
    """Raw names of foreign exporters differ; the recording rules are the one place that knows them."""
    raw = {s.name for one in ASKED for s in selectors(promql(one.template))} - RECORDED
    assert raw == {
        names.RUN_INFO, names.RUN_PHASE, names.RUN_LOAD_START, names.RUN_LOAD_END, names.OBJECTIVE, names.ALERTS,
        names.WORKERS, names.WORKERS_EXPECTED, names.WORKER_RESTARTS, names.LOAD_SERIES_CAPPED, names.PROC_USS,
        names.PG_DEADLOCKS, names.REDIS_BLOCKED_CLIENTS, names.REDIS_SLOWLOG_LENGTH, names.COLLECTOR_DURATION,
    }  # fmt: skip


def test_a_counter_is_shown_by_what_it_gained() -> None:
    """Its total says nothing; only the workers' restarts of a run are a number to read."""
    bare = {
        (one.where, selector.name)
        for one in ASKED
        for selector in selectors(
            re.sub(r"(increase|changes|rate|avg_over_time)\([^()]*\)", "vector(0)", promql(one.template))
        )
        if re.search(r"[_:]total$", selector.name)
    }
    # Two ask whether the total is a time or a count, one whether it is there at all.
    restarts = {where for where, name in bare if name == Recorded.STARTS}
    assert restarts == {"target-restarts[0]", "run-limits-used[0]", "run-signals[0]"}
    assert {name for _, name in bare} - {Recorded.STARTS} == {names.WORKER_RESTARTS}


def test_every_recorded_series_is_shown_or_decided_by() -> None:
    read = {s.name for one in ASKED for s in selectors(promql(one.template))}
    for rule in alerts():
        read |= mentioned_names(rule["expr"])
    judge = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness" / "judge").glob("*.py"))
    constants = {value: name for name, value in vars(Recorded).items() if not name.startswith("_")}
    idle = {name for name in RECORDED - read if not re.search(rf"Recorded\.{constants[name]}\b", judge)}
    assert idle == set()


def test_every_alert_has_a_panel_that_leads_to_its_runbook() -> None:
    led_to = {name for panel in PANELS for name in panel.runbooks}
    # The watchdog always fires: it watches the way of the notifications, which no panel shows.
    standing = {rule["alert"] for rule in alerts("standing.yml")} - {"Watchdog"}
    assert {rule["alert"] for rule in alerts()} | standing == led_to
    assert all((ROOT / "docs" / "runbooks" / f"{name}.md").is_file() for name in led_to)


def test_a_panels_runbooks_are_of_its_signal() -> None:
    """Context may come from a neighbour, but the first runbook tells about what the panel shows."""
    signal = {rule["alert"]: rule["labels"]["signal"] for rule in alerts()}  # type: ignore[index]
    elsewhere = {(p.key, p.signal, signal[p.runbook]) for p in PANELS if p.runbook and p.signal != signal[p.runbook]}
    # These two count alerts of every signal.
    assert elsewhere == {("run-alerts-critical", "telemetry", "errors")}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d.uid)
def test_variables_are_offered_where_they_are_used(dashboard) -> None:
    offered = {variable.name for variable in dashboard.variables}
    used = {
        match
        for panel in dashboard.panels()
        for query in panel.queries
        for match in re.findall(r"\$(\w+)", query.expr)
        if not match.startswith("__") and not match.isdigit()
    }
    shared = {"stack", "run"}
    assert used <= offered, "Grafana would ask for the variable's name"
    assert shared <= offered
    assert offered - used - shared == set()
    for variable in dashboard.variables:
        if isinstance(variable, Variable):
            (read,) = selectors(promql(variable.selector))
            assert read.name in RECORDED


def test_the_legends_labels_are_asked_for() -> None:
    """A legend's label that the expression never names comes from the series itself: only known ones do."""
    known = {
        "error", "le", "objective", "bound", "method", "name", "state", "subject", "pool", "database", "redis", "cmd",
        "instance", "job", "collector", "groupname", "phase", "signal", "run",
    }  # fmt: skip
    used = {label for _, query in QUERIES for label in re.findall(r"\{\{(\w+)\}\}", query.legend)}
    assert used <= known
    assert all("{{" in q.legend or q.legend.strip() for _, q in QUERIES)


class TestExpand:
    def test_what_stands_for_the_variables(self) -> None:
        template = 'a{harness="$stack", run_id=~"$run", s=~"$process"}[$__range] @ ${__to:date:seconds} offset -$window'
        assert expand(template, stack="x", start=100.0, end=500.5, process="w.*") == (
            'a{harness="x", run_id=~".*", s=~"w.*"}[400s] @ 500.500 offset -100s'
        )

    def test_the_window_is_an_hour_on_a_day(self) -> None:
        assert expand("a[$window]", stack="x", start=0, end=86400) == "a[3600s]"
        assert expand("a[$window]", stack="x", start=0, end=86400, window=60) == "a[60s]"
        assert expand("a[$window]", stack="x", start=0, end=0) == "a[1s]", "never no window at all"

    def test_a_value_cannot_leave_its_string(self) -> None:
        text = promql('up{harness="$stack"}', stack='a"} or vector(1) #\\')
        (read,) = selectors(text)
        assert read.matchers["harness"] == ("Equal", 'a"} or vector(1) #\\')

    def test_an_unknown_variable_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="nobody"):
            expand("a{b=~'$nobody'}", stack="x", start=0, end=1)

    def test_capture_groups_are_left_alone(self) -> None:
        assert promql('label_replace(a, "b", "$1", "c", "(.*)")') == 'label_replace(a, "b", "$1", "c", "(.*)")'


def test_only_grafanas_writer_imports_its_sdk() -> None:
    """The report draws the same panels without it."""
    importing = {
        path.name
        for path in Path(ROOT / "dashboards").rglob("*.py")
        if re.search(r"^(from|import) grafana_foundation_sdk", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert importing == {f"grafana{part}.py" for part in ("", "_panels", "_charts", "_values", "_terms")}
