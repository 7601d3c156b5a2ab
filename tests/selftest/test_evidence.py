"""What the kill matrix itself reads of a run: what was scraped before the kill and is kept, what requests failed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from exporters.metric_names import REQUEST_DURATION
from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.selftest.evidence import (
    LEAST_KEPT,
    LEAST_KEPT_BY_CLOCK,
    failed_share,
    increase,
    kept_before,
    least_kept,
    look,
    worst_kept,
)
from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.hostile_target import TARGET_CELLS
from harness.selftest.kill_lab import contradictions, row_of
from harness.selftest.whole_run import Look, Whole, whole_run
from tests.judge.fabricate import END, STEADY_FROM, Made, flat, lose, named, series_of, write_run
from tests.selftest.test_kills import BY_NAME

KILLED = STEADY_FROM + 120.0
SCRAPES = 24  # of each series, one in five seconds, until two seconds before it


def of_job(name: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda labels: labels.get("job") == name


def unbucketed(series: Iterable[Series]) -> list[Series]:
    return [one for one in series if not one.labels["__name__"].endswith("_bucket")]


def one(name: str, times: list[float], job: str = "load") -> Series:
    return Series({"__name__": name, "job": job}, np.array(times), np.arange(len(times), dtype=float))


def test_the_series_that_lost_most_counts() -> None:
    whole = [1.0, 2.0, 3.0, 4.0]
    before = [one("a", whole), one("b", whole), one("c", whole, "sidecar"), one("d", whole, "harness")]
    assert worst_kept(before, before, 1, 4) == 1.0
    assert worst_kept(before, [*before[:3], one("d", [1, 2, 4], "harness")], 1, 4) == 0.75
    assert worst_kept(before, before[:3], 1, 4) == 0.0, "a series that is gone is gone, whatever the others hold"
    assert worst_kept(before, [*before[:3], one("d", [1, 2, 3.5, 4], "harness")], 1, 4) == 0.75, "the same samples"
    assert worst_kept(before, [*before[:3], one("d", [2, 3, 4], "harness")], 2, 4) == 1.0
    assert worst_kept(before[:3], before, 1, 4) is None, "who saw nothing of a part cannot tell what is left of it"
    assert worst_kept([], [], 1, 4) is None


def test_a_counter_that_begins_late_or_anew_began_at_nothing() -> None:
    def counted(times: list[float], values: list[float]) -> float:
        return increase(Series({}, np.array(times), np.array(values)), since=100.0)

    assert counted([100, 101, 102], [5, 7, 9]) == 4
    assert counted([100, 101, 102], [5, 2, 3]) == 3
    assert counted([120, 121], [3, 4]) == 4
    assert (counted([120], [3]), counted([100], [3]), counted([], [])) == (3, 0, 0)


def run(folder: Path, made: Made, *, seen: Made | None) -> Whole:
    """A run that was meddled with half-way, when its Prometheus held what ``seen`` shows."""
    directory = write_run(folder, made)
    scraped = [] if seen is None else unbucketed(series_of(seen))
    return Whole(0, "", directory.path, [], 1.0, meddled_at=KILLED, scraped=scraped)


def test_what_was_there_is_held_against_the_archive_sample_by_sample(tmp_path: Path) -> None:
    kept = run(tmp_path / "kept", Made(), seen=Made())
    assert (kept_before(kept), least_kept(kept)) == (1.0, LEAST_KEPT)
    later = Made(lost=lose(lambda _: True, start=KILLED - STEADY_FROM + 60.0 - 1.0))
    assert kept_before(run(tmp_path / "later", later, seen=Made())) == 1.0, "what comes after it is judged, not kept"
    holes = {
        "load": "locust_users", "requests": REQUEST_DURATION, "sidecar": "namedprocess", "target": "db_pool_size",
        "own": "harness_run_info",
    }  # fmt: skip
    for name, series in holes.items():
        gone = Made(lost=lose(named(series), start=100.0, end=110.0))
        assert kept_before(run(tmp_path / name, gone, seen=Made())) == pytest.approx(1 - 2 / SCRAPES), name
    assert 1 - 2 / SCRAPES < LEAST_KEPT, "two scrapes that are gone are seen"


def test_where_nobody_looked_each_part_must_have_been_scraped_by_the_clock(tmp_path: Path) -> None:
    every = kept_before(run(tmp_path / "every", Made(), seen=None))
    assert every == pytest.approx(SCRAPES / 118.0, abs=0.01), "of one scrape a second"
    for job in ("load", "sidecar", "harness"):
        gone = Made(lost=lose(of_job(job), start=100.0, end=120.0))
        one = run(tmp_path / job, gone, seen=None)
        assert kept_before(one) == pytest.approx((SCRAPES - 4) / 118.0, abs=0.01)
        assert least_kept(one) == LEAST_KEPT_BY_CLOCK
    never = Made(lost=lose(of_job("sidecar")))
    assert kept_before(run(tmp_path / "never", never, seen=None)) == 0.0
    bare = replace(run(tmp_path / "bare", Made(), seen=Made()), directory=tmp_path / "nowhere")
    assert kept_before(bare) is None


def test_failed_requests_are_counted_without_the_judge(tmp_path: Path) -> None:
    assert failed_share(run(tmp_path / "none", Made(), seen=None)) == 0.0
    failing = Made(errors=lambda t: np.where((t >= 200) & (t < 220), 0.5, 0.0))
    share = failed_share(run(tmp_path / "some", failing, seen=None))
    assert share == pytest.approx(0.5 * 20 / (END - STEADY_FROM), rel=0.15)
    late = Made(errors=flat(0.02), lost=lose(lambda labels: labels.get("outcome") == "error", end=200.0))
    assert (failed_share(run(tmp_path / "late", late, seen=None)) or 0.0) > 0.02, "a series that begins late began at 0"
    assert failed_share(Whole(1, "", tmp_path / "nowhere", [], 1.0)) is None


FAILED = {"objective": "error_ratio", "outcome": "fail", "summary": "error_ratio: 9 of 10 requests failed"}
RESTARTED = {"objective": "restarts", "outcome": "fail", "summary": "restarts of process:web"}


def test_a_verdict_that_says_another_thing_of_requests_than_their_counters_is_wrong() -> None:
    def said(name: str, outcome: Outcome, failed: float | None, *findings: dict[str, str]) -> list[str]:
        return contradictions(BY_NAME[name], outcome, findings, failed)

    drained = "postgresql SIGTERM"  # the widest cell: what is right depends on what the service made of it
    assert said(drained, Outcome.PASS, 0.0) == said(drained, Outcome.FAIL, 0.3, FAILED) == []
    assert said(drained, Outcome.INCONCLUSIVE, 0.0) == said(drained, Outcome.INCONCLUSIVE, 0.3) == []
    assert said(drained, Outcome.PASS, 0.3) == ["pass, though 30.0% of the requests failed"]
    assert said(drained, Outcome.FAIL, 0.0, RESTARTED) == ["fail, though no more than 0.0% of the requests failed"]
    assert said(drained, Outcome.PASS, None) == ["pass, and nobody could count its failed requests"]
    assert said(drained, Outcome.PASS, 0.012) == said(drained, Outcome.FAIL, 0.012, FAILED) == [], "near the limit"
    assert said("redis SIGTERM", Outcome.WARN, 0.2) == ["warn, though 20.0% of the requests failed"]
    assert said("redis SIGTERM", Outcome.FAIL, 0.0, RESTARTED) == [], "more than requests is touched"
    broken = "error_ratio is broken, though no more than 0.1% of the requests failed"
    assert said("target-worker SIGKILL", Outcome.FAIL, 0.001, FAILED, RESTARTED) == [broken]
    assert said("target-worker SIGKILL", Outcome.FAIL, 0.001, RESTARTED) == []
    assert said("harness SIGKILL", Outcome.INCONCLUSIVE, None) == []
    [large] = [cell for cell in SURROUNDINGS if cell.name == "target large-bodies"]
    assert contradictions(large, Outcome.PASS, (), 0.3) == ["pass, though 30.0% of the requests failed"]


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WARN])
def test_no_run_is_good_of_which_nobody_could_count_a_request(outcome: Outcome) -> None:
    untold = [f"{outcome.word}, and nobody could count its failed requests"]
    cells = [cell for cell in (*BY_NAME.values(), *SURROUNDINGS) if outcome in cell.outcomes]
    assert len(cells) >= 3
    assert [contradictions(cell, outcome, (), None) for cell in cells] == [untold] * len(cells)


@pytest.mark.usefixtures("counted")
def test_a_cell_whose_prometheus_was_not_asked_is_not_right_however_much_is_kept(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", Made())
    told = "a Locust worker died and was started again, once"
    directory.verdict_file.write_text(json.dumps({"outcome": "warn", "findings": [{"summary": told, "objective": ""}]}))
    killed = Whole(0, "", directory.path, [], 1.0, meddled_at=KILLED, unseen="Prometheus at 127.0.0.1:1: timed out")
    unasked = "its Prometheus was not asked what it held: "

    def problem(whole: Whole) -> str:
        return row_of(BY_NAME["locust-worker SIGTERM"], 1, 0.4, whole, 1.0).problem

    assert problem(killed) == f"{unasked}Prometheus at 127.0.0.1:1: timed out"
    assert problem(Whole(0, "", directory.path, [], 1.0)) == f"{unasked}nobody looked"
    assert problem(replace(killed, scraped=series_of(Made()))) == ""
    large, *others = cells = [cell for cell in SURROUNDINGS if cell.from_the_start]
    assert {cell.name for cell in cells} == {name.name for name in TARGET_CELLS} and len(others) == 4
    assert row_of(large, 1, 0.4, Whole(0, "", directory.path, [], 1.0), 1.0).problem == ""


def test_why_a_prometheus_could_not_be_asked_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = tmp_path / "python"
    harness.write_text("#!/bin/sh\necho 'steady 50%'\nexec sleep 1\n")
    harness.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(harness))

    def cannot(_: psutil.Process) -> Sequence[Series]:
        raise HarnessError("timed out")

    def made(name: str, look: Look | None) -> Whole:
        (tmp_path / name).mkdir()
        return whole_run(tmp_path / name, (), plan="p", meddle=lambda _: None, look=look)

    assert (made("mute", cannot).scraped, made("muter", cannot).unseen) == ((), "timed out")
    assert (made("open", lambda _: [one("a", [1.0])]).unseen, made("none", None).unseen) == ("", "nobody looked")


def test_a_row_tells_them(tmp_path: Path) -> None:
    directory = write_run(tmp_path / "run", Made(errors=flat(0.3)))
    directory.verdict_file.write_text('{"outcome": "pass", "findings": []}')
    seen = unbucketed(series_of(Made(errors=flat(0.3))))
    made = Whole(0, "", directory.path, [], 1.0, meddled_at=KILLED, scraped=seen)
    row = row_of(BY_NAME["postgresql SIGTERM"], 1, 0.4, made, kept_before(made))
    assert row.problem.startswith("pass, though ") and row.problem.endswith("of the requests failed")
    assert row.failed == pytest.approx(0.3, abs=0.02)
    assert row.seen == sum(len(one) for one in seen)


def when_scraped(harness: psutil.Process) -> Sequence[Series]:
    deadline = time.monotonic() + 60
    while True:
        try:
            return look(harness)
        except HarnessError as error:
            assert error.message == "it holds nothing" and time.monotonic() < deadline
            time.sleep(0.2)


def test_the_runs_own_prometheus_is_asked_for_all_that_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = psutil.Process(os.getpid())
    known: list[psutil.Process] = []  # other tests of this process may have one, too

    def found_below(*_: object) -> list[psutil.Process]:
        if not known:
            raise HarnessError("no process of the run")
        return known

    monkeypatch.setattr("harness.selftest.evidence.members", found_below)
    config = (
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n"
        "scrape_configs: [{{job_name: itself, static_configs: [{{targets: ['{0}']}}]}}]\n"
    )
    with pytest.raises(HarnessError, match="no process of the run"):
        look(me)
    with PrometheusServer(tmp_path / "data", tmp_path, config=config.format) as server:
        known.append(psutil.Process(server.pid))
        found = when_scraped(me)
    by_name = {one.labels["__name__"]: one for one in found}
    assert {"up", "process_resident_memory_bytes"} <= set(by_name)
    assert not [name for name in by_name if name.endswith("_bucket")]
    assert all(one.times[-1] <= time.time() - 2.0 for one in found), "what is being scraped just now is left out"
