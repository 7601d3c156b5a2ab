from __future__ import annotations

from pathlib import Path

import pytest

from harness.assets import data_path
from harness.errors import HarnessError
from harness.prom.rules import RecordingRule, depths, load_rules, parse_prometheus_duration, parse_rules, with_inputs

TEXT = """
groups:
  - name: g
    interval: 15s
    rules:
      - record: a:b:c
        expr: sum(up)
        labels: {kind: x}
      - alert: Down
        expr: up == 0
        for: 1m30s
        labels: {severity: critical}
        annotations: {summary: it is down}
"""


def rule(name: str, expr: str) -> RecordingRule:
    return RecordingRule(name, expr)


def test_rules_are_read_whole():
    rules = parse_rules(TEXT, "f.yml")
    (recorded,), (alert,) = rules.recording, rules.alerts
    assert (recorded.name, recorded.expr, recorded.labels) == ("a:b:c", "sum(up)", {"kind": "x"})
    assert (recorded.group, recorded.interval, recorded.file) == ("g", 15.0, "f.yml")
    assert (alert.name, alert.for_seconds, alert.labels) == ("Down", 90.0, {"severity": "critical"})
    assert alert.annotations == {"summary": "it is down"}
    assert rules.recorded_names == {"a:b:c"}


def test_no_groups_are_no_rules():
    assert parse_rules("groups: []", "f.yml").recording == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("for: 1m30s", "fro: 1m30s", "unknown key fro"),
        ("interval: 15s", "intervall: 15s", "unknown key intervall"),
        ("for: 1m30s", "for: soon", "not a duration"),
        ("expr: up == 0", "expr: ''", "must be a text"),
        ("expr: up == 0", "expr: 0", "must be a text"),
        ("record: a:b:c", "record: a-b", "not a metric name"),
        ("{kind: x}", "{kind: 1}", "quote numbers"),
        ("{kind: x}", "[kind]", "must be a mapping"),
        ("record: a:b:c", "name: a:b:c", "neither 'record' nor 'alert'"),
        ("groups:", "group:", "unknown key group"),
        ("groups:", "[", "not valid YAML"),
    ],
)
def test_a_misread_rule_is_an_error_that_names_the_file(before, after, said):
    assert before in TEXT
    with pytest.raises(HarnessError, match=said) as raised:
        parse_rules(TEXT.replace(before, after), "f.yml")
    assert "f.yml" in str(raised.value)


def test_a_folder_without_rules_or_with_an_unreadable_one(tmp_path: Path):
    with pytest.raises(HarnessError, match="no rule files"):
        load_rules(tmp_path)
    (tmp_path / "a.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(HarnessError, match=r"a\.yml"):
        load_rules(tmp_path)


def test_depths_follow_what_rules_read():
    rules = [rule("c:c:c", "b:b:b + a:a:a"), rule("a:a:a", "up"), rule("b:b:b", "a:a:a"), rule("d:d:d", "down")]
    assert [[r.name for r in d] for d in depths(rules)] == [["a:a:a", "d:d:d"], ["b:b:b"], ["c:c:c"]]
    assert depths([]) == []


def test_a_name_recorded_twice_is_ready_when_both_rules_are():
    rules = [rule("m:m:m", "up"), rule("m:m:m", "x:x:x"), rule("x:x:x", "up"), rule("y:y:y", "m:m:m")]
    assert [[r.name for r in d] for d in depths(rules)] == [["x:x:x"], ["m:m:m", "m:m:m"], ["y:y:y"]]


@pytest.mark.parametrize("exprs", [("a:a:a", "up"), ("b:b:b", "a:a:a"), ('{job="x"}', "up")])
def test_a_circle_is_an_error(exprs):
    with pytest.raises(HarnessError, match=r"circle.*a:a:a"):
        depths([rule("a:a:a", exprs[0]), rule("b:b:b", exprs[1])])


def test_inputs_are_found_through_all_depths():
    rules = [rule("a:a:a", "up"), rule("b:b:b", "a:a:a"), rule("c:c:c", "b:b:b"), rule("d:d:d", "up")]
    assert with_inputs(["c:c:c", "unknown"], rules) == {"a:a:a", "b:b:b", "c:c:c"}


@pytest.mark.parametrize(("text", "seconds"), [("1h30m", 5400), ("250ms", 0.25), ("0s", 0), ("0", 0), ("2w", 1209600)])
def test_durations(text, seconds):
    assert parse_prometheus_duration(text, "x") == seconds


@pytest.mark.parametrize("text", ["", "5", "m5", "1m1h", "-1s", "1.5s", None, True])
def test_no_durations(text):
    with pytest.raises(HarnessError, match="not a duration"):
        parse_prometheus_duration(text, "x")


def test_the_shipped_rules_have_few_depths():
    rules = load_rules(data_path("prometheus") / "rules")
    assert rules.alerts
    assert 1 < len(depths(rules.recording)) <= 4  # each one is a pass over the run
