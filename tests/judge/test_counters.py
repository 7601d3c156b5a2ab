"""Requests are counted exactly: what happened in the first and the last seconds counts as much as all else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.assets import data_path
from harness.judge import judge_run
from harness.judge.counters import Grid, increases, make_grid, spellings
from harness.judge.verdict import ObjectiveResult, Outcome, Verdict
from harness.judge.windows import Window
from harness.prom.block_writer import BlockWriter
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import END, RECORD, STEADY, STEADY_FROM, WARMUP, Made, plan, series_of, write_run

GRID = Grid(first=100.0, step=5.0, size=6, begin=1, end=5)


def series(*values: float, start: int = 0) -> Series:
    times = 100.0 + 5.0 * (start + np.arange(len(values)))
    keep = np.isfinite(values)
    return Series({"instance": "w"}, times[keep], np.array(values)[keep])


def counted(*found: Series, scraped_from: float | None = None) -> list[float]:
    return list(increases(found, GRID, scraped_from)[0])


def test_increases_start_at_the_first_known_value() -> None:
    assert counted() == [0] * 6
    assert counted(series(7, 7, 9, 12, 12, 20)) == [0, 0, 2, 3, 0, 8]


def test_a_fall_is_a_new_process_that_counted_from_nothing() -> None:
    assert counted(series(50, 60, 4, 6, 6, 6)) == [0, 10, 4, 2, 0, 0]


def test_a_gap_is_bridged() -> None:
    nan = float("nan")
    assert counted(series(50, 60, nan, nan, 90, 91)) == [0, 10, 0, 0, 30, 1]


def test_a_series_that_is_born_while_the_load_was_scraped_counts_from_nothing() -> None:
    assert counted(series(50, 50, 50, 50, 50, 50), series(3, 5, 5, start=3)) == [0, 0, 0, 3, 2, 0]
    assert counted(series(3, 5, 5, start=3), scraped_from=99.0) == [0, 0, 0, 3, 2, 0]
    # Scraped for the first time: nobody knows when it counted its first three.
    assert counted(series(3, 5, 5, start=3), scraped_from=113.0) == [0, 0, 0, 0, 2, 0]


def test_counting_begins_with_the_first_scrape_in_the_steady_state_and_ends_with_the_last_of_the_load() -> None:
    grid = make_grid(Window(1000, 1300), Window(1060, 1300), 5.0, settled=True)
    assert grid.times[grid.begin] == 1065
    assert grid.times[grid.end] == grid.times[-1] == 1310
    assert grid.times[0] == pytest.approx(1000, abs=5)
    draining = make_grid(Window(1000, 1300), Window(1060, 1300), 5.0, settled=True, drain=30.0)
    assert (draining.times[draining.end], draining.times[-1]) == (1310, 1340)
    ongoing = make_grid(Window(1000, 1300), Window(1060, 1300), 5.0, settled=False, drain=30.0)
    assert ongoing.times[ongoing.end] == ongoing.times[-1] == 1300
    short = make_grid(Window(1000, 1062), Window(1060, 1062), 5.0, settled=False)
    assert short.begin >= short.end


def test_an_edge_is_found_in_either_spelling() -> None:
    assert spellings(2.0) == ("2.0", "2")
    assert spellings(0.8) == ("0.8",)


def between(start: float, end: float, share: float) -> object:
    """A share of bad ones between two times of unix seconds."""

    def curve(t: FloatArray) -> FloatArray:
        since = STEADY_FROM - WARMUP
        return np.where((t >= start - since) & (t < end - since), share, 0.0)

    return curve


def judged(folder: Path, made: Made, **record: object) -> Verdict:
    return judge_run(write_run(folder / "run", made, **record), plan(), rules_dir=data_path("prometheus") / "rules")


def result(verdict: Verdict, name: str) -> ObjectiveResult:
    (found,) = [o for o in verdict.objectives if o.objective == name]
    return found


@pytest.mark.parametrize(
    ("start", "end"),
    [(END - 10, END + 10), (STEADY_FROM + 10, STEADY_FROM + 20)],
    ids=["in the last ten seconds", "in the first ten seconds"],
)
def test_an_outage_at_an_end_of_the_steady_state_fails_it(tmp_path: Path, start: float, end: float) -> None:
    verdict = judged(tmp_path, Made(errors=between(start, end, 1.0)))  # type: ignore[arg-type]
    errors = result(verdict, "error_ratio")
    assert errors.outcome is Outcome.FAIL
    assert errors.value is not None
    assert 9 / 240 < errors.value < 16 / 240  # scraped every five seconds
    assert result(verdict, "latency_p99").outcome is Outcome.FAIL
    (finding,) = [f for f in verdict.findings if f.check == "objectives" and f.objective == "error_ratio"]
    assert finding.first_seen == pytest.approx(start, abs=10)


def test_requests_in_flight_at_the_end_count_when_they_time_out(tmp_path: Path) -> None:
    """Twenty users of a service that answers in five seconds, and in the last ones not at all: the requests fail only
    when the plan's 30 s are over, long after the load.
    """
    ended = WARMUP + STEADY

    def rps(t: FloatArray) -> FloatArray:
        return np.where(t < ended - 5, 4.0, np.where((t > ended + 20) & (t <= ended + 25), 4.0, 0.0))

    made = Made(rps=rps, errors=lambda t: (t > ended).astype(float))
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    with BlockWriter(ended + 60) as writer:
        writer.add(series_of(made, ended + 45))
        writer.finish(run.tsdb)
    run.write_record(replace(RECORD, ended_at=END))
    on = plan(
        '  error_ratio: 1%\n  latency_p99: 5s\n  throughput: ">= 1 rps"\n', url="http://localhost:5000\n  timeout: 30s"
    )
    verdict = judge_run(run, on, rules_dir=data_path("prometheus") / "rules")
    errors = result(verdict, "error_ratio")
    assert errors.outcome is Outcome.FAIL
    assert errors.value == pytest.approx(20 / 940, rel=0.1)
    assert result(verdict, "latency_p99").outcome is Outcome.FAIL
    # They were asked in the steady state, and are no requests per second of it.
    assert result(verdict, "throughput").value == pytest.approx(920 / STEADY, rel=0.05)


def test_journeys_that_end_after_the_load_are_no_throughput_of_it(tmp_path: Path) -> None:
    """Users are given time to finish what they began: ten seconds of it are 4 % of this steady state."""
    ended = WARMUP + STEADY
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    with BlockWriter(ended + 30) as writer:
        writer.add(series_of(Made(rps=lambda t: np.where(t <= ended + 10, 40.0, 0.0)), ended + 20))
        writer.finish(run.tsdb)
    run.write_record(replace(RECORD, ended_at=END))
    verdict = judge_run(run, plan('  throughput: ">= 40.5 rps"\n'), rules_dir=data_path("prometheus") / "rules")
    assert result(verdict, "throughput").value == pytest.approx(40, rel=0.01)
    assert result(verdict, "throughput").outcome is Outcome.FAIL


def test_an_outage_of_the_warm_up_is_not_judged(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(errors=between(STEADY_FROM - 30, STEADY_FROM - 5, 0.5)))  # type: ignore[arg-type]
    assert result(verdict, "error_ratio").value == 0
    assert result(verdict, "error_ratio").outcome is Outcome.PASS


def test_a_steady_state_of_seconds_can_fail_and_cannot_pass(tmp_path: Path) -> None:
    short = {"steady_to": STEADY_FROM + 35, "ended_at": STEADY_FROM + 35, "ended_by": "aborted", "reason": "x"}
    broken = judged(tmp_path / "broken", Made(errors=between(STEADY_FROM, END, 0.9)), **short)  # type: ignore[arg-type]
    assert result(broken, "error_ratio").outcome is Outcome.FAIL
    assert result(broken, "error_ratio").value == pytest.approx(0.9, abs=0.01)
    healthy = judged(tmp_path / "healthy", Made(), **short)
    assert result(healthy, "latency_p95").outcome is Outcome.INCONCLUSIVE
    assert healthy.outcome is Outcome.INCONCLUSIVE


def test_a_second_worker_that_nobody_scraped_is_no_pass(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    found = series_of(Made())
    up = next(s for s in found if s.labels["__name__"] == "up" and s.labels["instance"] == "locust-worker-1")
    silent = Series({**up.labels, "instance": "locust-worker-2"}, up.times, np.zeros(len(up)))
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add([*found, silent])
        writer.finish(run.tsdb)
    run.write_record(RECORD)
    verdict = judge_run(run, plan(), rules_dir=data_path("prometheus") / "rules")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("locust-worker-2" in f.summary and f.signal == "generator" for f in verdict.findings)
    assert result(verdict, "latency_p95").outcome is Outcome.INCONCLUSIVE
