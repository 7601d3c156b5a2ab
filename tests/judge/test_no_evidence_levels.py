"""Runs that look healthy because something was not seen: none of them may pass, and each says what was not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.levels import judge_level
from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.prom.block_writer import BlockWriter
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, START, STEADY, WARMUP, Made, flat, lose, plan, series_of

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
Change = Callable[[list[Series]], list[Series]]


def judged(folder: Path, made: Made, on: Plan, change: Change = lambda series: series) -> Verdict:
    directory = RunDirectory(folder / "run")
    directory.path.mkdir(parents=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(change(series_of(made)))
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return judge_run(directory, on, rules_dir=RULES)


def line(verdict: Verdict, objective: str, subject: str = "all") -> tuple[Outcome, str]:
    (one,) = (o for o in verdict.objectives if (o.objective, o.subject) == (objective, subject))
    return one.outcome, one.note


def told(verdict: Verdict, words: str, outcome: Outcome = Outcome.INCONCLUSIVE) -> bool:
    return any(words in f.summary and f.outcome is outcome for f in verdict.findings)


def up_to(seconds: float, match: Callable[[Series], bool], values: float | None = None) -> Change:
    """Series that end, or go to a value, some seconds after the start."""

    def change(series: list[Series]) -> list[Series]:
        found = []
        for one in series:
            early = one.times < START + seconds
            if not match(one):
                found.append(one)
            elif values is not None:
                found.append(Series(one.labels, one.times, np.where(early, one.values, values)))
            elif early.any():
                found.append(Series(one.labels, one.times[early], one.values[early]))
        return found

    return change


def beside(change: Callable[[Series], Series | None]) -> Change:
    """Further series made of those that are there."""
    return lambda series: [*series, *(new for one in series if (new := change(one)) is not None)]


# --- error counters


@pytest.mark.parametrize("lost", ["both", "kinds"])
def test_lost_error_counters_are_not_no_errors(lost: str, tmp_path: Path) -> None:
    def counts(s: dict[str, str]) -> bool:
        return s["__name__"] == names.REQUEST_ERRORS or (lost == "both" and s.get("outcome") == "error")

    on = plan('  latency_p95: 800ms\n  error_ratio: 1%\n  endpoints: {"GET /a": {error_ratio: 1%}}\n')
    verdict = judged(tmp_path, Made(lost=lose(counts)), on)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    for subject in ("all", "GET /a"):
        outcome, note = line(verdict, "error_ratio", subject)
        assert outcome is Outcome.INCONCLUSIVE
        assert "no sample of locust_request_errors_total" in note
    assert told(verdict, "locust_request_errors_total of the load")
    assert line(verdict, "latency_p95")[0] is Outcome.PASS


# --- endpoints


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("GET /A/login", "; did you mean 'GET /a/login'?"),
        ("GET /a/lgoin", "; did you mean 'GET /a/login'?"),
        ("DELETE /x", "; what the load counted is 'GET /a/login'"),
    ],
)
def test_an_endpoint_that_nobody_counts_may_be_misnamed(tmp_path: Path, endpoint: str, said: str) -> None:
    on = plan(f'  latency_p95: 800ms\n  endpoints: {{"{endpoint}": {{latency_p95: 1s, throughput: ">= 1 rps"}}}}\n')
    verdict = judged(tmp_path, Made(endpoint="/a/login"), on)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert line(verdict, "latency_p95")[0] is Outcome.PASS
    for name in ("latency_p95", "throughput"):
        outcome, note = line(verdict, name, endpoint)
        assert outcome is Outcome.INCONCLUSIVE
        assert said in note, note


def _second_endpoint(until: float) -> Change:
    def other(one: Series) -> Series | None:
        if one.labels.get("name") != "/a":
            return None
        early = one.times < START + until
        return Series({**one.labels, "name": "/b"}, one.times[early], one.values[early])

    return beside(other)


def test_an_endpoint_that_is_no_longer_counted_cannot_pass(tmp_path: Path) -> None:
    on = plan(
        "  latency_p95: 800ms\n"
        '  endpoints: {"GET /b": {latency_p95: 800ms, error_ratio: 1%, throughput: ">= 10 rps"},'
        ' "GET /a": {latency_p95: 800ms}}\n'
    )
    verdict = judged(tmp_path, Made(), on, _second_endpoint(140))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    for objective in ("latency_p95", "error_ratio"):
        outcome, note = line(verdict, objective, "GET /b")
        assert outcome is Outcome.INCONCLUSIVE
        assert "nobody counted GET /b after" in note
    assert told(verdict, "nobody counted GET /b after")
    assert line(verdict, "latency_p95", "GET /a")[0] is Outcome.PASS
    assert line(verdict, "latency_p95")[0] is Outcome.PASS


def test_an_endpoint_that_is_seldom_requested_is_counted_all_the_same(tmp_path: Path) -> None:
    def seldom(one: Series) -> Series | None:
        if one.labels.get("name") != "/a":
            return None
        return Series({**one.labels, "name": "/b"}, one.times, np.floor(one.values / 10))

    on = plan('  latency_p95: 800ms\n  endpoints: {"GET /b": {latency_p95: 800ms}}\n')
    verdict = judged(tmp_path, Made(), on, beside(seldom))
    assert verdict.outcome is Outcome.PASS
    assert line(verdict, "latency_p95", "GET /b")[0] is Outcome.PASS


# --- processes

_PROCESS = "  latency_p95: 800ms\n  fd_growth: 50%\n  thread_growth: 50%\n  cpu: 2\n"
_OF_LIVING = {names.PROC_MEMORY, names.PROC_FDS, names.PROC_NUM, names.PROC_THREADS}


@pytest.mark.parametrize(("gone", "words"), [(0, "in the whole steady state"), (150, "from 14:15:")])
def test_a_group_without_processes_is_no_healthy_one(gone: float, words: str, tmp_path: Path) -> None:
    verdict = judged(
        tmp_path,
        Made(cpu=lambda t: np.where(t < gone, 0.4, 0.0)),
        plan(_PROCESS),
        up_to(gone, lambda s: s.labels["__name__"] in _OF_LIVING, 0.0),
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE
    for objective in ("restarts", "cpu", "fd_growth", "thread_growth"):
        outcome, note = line(verdict, objective, "process:web")
        assert outcome is Outcome.INCONCLUSIVE
        if objective in ("restarts", "cpu"):
            assert "no process of group web" in note
    assert told(verdict, f"no process of group web {words}")
    assert line(verdict, "latency_p95")[0] is Outcome.PASS


# --- levels that never last


def _flap(low: float, high: float) -> Callable[[FloatArray], FloatArray]:
    return lambda t: np.where((t // 5).astype(int) % 3 == 0, low, high)


def test_levels_that_flap_over_their_limit_fail(tmp_path: Path) -> None:
    made = Made(in_use=_flap(4, 10), waiting=_flap(0, 9), memory=_flap(2e8, 2e9))
    on = plan("  latency_p95: 800ms\n  db_pool_use: 90%\n  memory_limit: 1GiB\n")
    verdict = judged(tmp_path, made, on)
    assert verdict.outcome is Outcome.FAIL
    for objective, subject in (
        ("db_pool_waiting", "pool:main"),
        ("db_pool_use", "pool:main"),
        ("memory_limit", "process:web"),
    ):
        outcome, note = line(verdict, objective, subject)
        assert outcome is Outcome.FAIL
        assert "67% of the samples" in note


@pytest.mark.parametrize(
    ("over", "samples", "hard", "memory", "outcome"),
    [
        (2, 20, False, 0, Outcome.PASS),  # two samples are a blip, however short the window
        (2, 20, True, 0, Outcome.PASS),
        (3, 400, False, 0, Outcome.PASS),  # 0.75 %
        (5, 400, False, 0, Outcome.WARN),  # 1.25 %
        (21, 400, False, 0, Outcome.FAIL),  # 5.25 %
        (3, 400, True, 0, Outcome.FAIL),  # hard
        (2, 400, False, 60, Outcome.PASS),  # two slow pings
        (25, 400, False, 60, Outcome.WARN),  # 6 % of the minutes
        (61, 400, False, 60, Outcome.FAIL),  # 15 %
    ],
)
def test_single_samples_over_count_by_their_share(
    over: int, samples: int, hard: bool, memory: float, outcome: Outcome
) -> None:
    times = np.arange(samples) * 5.0
    values = np.zeros(samples)
    values[np.arange(over) * (samples // max(1, over))] = 2.0  # never two in a row
    found = judge_level(times, values, 1.0, 5.0, hard=hard, memory=memory)
    assert found.outcome is outcome
    assert len(found.over) == (over if outcome is not Outcome.PASS else 0)
    assert found.share == pytest.approx(over / samples)


def test_a_quantile_at_the_end_of_its_histogram_is_at_least_that(tmp_path: Path) -> None:
    on = plan("  latency_p95: 800ms\n  redis_ping_p99: 300ms\n")
    verdict = judged(tmp_path / "slow", Made(redis_ping=flat(5.0)), on)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    outcome, note = line(verdict, "redis_ping_p99", "redis:cache")
    assert outcome is Outcome.INCONCLUSIVE
    assert note.startswith("the histogram of redis_ping_duration_seconds ends at 200ms")
    verdict = judged(tmp_path / "fast", Made(), on)
    assert line(verdict, "redis_ping_p99", "redis:cache")[0] is Outcome.PASS


# --- sources that drop out


def test_a_silent_pool_is_missed_beside_a_database_that_answers(tmp_path: Path) -> None:
    on = plan("  latency_p95: 800ms\n  connection_growth: 50%\n  db_pool_waiting: off\n")
    no_pool = lose(lambda s: s["__name__"].startswith("db_pool"))
    verdict = judged(tmp_path, Made(lost=no_pool), on)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    outcome, note = line(verdict, "connection_growth")
    assert outcome is Outcome.INCONCLUSIVE
    assert "no sample of db_pool_connections of any pool" in note
    assert line(verdict, "connection_growth", "database:main")[0] is Outcome.PASS


def _second_instance(up: float) -> Change:
    """A second address of the target's metrics; while it does not answer, there is only its ``up``."""

    def other(one: Series) -> Series | None:
        if one.labels["job"] != names.JOB_TARGET or not (up or one.labels["__name__"] == "up"):
            return None
        values = np.full_like(one.values, up) if one.labels["__name__"] == "up" else one.values
        return Series({**one.labels, "instance": "target-2"}, one.times, values)

    return beside(other)


_TWO = ("http://localhost:5000/metrics", "http://localhost:5001/metrics")


def test_each_address_of_the_targets_metrics_must_answer(tmp_path: Path) -> None:
    one = plan("  latency_p95: 800ms\n  db_pool_use: 90%\n")
    two = one.model_copy(update={"target": one.target.model_copy(update={"metrics": _TWO})})
    verdict = judged(tmp_path / "both", Made(), two, _second_instance(1.0))
    assert verdict.outcome is Outcome.PASS
    verdict = judged(tmp_path / "down", Made(), two, _second_instance(0.0))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    for objective in ("db_pool_use", "db_pool_waiting"):
        outcome, note = line(verdict, objective, "pool:main")
        assert outcome is Outcome.INCONCLUSIVE
        assert "the target's /metrics (target-2) did not answer once in the steady state" in note
    verdict = judged(tmp_path / "never scraped", Made(), two)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict, "localhost:5001")
