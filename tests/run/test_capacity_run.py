"""The whole search in simulated time: steered, read and judged as live, against servers whose capacity is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.judge.capacity_search import Tried, search
from harness.judge.capacity_settings import settings_of
from harness.judge.probe_reading import ProbeReader
from harness.judge.windows import Window
from harness.plan.loading import load_plan_text
from harness.run.capacity_run import Conductor
from tests.judge.queues import Bucket, Queue, mmc_capacity
from tests.run.simulated_target import SimulatedTarget


def plan_of(limit: float, **section: str):
    told = {"start": "20", "max": "1000", "tolerance": "15%", "settle": "8s", "hold": "10s", "confirm": "45s"}
    told |= {"ramp": "0", **section}
    return load_plan_text(
        "kind: capacity\ntarget: {url: http://localhost:1}\nscrape_interval: 1s\n"
        "load: {locustfile: x.py, model: open}\n"
        f"objectives: {{latency_p95: {limit * 1000:.6f}ms}}\n"
        f"capacity: {{{', '.join(f'{k}: {v}' for k, v in told.items())}}}\n",
        where="x.yml",
        environ={},
    )


class Journal:
    def __init__(self) -> None:
        self.said: list[str] = []

    def event(self, text: str) -> None:
        self.said.append(text)

    note = event


class Run:
    """A search to its end, in simulated seconds."""

    def __init__(self, target: SimulatedTarget, plan, *, each=lambda target: None) -> None:
        self.plan, self.target, self.steps, self.journal = plan, target, [], Journal()
        self.reader = ProbeReader(target, plan, plan.stack, 1.0)
        conductor = Conductor(plan, target, self.reader, self.journal, self.steps.append)
        began = target.now
        while not conductor.look(target.now + 0.3, 0) and target.now - began < plan.capacity.longest:
            each(target)
            target.second()
        self.seconds = target.now - began

    def found(self):
        """As the judge finds it: from the windows of run.json alone."""
        settle = self.plan.capacity.settle
        readings = [self.reader.read(s.load, Window(s.begun + settle, s.ended)) for s in self.steps]
        tried = [Tried(s.load, r.shown) for s, r in zip(self.steps, readings, strict=True)]
        return search(settings_of(self.plan), tried)


def drawn(seed: int):
    """A server, its capacity and the limit of its objective, drawn at random."""
    rng = np.random.default_rng(seed)
    if seed % 2:
        rate = float(np.exp(rng.uniform(np.log(30), np.log(300))))
        return Bucket(rate, max(1.0, rate / 10), rng), rate / 0.99, 1.0
    servers = int(rng.integers(2, 13))
    service = servers / float(np.exp(rng.uniform(np.log(60), np.log(300))))
    limit = service * float(rng.uniform(4.5, 9))
    return Queue(servers, service, rng), mmc_capacity(servers, service, limit), limit


def test_twenty_servers_of_unknown_capacity_are_found_and_covered() -> None:
    near = covered = narrow = 0
    told = []
    for seed in range(20):
        server, truth, limit = drawn(seed)
        run = Run(SimulatedTarget(server, limit), plan_of(limit, longest="12m"))
        found = run.found()
        # One that its time ended has a wider interval, which must hold what it says all the same.
        narrow += found.ended == "narrow"
        assert found.bounded_below
        assert found.bounded_above
        off = found.interval.estimate / truth - 1
        near += abs(off) <= 0.05
        covered += found.interval.low <= truth <= found.interval.high
        told.append(f"{seed}: {truth:.1f} {found.interval} {off:+.3f} {run.seconds:.0f} s {len(run.steps)} loads")
    assert near >= 18, told
    assert covered >= 18, told
    assert narrow >= 16, told


def bucket(rate: float = 100.0) -> SimulatedTarget:
    return SimulatedTarget(Bucket(rate, rate / 10, np.random.default_rng(1)), 1.0)


def test_a_target_that_holds_everything_is_bounded_below_only() -> None:
    found = Run(bucket(1e6), plan_of(1.0, max="50")).found()
    assert (found.ended, found.bounded_below, found.bounded_above) == ("top", True, False)
    assert found.interval.low > 45


def test_a_target_that_holds_nothing_is_bounded_above_only() -> None:
    found = Run(bucket(0.01), plan_of(1.0, max="50", hold="400s", confirm="400s")).found()
    assert (found.ended, found.bounded_below, found.bounded_above) == ("bottom", False, True)


def test_loads_that_nobody_scraped_are_neither_held_nor_broken() -> None:
    run = Run(bucket(), plan_of(1.0), each=lambda target: setattr(target, "silent", True))
    found = run.found()
    assert (found.ended, found.interval, found.bounded_below, found.bounded_above) == ("telemetry", None, False, False)
    assert len(run.steps) == 3


def test_a_hole_in_the_telemetry_costs_a_probe_and_no_more() -> None:
    target = bucket()
    target.holes = 0

    def hole(target) -> None:
        target.silent = 60 < target.now - 1_790_000_000 < 75

    run = Run(target, plan_of(1.0), each=hole)
    assert run.found().ended == "narrow"
    assert run.found().interval.low < 100 / 0.99 < run.found().interval.high
    assert any("showed nothing" in line for line in run.journal.said)


def test_a_generator_at_its_own_limit_is_no_capacity() -> None:
    """It is late from 60 arrivals per second on, and so are the answers: the target holds 100."""

    def late(target) -> None:
        target.lag = 0.05 if target.rate > 60 else 0.0
        target.limit = -1.0 if target.rate > 60 else 1.0

    run = Run(bucket(), plan_of(1.0), each=late)
    found = run.found()
    assert found.ended == "generator"
    assert not found.bounded_above
    assert run.journal.said[-1].endswith("add load.workers")


def test_the_next_load_waits_until_the_backlog_of_the_last_is_gone() -> None:
    server = Queue(1, 0.02, np.random.default_rng(3))
    run = Run(SimulatedTarget(server, 0.2), plan_of(0.2))
    broke = [i for i, step in enumerate(run.steps[:-1]) if "broke" in run.journal.said[i]]
    assert broke
    for i in broke:
        assert run.steps[i + 1].begun - run.steps[i].ended >= 8 / 2 + 5


def test_a_target_that_does_not_come_back_ends_the_search() -> None:
    def dies(target) -> None:
        if target.rate > 100:
            target.server.rate = 0.0

    run = Run(bucket(), plan_of(1.0, back_off="30s"), each=dies)
    assert run.found().ended is None
    assert "did not recover" in run.journal.said[-1]


def test_a_load_master_that_is_busy_is_asked_again() -> None:
    target = bucket()
    steer, refused = target.steer, []

    def busy(load: float) -> None:
        if len(refused) % 4 != 3:  # three of four times
            refused.append(load)
            raise HarnessError("the Locust master did not answer")
        refused.append(load)
        steer(load)

    target.steer = busy
    run = Run(target, plan_of(1.0))
    found = run.found()
    assert found.ended == "narrow"
    assert found.interval.low < 100 / 0.99 < found.interval.high
    assert len(run.steps) == len({s.begun for s in run.steps}), "no load is told twice"


@pytest.mark.parametrize("confidence", ["80%", "95%"])
def test_a_wider_confidence_gives_a_wider_interval(confidence: str) -> None:
    found = Run(bucket(), plan_of(1.0, confidence=confidence)).found()
    assert found.interval.width <= 0.15
    assert found.interval.confidence == pytest.approx(float(confidence.rstrip("%")) / 100)
