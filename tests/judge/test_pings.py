"""Pings are counted one by one: many slow ones in a short run FAIL it, a single one does not, and none is no pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import Finding, ObjectiveResult, Outcome
from harness.prom.block_writer import BlockWriter
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, START, STEADY_FROM, WARMUP, Made, plan, series_of

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
EDGES = (0.1, 0.25, 0.4, float("inf"))
Took = Callable[[FloatArray], FloatArray]


def judged(
    folder: Path,
    took: Took,
    *,
    steady: float = 40.0,
    limit: str = "250ms",
    reset: float = 1e9,
    until: float = 1e9,
    shown: float = 1e9,
) -> tuple[ObjectiveResult, list[Finding]]:
    """A steady state of so many seconds with a ping a second, each as long as ``took`` says of its second.

    Args:
        reset: seconds after which the sidecar began anew; until: after which nothing was pinged any more;
            shown: after which the buckets were no longer exported, though the count was.
    """
    run = RunDirectory(folder / "run")
    run.path.mkdir(parents=True)
    length = WARMUP + steady
    found = [s for s in series_of(Made(), length) if not s.labels["__name__"].startswith(names.REDIS_PING)]
    scrapes = np.arange(0.0, length + 1, 5.0) + 1.7
    each = np.arange(0.0, min(length, until), 1.0)
    for edge in EDGES:
        hits = (took(each) <= edge).astype(float)
        running = np.append(0.0, np.cumsum(hits))
        values = running[np.searchsorted(each, scrapes)]
        values = np.where(scrapes >= reset, values - running[np.searchsorted(each, min(reset, length))], values)
        labels = {"harness": "default", "job": "sidecar", "instance": "sidecar", "redis": "cache"}
        le = "+Inf" if edge == float("inf") else str(edge)
        times = np.round(START + scrapes, 3)
        kept = scrapes <= shown
        found.append(Series({**labels, "__name__": names.REDIS_PING + "_bucket", "le": le}, times[kept], values[kept]))
        if le == "+Inf":
            found.append(Series({**labels, "__name__": names.REDIS_PING + "_count"}, times, values))
    with BlockWriter(length) as writer:
        writer.add(found)
        writer.finish(run.tsdb)
    end = STEADY_FROM + steady
    run.write_record(replace(RECORD, steady_to=end, ended_at=end))
    verdict = judge_run(run, plan(f"  redis_ping_p99: {limit}\n"), rules_dir=RULES)
    (line,) = (o for o in verdict.objectives if o.objective == "redis_ping_p99")
    return line, [f for f in verdict.findings if f.objective == "redis_ping_p99" and f.check == "objectives"]


def slow(share: float, since: float = 0.0, seconds: float = 0.9) -> Took:
    """Every so many pings, from a time on."""
    every = round(1 / share)
    return lambda t: np.where((t >= since) & (np.round(t) % every == 0), seconds, 0.002)


def test_a_busy_server_fails_a_steady_state_of_forty_seconds(tmp_path: Path) -> None:
    line, (finding,) = judged(tmp_path, slow(0.5, since=WARMUP + 10))
    assert line.outcome is Outcome.FAIL
    assert "of 3" in line.note and "pings over 250ms" in line.note
    assert finding.signal == "redis"
    assert finding.onset == pytest.approx(STEADY_FROM + 10, abs=6)


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [(0, Outcome.PASS), (1, Outcome.PASS), (2, Outcome.INCONCLUSIVE), (5, Outcome.FAIL)],
)
def test_so_many_slow_pings_of_forty(bad: int, outcome: Outcome, tmp_path: Path) -> None:
    line, findings = judged(tmp_path, lambda t: np.where((t >= WARMUP + 12) & (t < WARMUP + 12 + bad), 0.9, 0.002))
    assert line.outcome is outcome
    assert line.note.startswith(f"{bad} of ")
    assert [f.outcome for f in findings] == ([] if outcome is Outcome.PASS else [outcome])


def test_a_restarted_sidecar_counts_from_nothing_again(tmp_path: Path) -> None:
    line, _ = judged(tmp_path, slow(0.5), reset=WARMUP + 20)
    assert line.outcome is Outcome.FAIL
    # What was pinged between the last scrape and the restart is lost, nothing is counted twice.
    assert 28 <= int(line.note.split(" of ")[1].split()[0]) <= 38


def test_a_limit_between_two_edges_is_bracketed(tmp_path: Path) -> None:
    between = judged(tmp_path / "a", lambda t: np.full(t.shape, 0.35), limit="300ms")[0]
    assert between.outcome is Outcome.INCONCLUSIVE
    assert "no edge of the histogram" in between.note
    assert judged(tmp_path / "b", lambda t: np.full(t.shape, 0.9), limit="300ms")[0].outcome is Outcome.FAIL
    assert judged(tmp_path / "c", lambda t: np.full(t.shape, 0.2), limit="300ms")[0].outcome is Outcome.PASS


def test_pings_that_ended_are_no_fast_pings(tmp_path: Path) -> None:
    line, _ = judged(tmp_path, lambda t: np.full(t.shape, 0.002), until=WARMUP + 15)
    assert line.outcome is Outcome.INCONCLUSIVE
    assert "new pings in" in line.note


def test_buckets_that_vanish_before_the_end_are_no_fast_pings(tmp_path: Path) -> None:
    fast = lambda t: np.full(t.shape, 0.002)  # noqa: E731
    whole = judged(tmp_path / "a", fast, steady=400.0)[0]
    assert whole.outcome is Outcome.PASS
    short = judged(tmp_path / "b", fast, steady=400.0, shown=WARMUP + 360)[0]
    assert short.outcome is Outcome.INCONCLUSIVE
    assert "nothing after 6m" in short.note


def test_of_a_long_run_the_count_is_exact_and_the_quantile_is_shown(tmp_path: Path) -> None:
    line, _ = judged(tmp_path, slow(0.02, seconds=0.35), steady=6000.0)
    assert line.outcome is Outcome.FAIL
    bad, all_ = (int(text.replace(",", "")) for text in line.note.split(" pings")[0].split(" of "))
    assert abs(bad - 120) <= 1
    assert abs(all_ - 6000) <= 10
    # Every fiftieth took 0.35 s, in the bucket from 0.25 s to 0.4 s: the 99th of a hundred lies in its middle.
    assert line.value == pytest.approx(0.325, abs=0.01)
