"""What a search says of `capacity:`, from what its loads showed. Pure."""

from __future__ import annotations

import pytest

from harness.judge.capacity import CapacityResult
from harness.judge.capacity_search import Settings, Tried, search
from harness.judge.capacity_verdict import check_search, judge_search
from harness.judge.steps import Step
from harness.judge.verdict import Outcome
from harness.plan.loading import load_plan_text

PLAN = """
target: {url: http://localhost:5000}
kind: capacity
load: {locustfile: reference}
scrape_interval: 1s
capacity: {start: 20, max: 500, confirmations: CONFIRMATIONS}
objectives: {latency_p95: 800ms, capacity: ">= LIMIT users"}
"""
SHOWN = {"h": "held", "b": "broke", "v": "void", "g": "generator"}
STATES = {"h": "held", "b": "broken", "v": "unclear", "g": "unclear"}


def judged(text: str, limit: int, confirmations: int = 3) -> tuple[Outcome, str]:
    """ "20h 40b" is 20 users that held, then 40 that broke."""
    words = [(float(word[:-1]), word[-1]) for word in text.split()]
    settings = Settings(20, 500, confirmations=confirmations, whole=True)
    found = search(settings, [Tried(load, SHOWN[state]) for load, state in words])  # type: ignore[arg-type]
    steps = tuple(
        Step(load, "users", 60.0 * i, 60.0 * i + 10, 60.0 * i + 55, load, 0.2, 0.0, STATES[state],  # type: ignore[arg-type]
             ("latency_p95",) if state == "b" else ())
        for i, (load, state) in enumerate(words)
    )  # fmt: skip
    text = PLAN.replace("LIMIT", str(limit)).replace("CONFIRMATIONS", str(confirmations))
    plan = load_plan_text(text, where="x.yml", environ={})
    result = CapacityResult("users", found, steps, ())
    (line,) = [
        one.result
        for one in judge_search(type("C", (), {"plan": plan})(), result)  # type: ignore[arg-type]
        if one.result.objective == "capacity"
    ]
    worst = max([line.outcome, *(f.outcome for f in check_search(result))])
    return worst, line.note


@pytest.mark.parametrize(
    ("tried", "limit", "outcome"),
    [
        ("20h 40h 80h 160b 113h 134b", 60, Outcome.WARN),  # wide, but seen often enough
        ("20h 40h 80b 160b", 300, Outcome.FAIL),
        ("20b", 300, Outcome.INCONCLUSIVE),  # the run ended after its first load, which met cold caches
        ("100h 200b", 40, Outcome.INCONCLUSIVE),
        ("100h 200g", 40, Outcome.INCONCLUSIVE),
        ("", 40, Outcome.INCONCLUSIVE),
        ("20v 20v 20v", 10, Outcome.INCONCLUSIVE),
    ],
)
def test_what_was_seen_once_alone_decides_nothing(tried: str, limit: int, outcome: Outcome) -> None:
    assert judged(tried, limit)[0] is outcome


def test_it_says_so() -> None:
    assert judged("20b", 300)[1].endswith("one breach alone may be chance")
