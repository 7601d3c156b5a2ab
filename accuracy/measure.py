"""Judges drawn series and counts the outcomes; nothing is kept of a series but its label and its outcome."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from accuracy.corpus import HEALTHY, LEAKING, SLOPES, Purpose, Sample, draw
from accuracy.noise import FULL, INTERVAL, Level
from harness.judge.growth import GrowthResult, judge_growth

LIMIT = 0.05  # soak-24h.yml: memory_growth 5 % over 24 h
HORIZON = 86400.0
NEEDED = HORIZON / 4  # as harness.plan.judgeable asks


@dataclass(frozen=True)
class Task:
    """One series to draw and judge; ``slope`` as in ``draw``."""

    kind: str
    number: int
    purpose: Purpose
    hours: float
    slope: int | None
    level: Level = FULL


@dataclass(frozen=True)
class Row:
    """What came of a series; ``outcome`` is the judge's word."""

    kind: str
    number: int
    hours: float
    slope_class: str
    outcome: str


def judge_sample(sample: Sample, limit: float = LIMIT) -> GrowthResult:
    """The judge's result on a series, asked as ``harness judge`` asks it under soak-24h.yml."""
    return judge_growth(
        sample.times,
        sample.values,
        limit=limit,
        horizon=HORIZON,
        interval=INTERVAL,
        needed=NEEDED - INTERVAL,
        smallest=sample.smallest,
        restarts=sample.restarts,
        load=sample.load,
        how="median" if sample.median else "min",
    )


def tasks(
    purpose: Purpose, hours: float, healthy: int, leaking: int, level: Level = FULL, first: int = 0
) -> list[Task]:
    """``healthy`` series of every healthy kind, and ``leaking`` of every leaking kind and slope class."""
    numbers, leaks = range(first, first + healthy), range(first, first + leaking)
    return [Task(kind, n, purpose, hours, None, level) for kind in HEALTHY for n in numbers] + [
        Task(kind, n, purpose, hours, slope, level) for kind in LEAKING for slope in range(len(SLOPES)) for n in leaks
    ]


def judge_task(task: Task) -> Row:
    sample = draw(task.kind, task.number, task.purpose, hours=task.hours, slope=task.slope, level=task.level)
    return Row(task.kind, task.number, task.hours, sample.slope_class, judge_sample(sample).outcome.word)


def judge_all(todo: Iterable[Task], processes: int = 2) -> list[Row]:
    """In the order of ``todo``."""
    if processes == 1:
        return [judge_task(task) for task in todo]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(judge_task, todo, chunksize=16))
