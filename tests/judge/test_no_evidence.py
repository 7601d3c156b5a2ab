"""Runs that show nothing about the target: no load, less load than planned, nobody watching the generator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.errors import ArchiveError
from harness.judge import judge_run
from harness.judge.load_made import shortfall, stops, wanted_users
from harness.judge.throughput import collapsed
from harness.judge.verdict import Outcome, Verdict
from harness.judge.windows import Window
from harness.plan.model import Plan, Stage
from harness.prom.series import Series
from tests.judge import fabricate
from tests.judge.fabricate import Curve, Made, flat, job, lose, named, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
NO_FLOOR = "  latency_p95: 800ms\n  error_ratio: 1%\n  memory_growth: 50%\n"


def after(second: float, before: float, then: float) -> Curve:
    return lambda t: np.where(t >= second, then, before).astype(float)


def between(start: float, end: float, inside: float, outside: float) -> Curve:
    return lambda t: np.where((t >= start) & (t < end), inside, outside).astype(float)


def judged(folder: Path, made: Made, on: Plan | None = None, **record: object) -> Verdict:
    return judge_run(write_run(folder / "run", made, **record), on or plan(NO_FLOOR), rules_dir=RULES)


def lines(verdict: Verdict) -> dict[str, str]:
    return {o.objective: o.outcome.word for o in verdict.objectives}


def only(verdict: Verdict) -> str:
    """Summary of the only finding at its outcome."""
    (finding,) = (f for f in verdict.findings if f.outcome is verdict.outcome)
    assert finding.signal == "generator"
    return finding.summary


@pytest.mark.parametrize(
    ("rps", "when"),
    [
        (after(150, 40, 0), "14:15:4"),
        (between(150, 190, 0, 40), "14:15:45 to 14:16:30"),
        (after(125, 40, 0), "14:15:2"),
    ],
    ids=["for good", "for 40 s", "for most of it"],
)
def test_load_that_stops_while_users_run_shows_nothing(rps: Curve, when: str, tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(rps=rps))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    summary = only(verdict)
    assert summary.startswith("not one request was answered from ")
    assert when in summary and "nothing was asked or answered" in summary and "20 users ran" in summary
    found = lines(verdict)
    assert (found["latency_p95"], found["error_ratio"]) == ("inconclusive", "inconclusive")
    assert found["memory_growth"] == "pass"  # its own line; the run as a whole does not pass


def test_a_short_pause_is_no_stop(tmp_path: Path) -> None:
    assert judged(tmp_path, Made(rps=between(150, 160, 0, 40))).outcome is Outcome.PASS


def test_a_stop_breaks_a_throughput_floor_that_the_mean_still_holds(tmp_path: Path) -> None:
    on = plan('  throughput: ">= 10 rps"\n')
    verdict = judged(tmp_path, Made(rps=after(170, 40, 0)), on)
    assert verdict.outcome is Outcome.FAIL
    (line,) = (o for o in verdict.objectives if o.objective == "throughput")
    assert line.value is not None and line.value > 10
    assert "below half of the floor for" in line.note


def without(match: Callable[[Series], bool], value: float) -> Callable[[list[Series]], list[Series]]:
    return lambda found: [Series(s.labels, s.times, np.full(s.times.shape, value)) if match(s) else s for s in found]


def test_the_plan_says_how_many_users_were_intended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that wants one user and runs one user agrees with itself, not with the plan."""
    real = fabricate.series_of
    one = without(lambda s: s.labels["__name__"] in (names.USERS, names.USERS_TARGET), 1.0)
    monkeypatch.setattr(fabricate, "series_of", lambda *args: one(real(*args)))
    verdict = judged(tmp_path, Made())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert only(verdict).startswith("only 1 of the plan's 20 users ran from ")
    assert lines(verdict)["latency_p95"] == "inconclusive"


def test_too_few_users_for_a_moment_is_a_warning(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(users=between(150, 160, 10, 20)))
    assert verdict.outcome is Outcome.WARN
    assert only(verdict).startswith("only 10 of the plan's 20 users ran from 14:15:5")


def test_users_that_nobody_reported_are_no_load(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lost=lose(named(names.USERS))))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert only(verdict) == "no locust_users: nothing shows that the planned load was made"


