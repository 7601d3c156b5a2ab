"""Outcomes, first cause, and what alerts and the run's ending mean for them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from harness.errors import ExitCode
from harness.judge.alerts import Known, age, evaluation_step, outcome_of, render, runbook
from harness.judge.context import make_windows
from harness.judge.ending import check_ending
from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict, worst
from harness.judge.windows import Window
from harness.prom.series import Series
from harness.run.record import RunRecord
from tests.judge.fabricate import END, RECORD, START, STEADY_FROM, plan

MET = ObjectiveResult("error_ratio", "all", 0.01, 0.0, "ratio", Outcome.PASS)


def verdict(*findings: Finding, objectives: tuple[ObjectiveResult, ...] = (MET,)) -> Verdict:
    return Verdict("r", findings, objectives, {})


def finding(signal: str, outcome: Outcome, onset: float | None = None, first: float | None = None) -> Finding:
    return Finding("objectives", signal, outcome, signal, onset=onset, first_seen=first)


def test_nothing_judged_is_never_a_pass() -> None:
    assert worst([]) is Outcome.INCONCLUSIVE
    assert verdict(objectives=()).outcome is Outcome.INCONCLUSIVE
    assert verdict().outcome is Outcome.PASS
    assert verdict().first_cause is None


def test_a_breach_outranks_missing_data_and_exit_codes_follow() -> None:
    both = verdict(finding("telemetry", Outcome.INCONCLUSIVE), finding("errors", Outcome.FAIL))
    assert both.outcome is Outcome.FAIL
    codes = [o.exit_code for o in Outcome]
    assert codes == [ExitCode.PASS, ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.ERROR, ExitCode.FAIL]
    assert Outcome.from_word("inconclusive") is Outcome.INCONCLUSIVE
    with pytest.raises(ValueError, match="no outcome"):
        Outcome.from_word("green")


def test_the_first_cause_moved_first() -> None:
    cause = verdict(
        finding("errors", Outcome.FAIL, 300),
        finding("latency", Outcome.FAIL, 200),
        finding("db_pool", Outcome.WARN, 100),
    ).first_cause
    assert cause is not None
    assert cause.signal == "db_pool"


def test_lost_telemetry_does_not_explain_a_breach() -> None:
    cause = verdict(
        finding("telemetry", Outcome.INCONCLUSIVE, 10),
        finding("generator", Outcome.WARN, 20),
        finding("redis", Outcome.WARN, None, 5),  # held all along
        finding("errors", Outcome.FAIL, 300),
    ).first_cause
    assert cause is not None
    assert cause.signal == "errors"


def test_of_signals_that_moved_together_the_resource_is_the_cause() -> None:
    cause = verdict(
        finding("latency", Outcome.FAIL, 100),
        finding("errors", Outcome.FAIL, 102),
        finding("memory", Outcome.FAIL, 105),
        finding("cpu", Outcome.FAIL, 130),
    ).first_cause
    assert cause is not None
    assert cause.signal == "memory"


def test_an_undated_finding_is_the_cause_only_where_none_is_dated() -> None:
    cause = verdict(finding("latency", Outcome.INCONCLUSIVE), finding("memory", Outcome.WARN)).first_cause
    assert cause is not None
    assert cause.signal == "latency"


def test_json_has_neither_nan_nor_infinity() -> None:
    odd = ObjectiveResult("latency_p95", "all", math.inf, math.nan, "seconds", Outcome.PASS)
    data = verdict(finding("errors", Outcome.FAIL, 5), objectives=(odd,)).to_json()
    assert json.loads(json.dumps(data, allow_nan=False))["objectives"][0]["value"] is None
    assert data["first_cause"]["signal"] == "errors"


def known(objective: Outcome, **rest: object) -> Known:
    defaults = {"coverage": Outcome.PASS, "generator": Outcome.PASS, "generator_fault": ""}
    return Known(objectives={"latency_p95": objective, "memory_growth": objective}, **{**defaults, **rest})  # type: ignore[arg-type]


FAIL_ALERT = {"verdict": "fail", "objective": "latency_p95", "signal": "latency"}


@pytest.mark.parametrize(
    ("labels", "state", "outcome"),
    [
        (FAIL_ALERT, known(Outcome.FAIL), Outcome.FAIL),
        (FAIL_ALERT, known(Outcome.PASS), Outcome.WARN),
        (FAIL_ALERT, known(Outcome.INCONCLUSIVE), Outcome.FAIL),
        (FAIL_ALERT, known(Outcome.INCONCLUSIVE, generator_fault="lag"), Outcome.INCONCLUSIVE),
        ({**FAIL_ALERT, "objective": "cpu"}, known(Outcome.PASS), Outcome.WARN),
        ({**FAIL_ALERT, "abort": "true"}, known(Outcome.PASS), Outcome.FAIL),
        ({**FAIL_ALERT, "abort": "true", "objective": "cpu"}, known(Outcome.PASS), Outcome.WARN),
        ({"verdict": "fail", "objective": "memory_growth"}, known(Outcome.INCONCLUSIVE), Outcome.WARN),
        ({"verdict": "warn", "objective": "latency_p95"}, known(Outcome.FAIL), Outcome.WARN),
        ({}, known(Outcome.FAIL), Outcome.WARN),
        ({"verdict": "inconclusive", "signal": "telemetry"}, known(Outcome.PASS), Outcome.WARN),
        (
            {"verdict": "inconclusive", "signal": "memory"},
            known(Outcome.PASS, coverage=Outcome.INCONCLUSIVE),
            Outcome.INCONCLUSIVE,
        ),
        (
            {"verdict": "inconclusive", "signal": "generator"},
            known(Outcome.PASS, generator=Outcome.INCONCLUSIVE),
            Outcome.INCONCLUSIVE,
        ),
    ],
)
def test_what_an_alert_means(labels: dict[str, str], state: Known, outcome: Outcome) -> None:
    assert outcome_of(labels, state) is outcome


def test_annotations_are_rendered_and_unknown_actions_left_out() -> None:
    text = '{{ $labels.subject }} at {{ $value | humanizePercentage }} ({{ printf "%.1f" $value }}){{ if x }}!'
    assert render(text, {"subject": "web"}, 0.25) == "web at 25% (0.25)!"
    assert render("{{ $labels.none }}", {}, 1.0) == ""
    assert runbook({"runbook_url": "docs/runbooks/A.md"}) == "runbooks/A.md"
    assert runbook({}) == ""


def test_long_look_backs_are_evaluated_each_minute_on_the_same_grid() -> None:
    assert evaluation_step("rate(x[5m]) > 1", 5) == 5
    assert evaluation_step("min_over_time(x[2h15m:1m]) > 1", 5) == 60
    assert evaluation_step("min_over_time(x[1h]) > 1", 7) == 56
    assert evaluation_step("min_over_time(x[1d]) > 1", 300) == 300


def test_windows_of_runs_that_ended_in_other_ways() -> None:
    assert make_windows(plan(), RECORD) == (Window(STEADY_FROM, END), Window(START, END))
    killed = RunRecord("r", "p", START, "t", steady_from=STEADY_FROM)
    assert make_windows(plan(), killed) == (Window(STEADY_FROM, STEADY_FROM + 240), Window(START, STEADY_FROM + 240))
    early = RunRecord("r", "p", START, "t", ended_at=START + 30, ended_by="aborted", reason="x")
    assert make_windows(plan(), early) == (None, Window(START, START + 30))


def test_endings() -> None:
    steady = Window(STEADY_FROM, END)
    assert check_ending(RECORD, plan(), steady) == []
    for word in ("aborted", "interrupted", "crashed"):
        record = RunRecord("r", "p", START, "t", STEADY_FROM, END, END, word, "because")  # type: ignore[arg-type]
        (found,) = check_ending(record, plan(), steady)
        assert found.outcome is Outcome.INCONCLUSIVE
        assert "because" in found.summary
    (short,) = check_ending(RECORD, plan(), Window(STEADY_FROM, STEADY_FROM + 100))
    assert short.summary == "the steady state lasted 1m 40s, the plan asks for 4m"
    assert len(check_ending(RECORD, plan(), None)) == 1


def test_an_age_dates_back_what_an_alert_speaks_of() -> None:
    oldest = Series({}, np.array([100.0, 115.0]), np.array([301.0, 316.0]))
    assert age("\n  harness_database:pg_oldest_transaction_seconds:max > 300", oldest, 100.0) == 301.0
    assert age("harness_redis:redis_ping_seconds:p50_1m > 0.1", oldest, 100.0) == 0.0
