"""A simulated day with 100,000 distinct error texts and URLs: the harness' memory does not grow with them."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporters.load_recorder import MAX_PAIRS, Recorder
from exporters.process_account import Account
from exporters.procfs import Stat
from harness.load.stats_memory import fold_errors
from harness.run.abort import FiringAlert
from harness.run.interrupts import StopRequest
from harness.run.journal import Journal
from harness.run.live_state import StateUi
from harness.run.log_bounds import bound_logs
from harness.run.run_metrics import RunMetrics
from harness.run.watch import Watcher
from tests.load.test_stats_memory import Row
from tests.run.plans import make_plan
from tests.run.test_watch import BEGIN, World
from tests.run.test_watch import world as world  # the fixture

DISTINCT = 100_000
MIB = 2**20
MOST_GROWTH = 5 * MIB  # after the first quarter of an hour
LOOK_SECONDS = 5.0  # ten times as long as in a run: a day is 17,280 looks


class Traced:
    """Bytes that Python holds more than at the beginning."""

    def __init__(self) -> None:
        self._first: int | None = None

    def growth(self) -> int:
        gc.collect()
        now, _ = tracemalloc.get_traced_memory()
        if self._first is None:
            self._first = now
        return now - self._first


@contextmanager
def traced() -> Iterator[Traced]:
    tracemalloc.start()
    try:
        yield Traced()
    finally:
        tracemalloc.stop()


def spread(do: Callable[[int], None]) -> int:
    """Does it for every distinct thing; returns the growth after the first hundredth of them (a day's quarter hour)."""
    with traced() as memory:
        for number in range(DISTINCT // 100):
            do(number)
        memory.growth()
        for number in range(DISTINCT // 100, DISTINCT):
            do(number)
        return memory.growth()


def test_requests_of_as_many_urls_and_errors_of_as_many_texts() -> None:
    recorder = Recorder((0.1, 0.8, 2.0))

    def request(number: int) -> None:
        url = f"/account/{number}/statement?session={number * 7919}"
        recorder.record("GET", url, 12.5, 100)
        recorder.record("GET", url, 12.5, 100, ValueError(f"no account {number}: {'x' * 100}"))

    assert spread(request) < MOST_GROWTH
    counts = recorder.snapshot()
    assert len(counts) <= MAX_PAIRS + 1
    assert sum(sum(one.ok[2:]) for one in counts) == DISTINCT, "and none of them is lost"
    assert sum(sum(one.errors) for one in counts) == DISTINCT


def test_locusts_own_table_of_errors() -> None:
    errors: dict[str, Row] = {}

    def fail(number: int) -> None:
        errors[f"GET /{number} {'x' * 100}"] = Row("GET", f"/{number}", "text", 1)
        if number % 500 == 499:  # as often as it is looked after at a busy target
            fold_errors(errors)

    assert spread(fail) < MOST_GROWTH
    assert sum(row.occurrences for row in errors.values()) == DISTINCT


def test_processes_that_come_and_go() -> None:
    account = Account(first_look=0)

    def member(number: int) -> None:
        account.update([Stat(number, "S", 1, 1.0, 0.5, 1, number + 1, MIB, MIB)])

    assert spread(member) < MOST_GROWTH
    assert account.starts >= DISTINCT - 1


@pytest.mark.timeout(300)
def test_a_day_of_looks_at_a_run_in_which_everything_always_complains(world: World, tmp_path: Path) -> None:
    """Each look brings six new problems, an alert with a new text and a restarted worker on a new port."""
    plan = make_plan()
    day = plan.load.model_copy(update={"stages": (plan.load.stages[1].model_copy(update={"duration": 86_400.0}),)})
    plan = plan.model_copy(update={"load": day})
    metrics = RunMetrics(plan, "r", ())
    world.shown = _Last()  # type: ignore[assignment]
    world.events = _Last()  # type: ignore[assignment]
    world.told = _Last()  # type: ignore[assignment]
    ui = StateUi(world, tmp_path / "state.json", world.clock, world.clock)
    journal = Journal(ui, tmp_path / "harness.log", world.clock)
    memory: list[int] = []
    texts = 0

    with traced() as traces:

        def sleep(_: float) -> None:
            nonlocal texts
            world.now += LOOK_SECONDS
            if world.now < BEGIN + 900:
                pass
            elif not memory or world.now >= BEGIN + 86_390:
                memory.append(traces.growth())
            texts += 6
            world.status.problems = tuple(f"problem {texts + k} of {'x' * 60}" for k in range(6))
            world.alerts = (FiringAlert("Odd", {"text": f"text {texts}"}, f"summary {texts}"),)
            world.targets = [("locust-worker-1", f"127.0.0.1:{texts % 60_000}")]

        world.sleep = sleep  # type: ignore[method-assign]
        monkey = pytest.MonkeyPatch()
        monkey.setattr("harness.run.watch.time.sleep", sleep)
        try:
            watcher = Watcher(
                plan, world, world, world, metrics, (), StopRequest(), journal, ui, world.clock,
                keep_house=lambda: bound_logs((tmp_path,), limit=2 * MIB),
            )  # fmt: skip
            watcher._next_housekeeping = 0.0
            ending = watcher.until_the_end()
            list(metrics.collect())
        finally:
            monkey.undo()
    assert ending.by == "completed"
    assert texts > DISTINCT
    assert len(memory) >= 2
    assert memory[-1] < MOST_GROWTH, f"{memory[-1] / MIB:.1f} MiB more after the first quarter of an hour"
    assert len(journal.notes) <= 200


class _Last(list):  # type: ignore[type-arg]
    """A list that remembers the last of what is appended: what the test's own world keeps is not the harness'."""

    def append(self, item: object) -> None:
        self[:] = [item]
