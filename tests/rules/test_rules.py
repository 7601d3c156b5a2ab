"""The rule files against promtool, against the names in exporters.metric_names, and against their own conventions."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters import metric_names
from exporters.metric_names import Recorded
from harness.plan.objectives import SPECS
from harness.units import parse_duration

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "rules"
TESTS = sorted((ROOT / "prometheus" / "tests").glob("*.yml"))
SIGNALS = {
    "latency", "errors", "throughput", "memory", "cpu", "fds", "threads", "disk", "db_pool", "redis", "restarts",
    "telemetry", "generator",
}  # fmt: skip
# Limits that only the end of a run can judge, or only other kinds of plans.
NOT_LIVE = {name for name, spec in SPECS.items() if spec.family in ("growth", "stress")}

RECORDED = {value for name, value in vars(Recorded).items() if not name.startswith("_")}
HISTOGRAMS = (
    metric_names.REQUEST_DURATION, metric_names.LOOP_LAG, metric_names.ARRIVAL_LAG, metric_names.DB_PING,
    metric_names.REDIS_PING, metric_names.POOL_CHECKOUT,
)  # fmt: skip
RAW = {v for k, v in vars(metric_names).items() if k.isupper() and isinstance(v, str)} | {
    name + part for name in HISTOGRAMS for part in ("_bucket", "_count", "_sum")
}
KEYWORDS = {
    "and", "or", "unless", "on", "ignoring", "by", "without", "group_left", "group_right", "bool", "offset", "inf",
    "nan", "sum", "min", "max", "avg", "count", "group", "count_values", "topk", "quantile",
}  # fmt: skip


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / file).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


RECORDING = rules("recording.yml")
ALERTS = rules("alerts.yml")
STANDING = rules("../standing.yml")  # never judged: for a Prometheus that stands between runs


def metrics_in(expr: str) -> set[str]:
    """Metric names that an expression reads: words that are no label, keyword, function or duration."""
    expr = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    expr = re.sub(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^()]*\)", " ", expr)
    expr = re.sub(r"\{[^}]*\}", "", expr)
    expr = re.sub(r"\[[^\]]*\]", "", expr)
    expr = re.sub(r"\boffset\s+\w+", "", expr)
    words = re.findall(r"[A-Za-z_:][A-Za-z0-9_:]*(?!\w*\s*\()", re.sub(r"\b\d[\w.]*", "", expr))
    calls = set(re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\s*\(", expr))
    return {word for word in words if word not in calls | KEYWORDS}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def alert_checks() -> list[dict[str, Any]]:
    """Every alert_rule_test of every promtool file, read once: the files are long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in TESTS]
    return [check for file in files for group in file["tests"] for check in group.get("alert_rule_test", [])]


def test_promtool_accepts_the_rule_files() -> None:
    done = promtool("check", "rules", *sorted(RULES.glob("*.yml")))
    assert done.returncode == 0, done.stderr
    assert f"{len(RECORDING)} rules found" in done.stdout
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.fixture(scope="module")
def promtool_results() -> dict[str, subprocess.CompletedProcess[str]]:
    """All promtool tests, two at a time: each file evaluates every rule at every step."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip((t.name for t in TESTS), pool.map(lambda t: promtool("test", "rules", t), TESTS), strict=True))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("file", [t.name for t in TESTS])
def test_promtool_tests_pass(file: str, promtool_results: dict[str, subprocess.CompletedProcess[str]]) -> None:
    done = promtool_results[file]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_exactly_the_recorded_names_are_recorded() -> None:
    names = [rule["record"] for rule in RECORDING]
    assert len(names) == len(set(names))
    assert set(names) == RECORDED


def test_rules_read_only_names_that_exist() -> None:
    read = {name for rule in RECORDING + ALERTS for name in metrics_in(rule["expr"])}
    assert "namedprocess_namegroup_memory_bytes" in read, "the reader of expressions finds nothing"
    assert read - RAW - RECORDED == set()


def test_alerts_read_recorded_series_and_the_runs_own() -> None:
    read = {name for rule in ALERTS for name in metrics_in(rule["expr"])}
    own = {
        metric_names.RUN_INFO, metric_names.RUN_PHASE, metric_names.OBJECTIVE, metric_names.WORKER_RESTARTS,
        metric_names.LOAD_SERIES_CAPPED, metric_names.PART_RESTARTS,
    }  # fmt: skip
    assert read - RECORDED - own == set()


def test_only_the_first_level_reads_every_bucket() -> None:
    """rate() over thousands of bucket series is what a day's backfill costs."""
    readers = [r["record"] for r in RECORDING if f"{metric_names.REQUEST_DURATION}_bucket" in metrics_in(r["expr"])]
    assert set(readers) == {
        Recorded.LATENCY_BUCKETS, Recorded.ENDPOINT_WITHIN, Recorded.ENDPOINT_LATENCY_P50,
        Recorded.ENDPOINT_LATENCY_P95, Recorded.ENDPOINT_LATENCY_P99,
    }  # fmt: skip


