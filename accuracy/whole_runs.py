"""Whole healthy runs of 50 series, judged as a run is: named job-level series decide, all others only warn."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from accuracy.corpus import Purpose, Sample, draw
from accuracy.measure import LIMIT, judge_sample
from harness.judge.families import controlled, of_a_member
from harness.judge.growth import PROVEN
from harness.judge.verdict import Outcome, worst

PROCESSES = 12
ENDPOINTS = 6
# Kinds that a job's processes can have each for itself, so that their sum is the job's series.
OF_ONE_PROCESS = (
    "noise only", "warm-up", "cache that fills for hours", "cache that fills to a cap", "garbage collection",
    "fragmentation", "compiler warm-up", "nightly job", "two processes",
)  # fmt: skip
# Kinds that a job has as a whole: their load and their restarts are those of all processes together.
OF_THE_JOB = ("one-off step", "daily load", "recycled workers", "high-water mark", "operator's restart", "gaps")
# The growth objectives of plans/soak-24h.yml, and their limits.
NAMED = {"memory": 0.05, "descriptors": 0.10, "connections": 0.10}


@dataclass(frozen=True)
class Family:
    """The series of one signal: the job's own, and those of its processes or endpoints."""

    signal: str
    job: Sample
    members: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class RunOutcome:
    """How a run came out with the objectives of soak-24h.yml, and with one for each of its eight signals."""

    named: str
    all_named: str
    series: int


def draw_run(number: int, purpose: Purpose, hours: float = 24.0) -> list[Family]:
    """Run ``number``: 50 series in eight families, all healthy."""

    def one(kind: str, member: int) -> Sample:
        return draw(kind, number * 1000 + member, purpose, hours=hours)

    rng = np.random.default_rng([int(purpose), number])
    kinds = OF_ONE_PROCESS + OF_THE_JOB
    kind = kinds[int(rng.integers(len(kinds)))]
    memory = tuple(one(kind, i) for i in range(PROCESSES))
    descriptors = tuple(one("descriptors", 100 + i) for i in range(PROCESSES))
    threads = tuple(one("threads", 200 + i) for i in range(PROCESSES))
    job = _sum(memory) if kind in OF_ONE_PROCESS else one(kind, 99)
    return [
        Family("memory", job, memory),
        Family("descriptors", _sum(descriptors), descriptors),
        Family("threads", _sum(threads), threads),
        Family("latency", one("latency", 300), tuple(one("latency", 301 + i) for i in range(ENDPOINTS))),
        Family("CPU", one("CPU per request", 400)),
        Family("connections", one("pool that opens", 500)),
        Family("disk", one("disk, logs rotated", 600)),
        Family("Redis memory", one("cache that fills to a cap", 700)),
    ]


def _sum(samples: tuple[Sample, ...]) -> Sample:
    """A job's series: the sum of its processes, read at the times of the first."""
    times = samples[0].times
    total = np.sum([np.interp(times, s.times, s.values) for s in samples], axis=0)
    if samples[0].smallest == 1.0:  # counts stay whole
        total = np.round(total)
    return replace(samples[0], values=total, restarts=(), load=None)


def judge_run(families: list[Family], members: bool = True) -> RunOutcome:
    """The run's outcome. Without ``members`` those are left out: they can only turn a PASS into a WARN."""
    outcomes: dict[str, Outcome] = {}
    series = 0
    for family in families:
        limit = NAMED.get(family.signal, LIMIT)
        result = judge_sample(family.job, limit)
        (outcomes[family.signal],) = controlled([result.outcome], [result.p_value], PROVEN)
        series += 1
        if members:
            found = [of_a_member(judge_sample(member, limit).outcome) for member in family.members]
            outcomes[f"members of {family.signal}"] = max(found, default=Outcome.PASS)
            series += len(found)
    jobs = {family.signal for family in families}
    named = [o if s in NAMED or s not in jobs else of_a_member(o) for s, o in outcomes.items()]
    return RunOutcome(worst(named).word, worst(outcomes.values()).word, series)


def judge_number(task: tuple[int, Purpose, bool]) -> RunOutcome:
    number, purpose, members = task
    return judge_run(draw_run(number, purpose), members)


def judge_runs(numbers: Iterable[int], purpose: Purpose, processes: int = 2, in_full: int = 0) -> list[RunOutcome]:
    """The first ``in_full`` runs with all 50 series, the others with the job-level series that decide."""
    todo = [(n, purpose, i < in_full) for i, n in enumerate(numbers)]
    if processes == 1:
        return [judge_number(task) for task in todo]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(judge_number, todo, chunksize=1))
