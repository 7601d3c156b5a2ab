"""The open model: does it make its arrivals in time, and what does it cost?

First 2,000 arrivals a second on two workers: made over planned, and how late (p99). Then, side by side, 400 requests a
second of the open model (Poisson) and of closed users with random waits: CPU of the workers for each request.
"""

from __future__ import annotations

import contextlib
import sys

from benchmarks._running_load import RunningLoad, increases, poll, quantile
from harness.plan.model import Stage

Row = tuple[str, float, str, str, bool]

FAST = 2000.0
SLOW = 400.0
_WARMUP = 15.0
_JUDGED = 30.0
_LENGTH = _WARMUP + _JUDGED + 30
_SERVER = ("-m", "benchmarks.load_overhead", "--server")
_USERS = 100
_ARRIVALS, _PLANNED, _LAG = "locust_arrivals_total", "locust_arrivals_planned_total", "locust_arrival_lag_seconds"
_REQUESTS, _CPU = "locust_request_duration_seconds_count", "process_cpu_seconds_total"


def run() -> list[Row]:
    """Two minutes."""
    with contextlib.ExitStack() as stack:
        fast = RunningLoad(
            stack, _SERVER, Stage(duration=_LENGTH, rate=FAST), model="open", spacing="even", workers=2, slots=400
        )
        (made,) = _watched(fast)
    with contextlib.ExitStack() as stack:
        opened = RunningLoad(stack, _SERVER, Stage(duration=_LENGTH, rate=SLOW), model="open", slots=100)
        stage = Stage(duration=_LENGTH, users=_USERS)
        wait = 2 * _USERS / SLOW
        closed = RunningLoad(stack, _SERVER, stage, wait=f"between(0, {wait})")
        of_open, of_closed = _watched(opened, closed)
    share = made[_ARRIVALS] / made[_PLANNED]
    late = quantile(made, _LAG, 0.99)
    costs = [found[_CPU] / found[_REQUESTS] * 1e6 for found in (of_open, of_closed)]
    ratio = costs[1] / costs[0]
    return [
        ("arrivals made over planned, 2,000/s on two workers", share, "ratio", "0.99 to 1.01", 0.99 <= share <= 1.01),
        ("lateness of arrivals, p99", late * 1000, "ms", "<= 5 ms", late <= 0.005),
        ("CPU for a request, open model", costs[0], "us", "", True),
        ("CPU for a request, closed users with random waits", costs[1], "us", "", True),
        ("requests for a CPU second, open over closed", ratio, "ratio", ">= 0.95", ratio >= 0.95),
    ]


def _watched(*loads: RunningLoad) -> list[dict[str, float]]:
    poll(loads, _WARMUP)
    before = [load.counters() for load in loads]
    poll(loads, _JUDGED)
    return [increases(first, load.counters()) for first, load in zip(before, loads, strict=True)]


if __name__ == "__main__":
    for row in run():
        sys.stdout.write(f"{row}\n")