def test_rules_of_one_name_come_after_what_they_read() -> None:
    order = {rule["record"]: number for number, rule in enumerate(RECORDING)}
    for rule in RECORDING:
        for name in metrics_in(rule["expr"]) & RECORDED:
            assert order[name] < order[rule["record"]], f"{rule['record']} reads {name} before it is recorded"


def test_every_signal_has_alerts_and_a_twin_for_lost_evidence() -> None:
    assert {rule["labels"]["signal"] for rule in ALERTS} == SIGNALS
    assert {r["labels"]["signal"] for r in ALERTS if r["labels"]["verdict"] == "inconclusive"} == SIGNALS


def test_every_live_objective_has_an_alert_that_fails() -> None:
    fails = {rule["labels"]["objective"] for rule in ALERTS if rule["labels"]["verdict"] == "fail"}
    assert fails == set(SPECS) - NOT_LIVE


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
class TestAlert:
    def test_labels(self, rule: dict[str, Any]) -> None:
        labels = rule["labels"]
        assert set(labels) <= {"severity", "verdict", "signal", "objective", "abort"}
        assert labels["severity"] in ("critical", "warning")
        assert labels["verdict"] in ("fail", "warn", "inconclusive")
        assert (labels["verdict"] == "fail") == ("objective" in labels)
        if "objective" in labels:
            assert f'harness_objective{{objective="{labels["objective"]}"' in rule["expr"]

    def test_abort_rules_are_critical_and_wait_for_half_a_minute(self, rule: dict[str, Any]) -> None:
        if rule["labels"].get("abort"):
            assert rule["labels"]["abort"] == "true"
            assert rule["labels"]["severity"] == "critical"
            assert rule["for"] == "30s"

    def test_an_alert_that_fails_a_run_holds_for_long_or_is_a_hard_event(self, rule: dict[str, Any]) -> None:
        hard = {"TargetRestarted", "PoolWaitingOverLimit"}
        if rule["labels"]["verdict"] == "fail" and not rule["labels"].get("abort") and rule["alert"] not in hard:
            assert parse_duration(rule["for"]) >= 600

    def test_annotations_and_runbook(self, rule: dict[str, Any]) -> None:
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url"}
        assert all(notes.values())
        assert notes["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
        page = (ROOT / notes["runbook_url"]).read_text(encoding="utf-8")
        assert page.startswith(f"# {rule['alert']}\n")
        for heading in ("## What it means", "## How to confirm", "## Usual causes", "## What to do"):
            assert heading in page
        query = page.split("```promql\n")[1].split("\n```")[0]
        assert metrics_in(query) <= RECORDED | RAW and metrics_in(query), query

    def test_has_a_promtool_test_that_fires_and_one_that_is_silent(
        self, rule: dict[str, Any], alert_checks: list[dict[str, Any]]
    ) -> None:
        checks = [check for check in alert_checks if check["alertname"] == rule["alert"]]
        assert any(check["exp_alerts"] for check in checks)
        assert any(not check["exp_alerts"] for check in checks)


def test_the_judge_does_not_read_the_standing_rules() -> None:
    judged = {rule["alert"] for rule in ALERTS}
    assert {rule["alert"] for rule in STANDING} == {"Watchdog", "NoRun", "RunVanished"}
    assert judged.isdisjoint(rule["alert"] for rule in STANDING)
    assert not (RULES / "standing.yml").exists()


@pytest.mark.parametrize("rule", STANDING, ids=lambda rule: rule["alert"])
class TestStandingAlert:
    def test_labels(self, rule: dict[str, Any]) -> None:
        """No verdict: what has one counts in a run. No severity: what is delivered to nobody."""
        silent = rule["alert"] in ("Watchdog", "NoRun")
        assert rule["labels"] == {"severity": "none" if silent else "critical"}

    def test_annotations_and_runbook(self, rule: dict[str, Any]) -> None:
        TestAlert().test_annotations_and_runbook(rule)

    def test_promtool_tests(self, rule: dict[str, Any], alert_checks: list[dict[str, Any]]) -> None:
        checks = [check for check in alert_checks if check["alertname"] == rule["alert"]]
        assert any(check["exp_alerts"] for check in checks)
        assert rule["expr"] == "vector(1)" or any(not check["exp_alerts"] for check in checks)


def test_every_runbook_has_its_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {rule["alert"] for rule in ALERTS + STANDING}


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("", set()),
        ("sum by (a, b) (rate(x_total[1m])) > 0", {"x_total"}),
        ('a{b="c d"} and on (e) (f:g offset 10m or on () 0 * h + 1e9)', {"a", "f:g", "h"}),
        ("min_over_time(k[2h15m:1m] offset 2h15m)", {"k"}),
    ],
)
def test_the_reader_of_expressions(expr: str, names: set[str]) -> None:
    assert metrics_in(expr) == names
