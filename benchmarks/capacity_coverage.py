"""Does the capacity search find what is known? Hundreds of servers of unknown capacity, searched in simulated time.

The servers, the simulated load and the simulated scrapes are those of the tests (tests/run/test_capacity_run.py); what
steers, reads and judges is the product's own. Each search may take twelve minutes of the simulated time.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from tests.run.simulated_target import SimulatedTarget
from tests.run.test_capacity_run import Run, drawn, plan_of

Row = tuple[str, float, str, str, bool | None]

SEARCHES, FIRST = 200, 2000  # the tests use the seeds below 20
NEAR = 0.05
GOAL = 0.9  # 18 of 20


def searched(seed: int) -> tuple[float, bool, float, float, bool]:
    """(error of the estimate, whether the interval covers the truth, its width, seconds, whether narrow enough)."""
    server, truth, limit = drawn(seed)
    run = Run(SimulatedTarget(server, limit), plan_of(limit, longest="12m"))
    found = run.found()
    interval = found.interval
    assert interval is not None
    covers = interval.low <= truth <= interval.high
    return interval.estimate / truth - 1, covers, interval.width, run.seconds, found.ended == "narrow"


def run() -> list[Row]:
    """Some minutes of both cores."""
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1)) as pool:
        found = list(pool.map(searched, range(FIRST, FIRST + SEARCHES)))
    off, covers, width, seconds, narrow = (np.array(column) for column in zip(*found, strict=True))
    buckets = np.arange(FIRST, FIRST + SEARCHES) % 2 == 1
    rows: list[Row] = []
    for name, these in (("token buckets", buckets), ("M/M/c queues", ~buckets)):
        near, covered = float(np.mean(np.abs(off[these]) <= NEAR)), float(np.mean(covers[these]))
        rows += [
            (f"{name}: searches", float(these.sum()), "", "", None),
            (f"{name}: estimate within 5 %", near, "ratio", f">= {GOAL}", near >= GOAL),
            (f"{name}: covered by the 95 % interval", covered, "ratio", f">= {GOAL}", covered >= GOAL),
            (f"{name}: mean error", float(off[these].mean()), "ratio", "", None),
            (f"{name}: standard deviation of the error", float(off[these].std()), "ratio", "", None),
            (f"{name}: width of the interval, mean", float(width[these].mean()), "ratio", "", None),
            (f"{name}: minutes of a search, mean", float(seconds[these].mean()) / 60, "min", "", None),
            (f"{name}: ended by the time", float(1 - narrow[these].mean()), "ratio", "", None),
        ]
    return rows
