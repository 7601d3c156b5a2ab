"""The dead man's switch: only its delivery is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.judge.notification import Deliveries, check_notification, parse_deliveries, read_deliveries
from harness.judge.verdict import Outcome


def line(*names: str) -> str:
    return json.dumps({"status": "firing", "alerts": [{"labels": {"alertname": name}} for name in names]})


FIRST = json.dumps({"watchdog": "Watchdog"})


def test_a_run_without_alertmanager_says_nothing(tmp_path: Path) -> None:
    assert read_deliveries(tmp_path / "alerts.jsonl") is None
    assert check_notification(None) == []
    assert check_notification(parse_deliveries([json.dumps({"watchdog": None})])) == []


def test_a_delivered_switch_is_silent(tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    file.write_text("\n".join([FIRST, line("Other"), line("Other", "Watchdog"), '{"alerts": [{"lab']))
    found = read_deliveries(file)
    assert found == Deliveries("Watchdog", frozenset({"Other", "Watchdog"}))
    assert check_notification(found) == []


@pytest.mark.parametrize(
    "lines", [[FIRST], [FIRST, line("Other")], [FIRST, '{"alerts": [{"labels": {}}]}', "[]", "1", "null", "{"]]
)
def test_a_switch_that_did_not_come_is_a_warning(lines: list[str]) -> None:
    [finding] = check_notification(parse_deliveries(lines))
    assert finding.outcome is Outcome.WARN
    assert "the notification path does not work: the alert 'Watchdog'" in finding.summary
    assert finding.runbook == "runbooks/Watchdog.md"
    assert finding.onset is None
    assert finding.first_seen is None, "it explains no other finding"


def test_a_file_that_tells_nothing_is_a_warning_too(tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    for content in (b"", b"\xff\xfe", b"nonsense\n", b'{"watchdog": ["x"]}\n{"watchdog": {}}\n'):
        file.write_bytes(content)
        [finding] = check_notification(read_deliveries(file))
        assert finding.outcome is Outcome.WARN
        assert "cannot be read" in finding.summary
    file.unlink()
    file.mkdir()
    assert check_notification(read_deliveries(file))
