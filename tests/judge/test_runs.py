"""Whole judgements of fabricated run directories: real blocks, real rules, real private Prometheus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from harness.judge import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.model import Plan
from harness.report.finding_text import in_order_of_onset
from harness.run.record import RunDirectory
from tests.judge.fabricate import DEFAULT, START, Curve, Made, flat, job, lose, named, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"


def after(second: float, before: float, then: float) -> Curve:
    return lambda t: np.where(t >= second, then, before).astype(float)


def judged(folder: Path, made: Made, on: Plan | None = None, **record: object) -> Verdict:
    return judge_run(write_run(folder / "run", made, **record), on or plan(), rules_dir=RULES)


def outcomes(verdict: Verdict) -> dict[str, str]:
    return {f"{o.objective} {o.subject}": o.outcome.word for o in verdict.objectives}


def failed(verdict: Verdict) -> set[str]:
    return {o.objective for o in verdict.objectives if o.outcome is Outcome.FAIL}


def test_a_healthy_run_passes_with_every_objective_judged(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made())
    assert verdict.findings == ()
    assert verdict.outcome is Outcome.PASS
    assert outcomes(verdict) == {
        f"{name} {subject}": "pass"
        for name, subject in (
            ("latency_p95", "all"), ("latency_p99", "all"), ("error_ratio", "all"), ("throughput", "all"),
            ("memory_growth", "process:web"), ("fd_growth", "process:web"), ("memory_limit", "process:web"),
            ("cpu", "process:web"), ("db_pool_use", "pool:main"), ("redis_ping_p99", "redis:cache"),
            ("disk_growth", "database:main"), ("restarts", "process:web"), ("db_pool_waiting", "pool:main"),
        )
    }  # fmt: skip
    by_name = {o.objective: o for o in verdict.objectives}
    assert by_name["throughput"].value == pytest.approx(40, rel=0.03)
    assert by_name["latency_p95"].value == pytest.approx(0.096, abs=0.004)  # 90 % of the way from 0.05 to 0.1 s
    assert "99.00% of 9,6" in by_name["latency_p95"].note  # 240 s x 40 a second, the first minute included
    assert by_name["memory_limit"].value == pytest.approx(200e6, rel=0.02)
    assert by_name["cpu"].value == pytest.approx(0.4, rel=0.01)
    assert verdict.first_cause is None
    assert {row["outcome"] for row in verdict.coverage["series"]} == {"pass"}


BREACHES = {
    "memory leak": (Made(memory=lambda t: 200e6 * (1 + 0.004 * t)), {"memory_growth"}, "memory", {"process": "web"}),
    "error burst": (Made(errors=after(150, 0, 0.2)), {"error_ratio", "latency_p95", "latency_p99"}, "errors", {}),
    "slow": (Made(slow=after(150, 0.01, 0.2)), {"latency_p95"}, "latency", {}),
    "connection leak": (
        Made(
            in_use=lambda t: np.clip(3 + (t - 70) / 10, 3, 10),
            waiting=after(145, 0, 5),
            slow=after(160, 0.01, 0.3),
            errors=after(190, 0, 0.1),
            timeouts=after(190, 0, 2),
        ),
        {"db_pool_use", "db_pool_waiting", "latency_p95", "latency_p99", "error_ratio"},
        "db_pool",
        {"pool": "main"},
    ),
    "restart": (Made(starts=after(150, 0, 1)), {"restarts"}, "restarts", {"process": "web"}),
    "slow redis": (Made(redis_ping=after(100, 0.002, 0.15)), {"redis_ping_p99"}, "redis", {"redis": "cache"}),
    "busy": (Made(cpu=after(100, 0.4, 2.5)), {"cpu"}, "cpu", {"process": "web"}),
    "over the memory limit": (Made(memory=after(250, 1.00e9, 1.15e9)), {"memory_limit"}, "memory", {"process": "web"}),
    "descriptor leak": (Made(fds=lambda t: np.floor(40 + t / 2)), {"fd_growth"}, "fds", {"process": "web"}),
    "too little load": (Made(rps=flat(15)), {"throughput"}, "throughput", {}),
}


# CI's share: one of each kind. The others take two seconds each on an idle machine and are run by make test-long.
_IN_CI = frozenset(
    {"memory leak", "error burst", "connection leak", "restart"}
    | {"sidecar killed half-way", "prometheus killed half-way", "no requests", "no buckets"}
)


def _cases(names: Iterable[str]) -> list[object]:
    return [name if name in _IN_CI else pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", _cases(BREACHES))
def test_each_breach_fails_with_its_signal_first(name: str, tmp_path: Path) -> None:
    made, objectives, signal, subject = BREACHES[name]
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.FAIL
    assert failed(verdict) == objectives
    cause = verdict.first_cause
    assert cause is not None
    assert (cause.signal, cause.outcome) == (signal, Outcome.FAIL)
    assert set(subject.values()) <= set(cause.subject.values())


def test_restarts_that_the_plan_allows_are_told_and_break_nothing(tmp_path: Path) -> None:
    allowed = plan(DEFAULT + "  restarts: 2\n")
    verdict = judged(tmp_path, Made(starts=lambda t: np.where(t >= 150, 2.0, np.where(t >= 140, 1.0, 0.0))), allowed)
    assert verdict.outcome is Outcome.WARN
    (finding,) = [f for f in verdict.findings if f.check == "objectives"]
    assert (finding.signal, finding.outcome) == ("restarts", Outcome.WARN)
    assert finding.summary == "restarts of process:web: 2 in the steady state; the plan allows 2"
    assert finding.first_seen == pytest.approx(START + 145, abs=5)
    assert verdict.first_cause is not None and verdict.first_cause.signal == "restarts"


_STORY = ("db_pool_use", "db_pool_waiting", "latency_p95", "error_ratio")


def test_a_connection_leak_reads_as_one_story_now_and_later(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", BREACHES["connection leak"][0])
    directory.plan_file.write_text(dump_plan(plan(DEFAULT), mask=True))
    verdict = judge_run(directory, plan(), rules_dir=RULES)
    onset: dict[str, float] = {}
    for finding in verdict.findings:
        if finding.outcome is Outcome.FAIL and finding.onset is not None:
            onset[finding.signal] = min(finding.onset - START, onset.get(finding.signal, 1e9))
    assert onset["db_pool"] < onset["latency"] < onset["errors"]
    assert 70 <= onset["db_pool"] <= 100
    assert 160 <= onset["latency"] <= 180
    # Told in that order: the leak, then those who wait, then the latency, then the errors.
    told = [f.objective for f in in_order_of_onset(verdict.findings) if f.check == "objectives"]
    assert [n for n in told if n in _STORY] == sorted(_STORY, key=_STORY.index)
    assert 190 <= onset["errors"] <= 210
    # The same data give the same bytes, by the directory's own plan, also after it was moved.
    first = json.dumps(verdict.to_json(), allow_nan=False)
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    again = judge_run(RunDirectory(tmp_path / "elsewhere"), None, rules_dir=RULES)
    assert json.dumps(again.to_json(), allow_nan=False) == first


def test_a_leak_far_below_its_limit_passes(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(memory=lambda t: 200e6 * (1 + 0.0001 * t)))
    assert verdict.outcome is Outcome.PASS


MISSING = {
    "sidecar killed half-way": (Made(down={"sidecar": after(180, 0, 1)}), "memory_growth process:web", "the sidecar"),
    "prometheus restarted": (
        Made(lost=lambda labels, t: (t > 140) & (t < 200)),
        "latency_p95 all",
        "scraped nothing at all from 14:15:3",
    ),
    "prometheus killed half-way": (Made(lost=lambda labels, t: t > 180), "latency_p95 all", "scraped nothing at all"),
    "load not scraped": (Made(lost=lose(job("load"))), "error_ratio all", "the load generator"),
    "target's metrics gone": (Made(down={"target": flat(1)}), "db_pool_waiting all", "db_pool_waiting"),
    "memory not read": (Made(lost=lose(named("memory_bytes"))), "memory_limit process:web", "did not deliver"),
    "descriptors not read": (Made(lost=lose(named("filedesc"), 150)), "fd_growth process:web", "filedesc"),
    "redis not read": (Made(lost=lose(named("redis_"))), "redis_ping_p99 redis:cache", "redis_ping_duration"),
    "starts not read": (Made(lost=lose(named("starts_total", "oldest"))), "restarts process:web", "starts_total"),
    "database not read": (Made(lost=lose(named("pg_database"))), "disk_growth database:main", "pg_database_size"),
    "no requests": (Made(rps=flat(0)), "error_ratio all", "not one request"),
    "no buckets": (Made(lost=lose(named("duration_seconds_bucket"))), "latency_p95 all", "latency_p95"),
}


@pytest.mark.parametrize("name", _cases(MISSING))
def test_missing_data_is_inconclusive_and_says_what_was_missing(name: str, tmp_path: Path) -> None:
    made, objective, words = MISSING[name]
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert outcomes(verdict)[objective] == "inconclusive"
    assert any(words in f.summary and f.outcome is Outcome.INCONCLUSIVE for f in verdict.findings)


def test_without_any_series_of_an_objective_nothing_passes(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lost=lambda labels, t: np.full(t.shape, labels["__name__"] != "up")))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert set(outcomes(verdict).values()) == {"inconclusive"}


def test_a_proven_breach_outranks_missing_data(tmp_path: Path) -> None:
    made = Made(errors=after(150, 0, 0.2), down={"sidecar": after(120, 0, 1)})
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.first_cause is not None
    assert verdict.first_cause.signal == "errors"  # the telemetry went first, but does not explain the errors


def test_a_tenth_of_the_scrapes_lost_is_a_warning(tmp_path: Path) -> None:
    made = Made(lost=lambda labels, t: (np.arange(t.size) % 10 == 5) & (labels["__name__"] != "up"))
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.WARN
    assert {f.check for f in verdict.findings} == {"coverage"}


def test_a_slow_generator_is_not_blamed_on_the_target(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lag=after(100, 0.002, 0.3), slow=after(100, 0.01, 0.3)))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert outcomes(verdict)["latency_p95 all"] == "inconclusive"
    assert verdict.first_cause is not None
    assert verdict.first_cause.signal == "generator"


def test_a_worker_that_was_replaced_is_named(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(worker_restarts=after(150, 0, 1)))
    assert verdict.outcome is Outcome.WARN
    assert "14:15:51" in next(f.summary for f in verdict.findings if f.check == "generator")


def test_the_harness_tells_its_own_memory_and_lag(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(watch_lag=after(150, 0.6, 12.0)))
    own = verdict.coverage["own"]
    assert own["memory"] == [{"process": "harness", "highest": 80e6, "growth": None}]
    assert own["watch_lag"] == 12.0
    assert verdict.outcome is Outcome.WARN
    [finding] = [f for f in verdict.findings if f.check == "run"]
    assert finding.summary.startswith("the harness did not look at its run for 12s")


def test_a_part_that_was_replaced_is_named(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(part_restarts=after(150, 0, 1)))
    assert verdict.outcome is Outcome.WARN
    [finding] = [f for f in verdict.findings if f.check == "run"]
    assert finding.summary == "the sidecar died and was started again, once (seen at 14:15:51 UTC)"
    assert (finding.subject, finding.value) == ({"part": "sidecar"}, 1)
    assert finding.runbook == "runbooks/PartRestarted.md"


def test_a_store_that_began_anew_is_told_with_its_moment(tmp_path: Path) -> None:
    """Nothing else tells of a restart that the service coped with."""
    jitter = after(150, START - 3600, START - 3599)
    restarted = after(200, START - 3600, START + 197)
    verdict = judged(tmp_path, Made(redis_started=restarted, database_started=jitter))
    assert verdict.outcome is Outcome.WARN
    [finding] = [f for f in verdict.findings if f.outcome is Outcome.WARN]
    assert finding.summary == "RedisRestarted fired: Redis restarted"
    assert (finding.signal, finding.subject, finding.objective) == ("restarts", {"redis": "cache"}, "")
    assert finding.first_seen == pytest.approx(START + 200, abs=17)
    assert finding.runbook == "runbooks/RedisRestarted.md"

    crashed = judged(tmp_path / "crashed", Made(database_started=restarted))
    assert [f.summary for f in crashed.findings] == ["DatabaseRestarted fired: The database restarted"]
    early = judged(tmp_path / "early", Made(redis_started=after(30, START - 3600, START + 28)))
    assert early.outcome is Outcome.PASS, "in the warm-up"


def test_a_part_that_dies_again_and_again_is_no_instrument(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(part_restarts=after(150, 0, 7)))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    [finding] = [f for f in verdict.findings if f.check == "run"]
    assert "7 times within an hour: what dies so often proves nothing" in finding.summary
    six = judged(tmp_path / "six", Made(part_restarts=after(150, 0, 6)))
    assert six.outcome is Outcome.WARN


def test_a_run_that_was_interrupted_cannot_pass(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(), ended_by="interrupted", reason="Ctrl-C")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert [f.summary for f in verdict.findings] == ["the run was interrupted: Ctrl-C; it cannot pass"]


def test_errors_that_aborted_the_run_in_its_warm_up_fail_it(tmp_path: Path) -> None:
    made = Made(errors=flat(0.9), lost=lambda labels, t: t > 58)
    verdict = judged(
        tmp_path,
        made,
        ended_by="aborted",
        reason="ErrorsExcessive",
        steady_from=None,
        steady_to=None,
        ended_at=START + 60,
    )
    assert verdict.outcome is Outcome.FAIL
    proof = [f for f in verdict.findings if f.outcome is Outcome.FAIL]
    assert [(f.check, f.objective, f.signal) for f in proof] == [("alerts", "error_ratio", "errors")]
    assert set(outcomes(verdict).values()) == {"inconclusive"}


def test_edges_brackets_and_endpoints(tmp_path: Path) -> None:
    # A fifth of the requests take 0.8 to 1 s: at 900 ms nobody can tell, at 1 s they are within, at 500 ms over.
    on = plan(
        "  latency_p95: 900ms\n  latency_p99: 1s\n"
        '  endpoints: {"GET /a": {latency_p95: 500ms, error_ratio: 1%}, "POST /none": {latency_p95: 1s}}'
    )
    verdict = judged(tmp_path, Made(slow=flat(0.2)), on)
    found = outcomes(verdict)
    assert found["latency_p95 all"] == "inconclusive"
    assert found["latency_p99 all"] == "pass"
    assert found["latency_p95 GET /a"] == "fail"
    assert found["error_ratio GET /a"] == "pass"
    assert found["latency_p95 POST /none"] == "inconclusive"
    finding = next(f for f in verdict.findings if f.outcome is Outcome.FAIL)
    assert finding.subject == {"method": "GET", "name": "/a"}
    assert finding.value == pytest.approx(0.95, abs=0.02)


def test_growth_over_a_day_cannot_be_judged_in_minutes(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", Made())
    day = plan("  memory_growth: 5%", horizon="24h")
    verdict = judge_run(directory, day, rules_dir=RULES)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    line = next(o for o in verdict.objectives if o.objective == "memory_growth")
    assert line.note.startswith("the steady window is too short")
    assert "longer" in line.note


def test_an_inherited_objective_is_judged_only_where_it_is_measured(tmp_path: Path) -> None:
    bare = plan("  error_ratio: 1%").model_copy(update={"target": plan().target.model_copy(update={
        "metrics": (), "processes": (), "databases": (), "redis": (),
    })})  # fmt: skip
    only_load = Made(lost=lambda labels, t: np.full(t.shape, labels["job"] in ("sidecar", "target")))
    verdict = judged(tmp_path, only_load, bare)
    assert outcomes(verdict) == {"error_ratio all": "pass"}
    assert verdict.outcome is Outcome.PASS
    assert [n["objective"] for n in verdict.coverage["not_measured"]] == ["db_pool_waiting", "restarts"]
    named_ = bare.model_copy(
        update={"objectives": tuple(o.__class__(**{**o.__dict__, "inherited": False}) for o in bare.objectives)}
    )
    again = judge_run(RunDirectory(tmp_path / "run"), named_, rules_dir=RULES)
    assert again.outcome is Outcome.INCONCLUSIVE
    assert outcomes(again)["restarts all"] == "inconclusive"


def test_a_start_time_alone_counts_its_changes(tmp_path: Path) -> None:
    """process-exporter has no counter of starts."""
    no_counter = lose(named("starts_total"))
    verdict = judged(tmp_path / "steady", Made(lost=no_counter, oldest=flat(START - 900)))
    assert outcomes(verdict)["restarts process:web"] == "pass"
    verdict = judged(tmp_path / "again", Made(lost=no_counter, oldest=after(150, START - 900, START + 148)))
    assert failed(verdict) == {"restarts"}
    (result,) = (o for o in verdict.objectives if o.objective == "restarts")
    assert result.value == 1
    assert verdict.first_cause is not None and verdict.first_cause.objective == "restarts"


def test_alerts_count_also_where_the_stack_has_another_name_than_the_plans(tmp_path: Path) -> None:
    made = Made(errors=after(120, 0, 0.9))
    verdict = judged(tmp_path, made, plan().model_copy(update={"stack": "other"}))
    assert "error_ratio" in failed(verdict)
    assert any(f.check == "alerts" and f.summary.startswith("ErrorsExcessive") for f in verdict.findings)


def test_a_series_that_ends_is_no_gap_while_others_of_its_kind_go_on(tmp_path: Path) -> None:
    """Presence is read from one series of each instance; where that one falls short, from all."""
    ends = lose(lambda s: s["__name__"].endswith("duration_seconds_count") and s.get("outcome") == "error", start=150)
    verdict = judged(tmp_path, Made(lost=ends))
    (row,) = (r for r in verdict.coverage["series"] if r["metric"] == "locust_request_duration_seconds_count")
    assert row["outcome"] == "pass" and row["present"] == row["expected"]
    assert outcomes(verdict)["latency_p95 all"] == "pass"
