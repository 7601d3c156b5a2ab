"""Processes that answer without telling all, or tell it twice; gauges and counters that cannot be true: none passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge.generator import enough_recorded
from harness.judge.generator_seen import alike, silence
from harness.judge.verdict import Outcome
from harness.prom.series import FloatArray, Series
from tests.judge.fabricate import START, WARMUP, Made, flat, lose, plan
from tests.judge.test_no_evidence_levels import beside, judged, line, told

LATENCY = "  latency_p95: 800ms\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (names.USERS, "the users of locust-worker-1 was not told"),
        (names.LOOP_LAG + "_bucket", "the event loop delay of locust-worker-1 was not told"),
        ("process_cpu_seconds_total", "the CPU of locust-worker-1 was not told"),
    ],
)
def test_a_worker_that_hides_for_a_minute_cannot_pass(tmp_path: Path, name: str, words: str) -> None:
    def hidden(s: dict[str, str]) -> bool:
        return s["__name__"] == name and s["instance"] == "locust-worker-1"

    verdict = judged(tmp_path, Made(lost=lose(hidden, 120, 180)), plan(LATENCY))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict, words)


def test_a_few_lost_samples_and_a_worker_that_came_late_are_no_silence(tmp_path: Path) -> None:
    def hidden(s: dict[str, str]) -> bool:
        return s["__name__"] == names.USERS

    assert judged(tmp_path, Made(lost=lose(hidden, 120, 129)), plan(LATENCY)).outcome is Outcome.PASS


def test_silence_is_counted_in_answered_scrapes() -> None:
    scrapes = np.arange(0.0, 100.0, 5.0)
    assert silence(scrapes, scrapes, 5.0) is None
    lost = silence(scrapes, scrapes[(scrapes < 30) | (scrapes >= 60)], 5.0)
    assert lost is not None and (lost.start, lost.end) == (30.0, 60.0)
    down = scrapes[(scrapes < 30) | (scrapes >= 60)]
    assert silence(down, down, 5.0) is None, "scrapes that were not answered are another finding"
    late = silence(scrapes, scrapes[scrapes >= 40], 5.0)
    assert late is None, "it had nothing to tell before its first user"


def test_one_evaluation_less_than_scrapes_is_no_silence_but_none_is() -> None:
    # A stress run that broke after 67 s: seven seconds are left beyond the rates' first minute.
    assert enough_recorded(4) <= 3
    assert enough_recorded(4) > 2
    assert [enough_recorded(scrapes) > 0 for scrapes in (0, 1, 2)] == [True] * 3
    assert 79 < enough_recorded(100) < 80


def _second_name(offset: float, scale: Callable[[FloatArray], FloatArray]) -> Callable[[Series], Series | None]:
    def twin(one: Series) -> Series | None:
        if one.labels.get("instance") != "locust-worker-1":
            return None
        return Series({**one.labels, "instance": "10.0.0.7:9646"}, one.times + offset, scale(one.values))

    return twin


def test_one_worker_under_two_names_counts_twice(tmp_path: Path) -> None:
    change = beside(_second_name(1.3, lambda v: v))
    verdict = judged(tmp_path, Made(users=flat(10)), plan(LATENCY), change)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict, "10.0.0.7:9646 and locust-worker-1 are one Locust process that is scraped twice")


def test_two_workers_that_work_alike_are_two(tmp_path: Path) -> None:
    change = beside(_second_name(1.3, lambda v: np.floor(v * 1.02)))
    verdict = judged(tmp_path, Made(users=flat(10)), plan(LATENCY), change)
    assert not told(verdict, "scraped twice")


def test_counters_of_two_processes_that_were_equal_by_chance_are_not_alike() -> None:
    times = np.arange(0.0, 600.0, 5.0)
    rng = np.random.default_rng(3)

    def worker(offset: float) -> dict[tuple[tuple[str, str], ...], Series]:
        counts = np.cumsum(np.full(times.shape, 5.0))  # shared out evenly: the very same counts
        sums = np.cumsum(5 * rng.gamma(4.0, 0.02, times.size))
        return {
            (("__name__", name),): Series({}, times + offset, values)
            for name, values in ((names.REQUEST_DURATION + "_count", counts), (names.REQUEST_DURATION + "_sum", sums))
        }

    first = worker(0.0)
    assert not alike(first, worker(1.0))
    again = {kind: Series({}, one.times + 1.0, one.values) for kind, one in first.items()}
    assert alike(first, again)
    idle = {kind: Series({}, one.times, one.values * 0) for kind, one in first.items()}
    assert not alike(idle, idle), "nothing counted is nothing counted twice"


def test_a_locust_process_whose_cpu_stands_still_is_a_warning(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(generator_cpu=flat(0.0)), plan(LATENCY))
    assert verdict.outcome is Outcome.WARN
    assert told(verdict, "the CPU counter of locust-worker-1 stood still", Outcome.WARN)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Made(cpu=flat(0.0)), "did not move at all"),
        (Made(cpu=lambda t: np.where((t > 150) & (t < 270), 0.0, 0.4)), "stood still for"),
    ],
)
def test_a_target_whose_cpu_counter_stands_still_is_a_warning(tmp_path: Path, made: Made, words: str) -> None:
    verdict = judged(tmp_path, made, plan(LATENCY + "  cpu: 2\n"))
    outcome, note = line(verdict, "cpu", "process:web")
    assert (verdict.outcome, outcome) == (Outcome.WARN, Outcome.WARN)
    assert words in note


POOL = LATENCY + "  db_pool_use: 90%\n  db_pool_waiting: 0\n"


def _spoilt(name: str, value: float, until: float = 1e9) -> Callable[[list[Series]], list[Series]]:
    def change(series: list[Series]) -> list[Series]:
        return [
            Series(one.labels, one.times, np.where((one.times > START + WARMUP + 60) & (one.times < START + until),
                                                   value, one.values))
            if one.labels["__name__"] == name else one
            for one in series
        ]  # fmt: skip

    return change


@pytest.mark.parametrize(
    ("name", "value", "objective"),
    [
        (names.POOL_CONNECTIONS, -3.0, "db_pool_use"),
        (names.POOL_SIZE, np.inf, "db_pool_use"),
        (names.POOL_WAITING, -1.0, "db_pool_waiting"),
    ],
)
def test_a_pool_that_cannot_be_does_not_pass(tmp_path: Path, name: str, value: float, objective: str) -> None:
    verdict = judged(tmp_path, Made(), plan(POOL), _spoilt(name, value))
    outcome, note = line(verdict, objective, "pool:main")
    assert (verdict.outcome, outcome) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)
    assert "which cannot be" in note


def test_one_sample_that_cannot_be_is_a_warning(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(), plan(POOL), _spoilt(names.POOL_WAITING, -1.0, WARMUP + 66))
    assert verdict.outcome is Outcome.WARN
    assert "(1 of" in line(verdict, "db_pool_waiting", "pool:main")[1]
