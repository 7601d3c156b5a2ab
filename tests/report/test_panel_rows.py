"""Panels of rows and bars with more of them than there is room for: what is cut off is what is well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboards.levels import SIGNAL_STATES, UP_STATES, rising
from dashboards.model import Mapping, Panel, Query
from dashboards.queries import run as q
from harness.judge.verdict import Finding, Outcome
from harness.prom.series import Series
from harness.report.fetch import Fetched, Span
from harness.report.panels import MOST_STATES, draw
from harness.report.sampling import Buckets, Sampled
from harness.report.signals import UNKNOWN, with_findings

SPAN = Span(0.0, 100.0, (0.0, 100.0), (0.0, 100.0), "default", Buckets.over(0.0, 100.0, 5.0))
COUNT = SPAN.buckets.count
NAMES = [f"row{number:02}" for number in range(MOST_STATES + 5)]


def states(mappings: tuple[Mapping, ...]) -> Panel:
    return Panel("rows", "Rows", "Says.", "none", "state", (Query("up", "{{name}}"),), mappings=mappings)


def course(values: dict[str, float]) -> Fetched:
    found = []
    for name, value in values.items():
        line = np.full(COUNT, value)
        found.append(Sampled({"name": name}, line, line, line))
    return Fetched(SPAN, courses={"up": found})


def test_every_signal_has_a_row() -> None:
    signals = dict.fromkeys([*q._MEASURED, "one", "two"], 0.0)
    drawn = draw(states(SIGNAL_STATES), course(signals))
    assert [line.name for line in drawn.lines] == list(signals)
    assert len(signals) > 12
    assert drawn.note == ""


def test_the_row_that_is_not_well_is_kept() -> None:
    for mappings, well, ill in ((SIGNAL_STATES, 0.0, 2.0), (UP_STATES, 1.0, 0.0)):
        values = {name: ill if name == NAMES[-1] else well for name in NAMES}
        drawn = draw(states(mappings), course(values))
        assert [line.name for line in drawn.lines] == [*NAMES[: MOST_STATES - 1], NAMES[-1]]
        assert drawn.note == f"{MOST_STATES} of {len(NAMES)}, the worst"


def test_the_bar_over_its_limit_is_kept() -> None:
    panel = Panel(
        "bars", "Bars", "Says.", "percentunit", "bargauge", (Query("x", "{{name}}", instant=True),),
        thresholds=rising(0.8, 1),
    )  # fmt: skip
    moments = [
        Series({"name": name}, np.array([50.0]), np.array([1.5 if name == NAMES[-1] else 0.2])) for name in NAMES
    ]
    drawn = draw(panel, Fetched(SPAN, moments={"x": moments}))
    assert [bar[0] for bar in drawn.bars] == [*NAMES[: MOST_STATES - 1], NAMES[-1]]
    assert drawn.bars[-1][1].level == "breach"
    assert drawn.note == f"{MOST_STATES} of {len(NAMES)}, the worst"


def test_a_signal_that_failed_the_run_is_not_green_from_end_to_end() -> None:
    values = {"latency": 0.0, "memory": 0.0, "cpu": 0.0}
    span = replace(SPAN, judged=(50.0, 100.0), steady=(50.0, 100.0))
    whole = Finding("regression", "latency", Outcome.FAIL, "worse than the baseline")
    dated = Finding("objectives", "memory", Outcome.FAIL, "over its limit", first_seen=20.0, for_seconds=10.0)
    odd = Finding("regression", "cpu", Outcome.WARN, "worse, and not required")
    drawn = with_findings(draw(states(SIGNAL_STATES), course(values)), [whole, dated, odd], span)
    marked = {line.name: SPAN.buckets.middles[line.data.value == 2.0] for line in drawn.lines}
    assert (marked["latency"].min() > 45.0, marked["latency"].max() > 95.0) == (True, True)
    assert (marked["memory"].min() > 15.0, marked["memory"].max() < 35.0) == (True, True)
    assert marked["cpu"].size == 0


def test_what_left_the_run_inconclusive_is_not_green_and_has_a_row() -> None:
    span = replace(SPAN, judged=(50.0, 100.0), steady=(50.0, 100.0))
    whole = Finding("objectives", "latency", Outcome.INCONCLUSIVE, "too few requests")
    dated = Finding("coverage", "memory", Outcome.INCONCLUSIVE, "a gap", first_seen=20.0, for_seconds=10.0)
    lost = Finding("coverage", "redis", Outcome.INCONCLUSIVE, "never seen")
    broken = Finding("run", "cpu", Outcome.ERROR, "the rules cannot be read", first_seen=60.0, for_seconds=10.0)
    nobody = Finding("run", "", Outcome.INCONCLUSIVE, "of no signal")
    values = {"latency": 0.0, "memory": 0.0, "cpu": 2.0}
    drawn = with_findings(draw(states(SIGNAL_STATES), course(values)), [whole, dated, lost, broken, nobody], span)
    at = {line.name: SPAN.buckets.middles[line.data.value == UNKNOWN] for line in drawn.lines}
    assert list(at) == ["latency", "memory", "cpu", "redis"]
    assert (at["latency"].min() > 45.0, at["latency"].max() > 95.0) == (True, True)
    assert (at["memory"].min() > 15.0, at["memory"].max() < 35.0) == (True, True)
    assert (at["redis"].min() > 45.0, at["redis"].max() > 95.0) == (True, True)
    assert at["cpu"].size == 0, "what is proven stands over what is not known"
    assert (UNKNOWN, "not known", "unknown") in drawn.words
