"""Small plans for the tests of a run."""

from __future__ import annotations

from typing import Any

from harness.plan.loading import load_plan_text
from harness.plan.model import Plan

_TEXT = """
name: t
target: {url: "http://127.0.0.1:9"}
scrape_interval: 1s
load:
  warmup: 10s
  stages: [{duration: 20s, users: 50, spawn_rate: 5}, {duration: 100s, users: 100, spawn_rate: 10}]
objectives: {latency_p95: 800ms}
"""


def make_plan(text: str = _TEXT, **update: Any) -> Plan:
    return load_plan_text(text, where="t.yml", environ={}).model_copy(update=update)
