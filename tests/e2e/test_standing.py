"""Whole runs in standing services: the parts outlive the run, what happens to them is told, nothing passes unseen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.standing import Standing
from tests.e2e.standing_stack import ALERTMANAGER, HOOK_SECRET

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(
        not ALERTMANAGER, reason="Alertmanager is not installed: apt-get install prometheus-alertmanager"
    ),
]


def summaries(whole: Standing) -> str:
    return "\n".join(f["summary"] for f in whole.verdict["findings"])


def notes(whole: Standing) -> str:
    return "\n".join(whole.record["notes"])


@pytest.mark.scenario("standing")
def test_a_run_in_standing_services_passes(whole: Standing) -> None:
    assert (whole.exit_code, whole.verdict["outcome"]) == (0, "pass"), summaries(whole)
    assert whole.record["ended_by"] == "completed"
    assert whole.record["notes"] == []
    assert {o["objective"]: o["outcome"] for o in whole.verdict["objectives"]} == dict.fromkeys(
        ("latency_p95", "error_ratio", "throughput", "db_pool_use", "db_pool_waiting", "memory_limit", "restarts"),
        "pass",
    )
    # Two workers on two addresses: both scraped, their users summed.
    up = {series["metric"]["instance"].split(":")[0]: series["value"][1] for series in whole.live["up"]}
    assert up == {"127.0.0.1": "1", "127.0.0.2": "1", "127.0.0.3": "1"}
    assert {s["metric"]["instance"].split(":")[0]: float(s["value"][1]) for s in whole.live["users"]} == {
        "127.0.0.2": 20.0,
        "127.0.0.3": 20.0,
    }
    log = (whole.directory / "logs" / "locust-master.log").read_text()
    assert "2 workers connected" in log
    assert "Uncaught exception" not in log
    assert not whole.orders_left
    plan = (whole.directory / "plan.yml").read_text()
    assert "workers: 2" in plan
    assert "scrape_interval: 1s" in plan


@pytest.mark.scenario("standing")
def test_alerts_and_the_switch_were_delivered_and_recorded(whole: Standing) -> None:
    first, *deliveries = whole.deliveries
    assert first == {"watchdog": "Watchdog"}
    assert len(deliveries) >= 3
    assert {d["status"] for d in deliveries} <= {"firing", "resolved"}
    names = {alert["labels"]["alertname"] for d in deliveries for alert in d["alerts"]}
    assert "Watchdog" in names
    assert "Watchdog" not in summaries(whole)
    assert "Watchdog" not in whole.output, "the switch is no news"


@pytest.mark.scenario("standing")
def test_the_verdict_was_posted_and_the_hook_stays_secret(whole: Standing) -> None:
    [(path, posted)] = whole.posted
    assert path == f"/services/{HOOK_SECRET}"
    assert posted["outcome"] == "pass"
    assert posted["run_id"] == whole.record["run_id"]
    assert posted["report"] == f"https://runs.example/{whole.record['run_id']}/report.html"
    assert posted["text"].startswith("PASS  standing on http://127.0.0.1:")
    everywhere = whole.output + "".join(
        p.read_text(errors="replace") for p in whole.directory.rglob("*") if p.is_file() and p.suffix != ""
    )
    assert HOOK_SECRET not in everywhere
    assert "webhook: http://127.0.0.1" in (whole.directory / "plan.yml").read_text()


@pytest.mark.scenario("standing")
def test_the_archive_is_judged_again_to_the_same_verdict(whole: Standing) -> None:
    before = whole.verdict
    again = subprocess.run([sys.executable, "-m", "harness.cli", "judge", str(whole.directory)], check=False)
    assert again.returncode == 0
    assert json.loads((whole.directory / "verdict.json").read_text()) == before


@pytest.mark.long
@pytest.mark.scenario("standing-worker-killed")
def test_a_worker_killed_and_started_again(whole: Standing) -> None:
    assert whole.record["ended_by"] == "completed"
    # Half of the users are away until the next worker takes them: on a slow machine for longer than the judge bears.
    assert (whole.exit_code, whole.verdict["outcome"]) in ((0, "warn"), (11, "inconclusive")), summaries(whole)
    if whole.exit_code:
        assert "of the plan's 40 users ran" in summaries(whole)
    assert "a Locust worker died and was started again" in summaries(whole)
    assert "went away or fell silent" in notes(whole)


@pytest.mark.long
@pytest.mark.scenario("standing-worker-gone")
def test_a_worker_killed_for_good(whole: Standing) -> None:
    assert whole.record["ended_by"] == "completed", "the other one goes on"
    assert whole.verdict["outcome"] in ("warn", "inconclusive")
    assert "missing" in summaries(whole)
    assert whole.objective("error_ratio")["outcome"] != "fail"


@pytest.mark.long
@pytest.mark.scenario("standing-prometheus-restarted")
def test_prometheus_restarted_in_mid_run(whole: Standing) -> None:
    assert whole.record["ended_by"] == "completed"
    assert "Prometheus did not answer" in notes(whole)
    gaps = {row["metric"]: row["longest_gap"] for row in whole.verdict["coverage"]["series"]}
    assert gaps["namedprocess_namegroup_memory_bytes"] > 5, "what was not scraped is told"
    assert gaps["locust_request_duration_seconds_count"] < 5, "a counter without a reset bridges it"
    assert whole.verdict["outcome"] in ("warn", "inconclusive"), summaries(whole)
    assert "Prometheus scraped nothing at all from" in summaries(whole)


@pytest.mark.long
@pytest.mark.scenario("standing-stopped")
def test_a_stop_in_mid_run_is_judged_and_the_services_serve_the_next_run(whole: Standing) -> None:
    assert whole.exit_code == 11
    assert (whole.record["ended_by"], whole.record["reason"]) == ("interrupted", "ended by SIGTERM")
    assert (whole.directory / "report.html").is_file()
    assert not whole.orders_left
    assert whole.again is not None
    assert whole.again.record["ended_by"] == "completed"
    assert whole.again.record["run_id"] != whole.record["run_id"]
    assert whole.again.objective("restarts")["outcome"] == "pass"
    assert [posted["outcome"] for _, posted in whole.posted] == ["inconclusive", whole.again.verdict["outcome"]]


@pytest.mark.long
@pytest.mark.scenario("standing-sidecar-stopped")
def test_a_sidecar_stopped_half_way(whole: Standing) -> None:
    assert whole.exit_code == 11
    assert whole.record["ended_by"] == "completed"
    assert "sidecar" in summaries(whole)
    assert whole.objective("latency_p95")["outcome"] == "pass"


@pytest.mark.long
@pytest.mark.scenario("standing-harness-killed")
def test_a_harness_killed_outright_ends_the_load(whole: Standing) -> None:
    assert whole.exit_code == -9
    assert whole.orders_left, "nobody was left to withdraw it"
    assert whole.live["load_now"] == [], "agents obey only while the harness that ordered lives"
    assert whole.judged is not None
    code, said = whole.judged
    assert code == 11, said
    assert "its series were recovered from http://127.0.0.1" in said
    assert whole.record["ended_by"] == "crashed"
    assert whole.record["steady_from"] < whole.record["ended_at"]
    assert whole.objective("memory_limit")["outcome"] == "pass", "what was seen is evidence"
    assert whole.again is not None
    assert whole.again.record["ended_by"] == "completed"


@pytest.mark.long
@pytest.mark.scenario("standing-bare")
def test_without_alertmanager_and_admin_api(whole: Standing) -> None:
    assert (whole.exit_code, whole.verdict["outcome"]) == (0, "warn"), summaries(whole)
    assert "the notification path does not work: the alert 'Watchdog'" in summaries(whole)
    assert "read through the query API" in notes(whole)
    assert whole.objective("latency_p95")["outcome"] == "pass"
