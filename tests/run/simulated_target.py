"""A target, its load and its Prometheus in simulated time: what a search steers and reads, without a clock."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict

import numpy as np

from exporters import metric_names as names
from harness.prom.series import Series

LOAD_INSTANCES = ("locust-master", "locust-worker-1")
OF_EACH = (names.UP, names.PROCESS_CPU, names.LOOP_LAG + "_bucket")


class SimulatedTarget:
    """Load and raw samples in one, scraped every second.

    Args:
        server: ``run(rate, seconds)`` and ``ended()``, see tests/judge/queues.py.
        limit: seconds; the edge of the histogram that the plan's objective is judged at.
    """

    def __init__(self, server, limit: float) -> None:
        self.server, self.limit = server, limit
        self.now, self.rate = 1_790_000_000.0, 0.0
        self.silent = False  # no scrape gets through
        self.lag = 0.0  # share of the event loop's delays over 0.1 s
        self.made = self.ok = self.failed = self.within = self.looks = self.late = 0.0
        self.samples = defaultdict(list)

    # --- harness.run.protocols.Load

    def steer(self, load: float) -> None:
        self.rate = load

    # --- time

    def second(self) -> None:
        self.server.run(self.rate, 1.0)
        self.now += 1.0
        for _, sojourn, failed in self.server.ended():
            self.failed += failed
            self.ok += not failed
            self.within += not failed and sojourn <= self.limit
        self.made += self.rate
        self.looks += 100
        self.late += 100 * self.lag
        if self.silent:
            return
        for key, value in (
            ((names.REQUEST_DURATION + "_count", "ok"), self.ok),
            ((names.REQUEST_DURATION + "_count", "error"), self.failed),
            ((names.REQUEST_DURATION + "_bucket", "ok"), self.within),
            ((names.ARRIVALS, ""), self.made),
            ((names.ARRIVALS_DROPPED, ""), 0.0),
            ((names.LOOP_LAG + "_bucket", "+Inf"), self.looks),
            ((names.LOOP_LAG + "_bucket", "0.1"), self.looks - self.late),
            ((names.UP, ""), 1.0),
            ((names.PROCESS_CPU, ""), self.now * 0.3),
        ):
            self.samples[key].append((self.now, value))

    # --- harness.judge.probe_reading.RawSamples

    def raw(self, selector: str, start: float, end: float) -> list[Series]:
        name, told = selector.split("{")
        labels = dict(re.findall(r'(\w+)=~?"([^"]*)"', told))
        found = []
        for (metric, kind), points in self.samples.items():
            if metric != name:
                continue
            wanted = labels.get("outcome") if metric.startswith(names.REQUEST_DURATION) else None
            if metric == names.LOOP_LAG + "_bucket":
                wanted = labels["le"].replace("\\", "")
            if wanted is not None and kind != wanted:
                continue
            kept = points[bisect_left(points, (start, 0.0)) : bisect_right(points, (end, math.inf))]
            if not kept:
                continue
            times, values = np.array(kept).T
            for instance in LOAD_INSTANCES if name in OF_EACH else LOAD_INSTANCES[1:]:
                found.append(Series({"instance": instance, "outcome": kind}, times, values))
        return found