def test_throughput_is_not_the_targets_fault_when_users_were_missing(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(users=flat(5), rps=flat(10)), plan('  throughput: ">= 20 rps"\n'))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert lines(verdict)["throughput"] == "inconclusive"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (("locust_loop", "process_cpu_seconds"), "event loop delay and CPU was not measured"),
        (("process_cpu_seconds",), "the load generator's CPU was not measured"),
    ],
)
def test_a_generator_that_nobody_measured_proves_no_latency(lost: tuple[str, ...], words: str, tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lost=lose(lambda s: s["__name__"].startswith(lost))))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert words in only(verdict)
    assert lines(verdict)["latency_p95"] == "inconclusive"
    assert lines(verdict)["error_ratio"] == "pass"


def test_one_process_of_the_generator_unmeasured_is_named(tmp_path: Path) -> None:
    lost = lose(lambda s: s["__name__"].startswith("locust_loop") and s["instance"] == "locust-worker-1")
    verdict = judged(tmp_path, Made(lost=lost))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "event loop delay (locust-worker-1)" in only(verdict)


def test_series_of_another_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        judged(tmp_path, Made(), run_id="quite-another")
    assert caught.value.exit_code == 12
    assert "'quite-another'" in caught.value.message and "'made'" in caught.value.message


def test_the_runs_own_job_lost_is_a_warning_that_names_it(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lost=lose(job(names.JOB_RUN))))
    assert verdict.outcome is Outcome.WARN
    (finding,) = verdict.findings
    assert (finding.signal, finding.subject) == ("telemetry", {"job": "harness"})
    assert "harness_run_info" in finding.summary


def test_workers_are_expected_by_the_plan_when_the_run_does_not_say(tmp_path: Path) -> None:
    made = Made(lost=lose(job(names.JOB_RUN)), missing_workers=flat(1))
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert only(verdict).startswith("up to 1 of the plan's 1 Locust workers were missing for ")


def test_nothing_from_the_master_is_inconclusive(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(lost=lose(lambda s: s.get("instance") == "locust-master")))
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_wanted_users_follow_the_ramp_and_forgive_its_lag() -> None:
    stages = (Stage(duration=100, users=10, spawn_rate=1), Stage(duration=100, users=30), Stage(duration=10, users=0))
    at = np.array([0.0, 5.0, 50.0, 102.0, 120.0, 199.5, 205.0, 500.0])
    assert wanted_users(stages, at, 5.0).tolist() == [0, 0, 10, 10, 30, 0, 0, 0]
    assert wanted_users((), np.empty(0), 5.0).tolist() == []


def test_a_shortfall_is_sustained_beyond_the_allowed_gap() -> None:
    times = np.arange(0.0, 100.0, 5.0)
    wanted = np.full(times.shape, 100.0)
    assert shortfall(times, wanted * 0.97, wanted, 15, 5).over == ()
    short = np.where((times >= 20) & (times < 35), 96.0, 100.0)
    assert not shortfall(times, short, wanted, 15, 5).sustained
    found = shortfall(times, np.where((times >= 20) & (times < 40), 50.0, 100.0), wanted, 15, 5)
    assert found.sustained and found.seconds == 20 and found.share == pytest.approx(0.9)


def test_a_slow_loads_pauses_are_no_stops() -> None:
    times = np.arange(15.0, 601.0, 5.0)
    loaded = np.ones(times.shape, dtype=bool)
    counts = np.where((times >= 100) & (times <= 160), 0.0, 1.0)
    window = Window(0.0, 600.0)

    def found(mean: float, **changed: np.ndarray) -> list[Window]:
        return stops(times, changed.get("counts", counts), changed.get("loaded", loaded), 15, window, 30, mean, 5)

    assert found(1.0) == [Window(85.0, 160.0)]
    assert found(0.1) == []  # seven requests were to be expected: that may happen
    assert found(1.0, loaded=times > 200) == []  # the plan wanted none
    assert found(1.0, counts=np.where(counts == 0, np.nan, counts)) == []  # not known: coverage says so
    assert found(0.0, counts=counts * 0) == [window]


def test_a_collapse_is_more_than_a_minute_below_half_of_the_floor() -> None:
    times = np.arange(60.0, 300.0, 5.0)
    window = Window(60.0, 300.0)
    assert collapsed(times, np.where(times < 120, 9.0, 40.0), window, 20.0, 5.0) == 0
    assert collapsed(times, np.where(times < 125, 9.0, 40.0), window, 20.0, 5.0) == 65
    assert collapsed(times, np.full(times.shape, 10.0), window, 20.0, 5.0) == 0
