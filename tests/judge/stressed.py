"""A made-up stress run: 20 users, 40 users, 80 users for a minute each, then 20 users for two minutes.

A user makes one request a second. It breaks at 80 users, and is well again 20 s after the load dropped.
"""

from __future__ import annotations

import numpy as np

from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.prom.series import FloatArray
from tests.judge.fabricate import START, Curve, Made

RECORD = {"steady_from": START + 10.0}
BROKE, DROPPED = 120.0, 180.0

PLAN = """
name: made
kind: stress
target:
  url: http://localhost:5000
  metrics: [http://localhost:5000/metrics]
  processes: [{name: web, match: gunicorn}]
scrape_interval: 5s
load:
  locustfile: reference
  warmup: 10s
  stages: [{duration: 1m, users: 20}, {duration: 1m, users: 40}, {duration: 1m, users: 80}, {duration: 2m, users: 20}]
objectives: {latency_p95: 800ms, error_ratio: 1%, capacity: ">= 40 users", recovery: 40s}
"""


def users(t: FloatArray) -> FloatArray:
    return np.select([t < 60, t < BROKE, t < DROPPED], [20.0, 40.0, 80.0], 20.0)


def between(start: float, end: float, value: float, otherwise: float = 0.0) -> Curve:
    return lambda t: np.where((t >= start) & (t < end), value, otherwise)


# Slow from the step to 80 users on; well again 20 s after the drop.
BREAKS = Made(rps=users, users=users, slow=between(BROKE, DROPPED + 20, 0.5, 0.01))


def plan(**replaced: str) -> Plan:
    text = PLAN
    for old, new in replaced.items():
        text = text.replace(old, new)
    return load_plan_text(text, where="plan.yml", environ={})
