"""Parts that die, users that do nothing, signals: never a pass, never silent, nothing left running."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.whole_run import PLAN, Whole

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


def summaries(whole: Whole) -> str:
    return "\n".join(f["summary"] for f in whole.verdict["findings"])


@pytest.mark.scenario("sidecar-killed")
def test_the_sidecar_killed_half_way(whole: Whole) -> None:
    assert whole.record["ended_by"] == "completed"
    assert any("the sidecar was lost (was killed by SIGKILL)" in note for note in whole.record["notes"])
    assert "the sidecar died and was started again, once" in summaries(whole)
    # How long it was away decides, and that is the machine's to say: too long is no evidence, never a pass.
    assert whole.exit_code == (0 if whole.verdict["outcome"] == "warn" else 11)
    assert whole.objective("latency_p95")["outcome"] == "pass", "what does not need it is judged"


@pytest.mark.scenario("prometheus-killed")
def test_prometheus_killed_half_way(whole: Whole) -> None:
    assert whole.record["ended_by"] == "completed"
    assert any("Prometheus was lost (was killed by signal 9)" in note for note in whole.record["notes"])
    assert "Prometheus died and was started again, once" in summaries(whole)
    assert whole.exit_code == (0 if whole.verdict["outcome"] == "warn" else 11)
    assert whole.objective("error_ratio")["outcome"] == "pass", "counters bridge the seconds of its absence"


@pytest.mark.scenario("worker-killed")
def test_a_locust_worker_killed_is_replaced_and_named(whole: Whole) -> None:
    assert whole.record["ended_by"] == "completed"
    assert any("locust-worker-1 was lost" in note for note in whole.record["notes"])
    assert (whole.exit_code, whole.verdict["outcome"]) == (0, "warn"), summaries(whole)
    assert any("a Locust worker died and was started again" in f["summary"] for f in whole.findings("warn")), summaries(
        whole
    )


@pytest.mark.long
@pytest.mark.scenario("master-killed")
def test_the_locust_master_killed(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert whole.record["ended_by"] == "aborted"
    assert "Locust master" in whole.record["reason"]


@pytest.mark.long
@pytest.mark.scenario("target-killed")
def test_the_target_killed_half_way(whole: Whole) -> None:
    assert whole.exit_code == 10
    assert whole.objective("error_ratio")["outcome"] == "fail"


@pytest.mark.long
@pytest.mark.scenario("target-hangs")
def test_the_target_hangs_half_way(whole: Whole) -> None:
    assert whole.exit_code in (10, 11)
    assert whole.objective("latency_p95")["outcome"] != "pass", "requests without an answer are not fast"
    assert whole.findings("fail") + whole.findings("inconclusive")


@pytest.mark.scenario("target-dies-at-once")
def test_a_target_that_dies_as_the_load_begins(whole: Whole) -> None:
    assert whole.exit_code in (10, 11)
    assert whole.verdict["findings"]


@pytest.mark.long
@pytest.mark.scenario("idle-users")
def test_users_that_do_nothing(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert "request" in summaries(whole)
    assert whole.objective("error_ratio")["outcome"] == "inconclusive", "no errors of no requests is no pass"


@pytest.mark.scenario("interrupted")
def test_ctrl_c_ends_in_order_and_judges_what_there_is(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert (whole.record["ended_by"], whole.record["reason"]) == ("interrupted", "ended by SIGINT")
    assert whole.record["steady_to"] == whole.record["ended_at"]
    assert "interrupted" in summaries(whole)
    assert (whole.directory / "report.html").is_file()
    assert not (whole.directory / "work").exists()


@pytest.mark.scenario("interrupted-early")
def test_ctrl_c_during_the_warm_up(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert whole.record["steady_from"] is None
    assert "never reached its steady state" in summaries(whole)


@pytest.mark.scenario("interrupted-at-start")
def test_ctrl_c_before_the_load_began(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert (whole.record["ended_by"], whole.record["reason"]) == ("interrupted", "SIGINT while it started")
    assert "nothing to judge" in summaries(whole)
    assert not (whole.directory / "work").exists()


@pytest.mark.scenario("interrupted-twice")
def test_a_second_ctrl_c_ends_at_once(whole: Whole) -> None:
    assert whole.exit_code == 12
    assert whole.record["ended_by"] == "interrupted"
    assert "ended at once" in whole.output


@pytest.mark.scenario("harness-killed")
def test_a_harness_killed_outright_leaves_nothing_running_and_the_truth(whole: Whole) -> None:
    assert whole.exit_code == -9
    assert whole.record["ended_by"] == "crashed"
    assert whole.record["ended_at"] is None
    assert not (whole.directory / "tsdb").exists()
    work = whole.directory / "work"
    for secret in (work / "sidecar.json", work / "prometheus" / "prometheus.yml"):
        assert secret.stat().st_mode & 0o077 == 0, f"{secret} may hold credentials"
    assert (work / "load").stat().st_mode & 0o077 == 0

    again = subprocess.run(
        [sys.executable, "-m", "harness.cli", "judge", str(whole.directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    print(again.stdout, again.stderr)
    assert again.returncode == 11, "nothing was broken, and a run that was killed cannot pass"
    assert "Traceback" not in again.stderr
    assert "its series were recovered" in again.stderr
    assert not work.exists(), "credentials and all"
    assert whole.record["ended_by"] == "crashed"
    assert whole.record["steady_from"] < whole.record["steady_to"] == whole.record["ended_at"]
    assert "the run crashed" in whole.verdict["first_cause"]["summary"]
    assert whole.objective("error_ratio")["value"] is not None, "what was seen is evidence"
    before = whole.verdict
    third = subprocess.run([sys.executable, "-m", "harness.cli", "judge", str(whole.directory)], check=False)
    assert (third.returncode, whole.verdict) == (11, before)


@pytest.mark.scenario("too-short")
def test_an_objective_that_so_short_a_run_cannot_judge(whole: Whole) -> None:
    assert whole.exit_code == 11
    assert "note: cannot be judged: fd_growth needs" in whole.output
    assert whole.objective("fd_growth")["outcome"] == "inconclusive"
    looked = subprocess.run(
        [sys.executable, "-m", "harness.cli", "check", str(PLAN), "--duration", "40s", "--json", "--set",
         "objectives.fd_growth=5%"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert looked.returncode == 11, "as the run"
    assert "fd_growth" in {p["objective"] for p in json.loads(looked.stdout)["unjudgeable"]}
