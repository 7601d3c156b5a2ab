"""Steps of load: which stretches are held, and how a hold comes out. Made-up counts; no service."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.errors import ArchiveError
from harness.judge.shares import Counts
from harness.judge.steps import Step, Told, make_step, recorded_holds, tell
from harness.judge.verdict import Verdict
from harness.judge.windows import Window
from harness.plan.holds import least_hold, planned_holds
from harness.plan.loading import load_plan_text
from harness.report.stored import read_verdict
from harness.run.json_files import write_json
from harness.run.record import LoadStep, RunDirectory, RunRecord

PLAN = """
target: {url: http://localhost:5000}
scrape_interval: 1s
load:
  locustfile: reference
  MODEL
  stages: [STAGES]
objectives: {latency_p95: 800ms}
"""


def holds(stages: str, model: str = "model: closed") -> list[tuple[float, float, float, float]]:
    plan = load_plan_text(PLAN.replace("STAGES", stages).replace("MODEL", model), where="x.yml", environ={})
    found = planned_holds(plan, 1000.0)
    assert {one.unit for one in found} <= {"users" if model == "model: closed" else "rps"}
    return [(h.load, h.begun - 1000, round(h.settled_from - 1000, 3), h.ended - 1000) for h in found]


def test_each_held_level_is_a_step_after_its_ramp_and_a_fifth_of_the_hold():
    assert holds("{duration: 60s, users: 100, spawn_rate: 10}, {duration: 60s, users: 200, spawn_rate: 100}") == [
        (100, 0, 20, 60),
        (200, 60, 61 + 0.2 * 59, 120),
    ]


def test_a_long_hold_settles_for_half_a_minute_and_no_longer():
    assert holds("{duration: 30m, users: 100}") == [(100, 0, 30, 1800)]


def test_a_ramp_and_its_hold_are_one_step():
    assert holds("{duration: 20s, users: 100, spawn_rate: 5}, {duration: 60s, users: 100}") == [(100, 0, 32, 80)]


def test_no_load_and_what_is_too_short_to_judge_are_no_steps():
    short = least_hold(1.0) - 1
    stages = f"{{duration: {short:.0f}s, users: 5}}, {{duration: 90s, users: 0}}, {{duration: 60s, users: 7}}"
    assert [load for load, *_ in holds(stages)] == [7]


def test_the_open_models_steps_are_steps_and_its_ramps_are_none():
    stages = "{duration: 60s, rate: 100, shape: ramp}, {duration: 120s, rate: 300, shape: step, steps: 2}"
    assert holds(stages, "model: open") == [(200, 60, 72, 120), (300, 120, 132, 180)]


def test_the_steps_of_a_search_come_from_the_run_record():
    found = recorded_holds([LoadStep(50, 100.0, 160.0)], "rps", 1.0)
    assert [(h.load, h.unit, h.begun, h.settled_from, h.ended) for h in found] == [(50, "rps", 100, 112, 160)]


# --- what a hold says of an objective


def counted(bad_share, rate: float = 50.0, seconds: int = 60) -> Counts:
    times = np.arange(seconds, dtype=float) + 0.5
    all_ = np.full(seconds, rate)
    return Counts(times, all_, all_ * np.array([bad_share(t) for t in times]))


def told(bad_share, limit: float = 0.05, **kwargs) -> Told:
    return tell("latency_p95", counted(bad_share, **kwargs), Window(0.0, 60.0), limit, 1.0, loaded=True)


def test_a_hold_within_its_limit_is_held():
    assert told(lambda t: 0.04).state == "held"


def test_a_breach_of_the_whole_hold_is_broken():
    assert told(lambda t: 0.06).state == "broken"


def test_one_bad_second_breaks_nothing():
    """A second in which nothing came in time: 1 of 60 is within 5 %."""
    assert told(lambda t: 1.0 if 20 < t < 21 else 0.0).state == "held"


def test_a_bad_stretch_that_spoils_the_average_is_no_sustained_breach_and_no_pass_either():
    found = told(lambda t: 1.0 if 20 < t < 30 else 0.0)
    assert found.state == "unclear"
    assert found.why == "latency_p95 was over its limit in 1 of 6 windows only"


def test_half_of_the_windows_are_sustained():
    assert told(lambda t: 0.2 if t >= 30 else 0.0).state == "broken"
    assert told(lambda t: 0.2 if t >= 40 else 0.0).state == "unclear"


def test_what_healed_before_the_hold_ended_is_no_break():
    found = told(lambda t: 0.2 if t < 30 else 0.0)
    assert found.state == "unclear"
    assert found.why == "latency_p95 was over its limit, and again within it before the hold ended"


def test_few_requests_show_nothing():
    few = told(lambda t: 0.0, rate=0.5)
    assert (few.state, few.why) == ("unclear", "30 requests are too few to show latency_p95")
    assert told(lambda t: 1.0, rate=0.5).state == "broken"  # all of 30 over: no chance


def test_no_request_under_load_is_a_breach_and_without_load_no_evidence():
    nothing = counted(lambda t: 0.0, rate=0.0)
    assert tell("latency_p95", nothing, Window(0, 60), 0.05, 1.0, loaded=True).state == "broken"
    assert tell("latency_p95", nothing, Window(0, 60), 0.05, 1.0, loaded=False).state == "unclear"


# --- a step from what its objectives say


def step(*told: Told, **kwargs) -> Step:
    hold = recorded_holds([LoadStep(50, 100.0, 160.0)], "users", 1.0)[0]
    return make_step(hold, told, achieved_rps=10.0, p95=0.2, error_ratio=0.0, **kwargs)


HELD, BROKEN = Told("latency_p95", "held"), Told("error_ratio", "broken")
UNCLEAR = Told("latency_p99", "unclear", "12 requests are too few")


@pytest.mark.parametrize(
    ("told", "kwargs", "outcome", "broken", "note"),
    [
        ((HELD,), {}, "held", (), ""),
        ((HELD, BROKEN), {}, "broken", ("error_ratio",), ""),
        ((HELD, UNCLEAR), {}, "unclear", (), "12 requests are too few"),
        ((BROKEN, UNCLEAR), {}, "broken", ("error_ratio",), ""),
        ((), {}, "unclear", (), "no objective was judged"),
        ((HELD,), {"short": "only 40 of 50 users ran"}, "unclear", (), "only 40 of 50 users ran"),
        # Less load than intended broke it: the intended load breaks it too.
        ((BROKEN,), {"short": "only 40 of 50 users ran"}, "broken", ("error_ratio",), ""),
        # What a generator at its limit measured says nothing of the target.
        ((BROKEN,), {"fault": "event loop late"}, "unclear", (), "event loop late"),
        ((HELD,), {"fault": "event loop late"}, "unclear", (), "event loop late"),
    ],
)
def test_a_step_is_the_worst_that_is_known_of_it(told, kwargs, outcome, broken, note):
    found = step(*told, **kwargs)
    assert (found.outcome, found.broken, found.note) == (outcome, broken, note)


# --- what is kept


def test_steps_survive_the_verdicts_file(tmp_path):
    verdict = Verdict("r", (), (), {}, steps=(step(HELD), step(BROKEN)))
    directory = RunDirectory(tmp_path)
    write_json(directory.verdict_file, verdict.to_json())
    assert read_verdict(directory).steps == verdict.steps


def test_a_searchs_steps_survive_the_runs_record():
    record = RunRecord("r", "p", 100.0, "http://x", steps=(LoadStep(50.0, 110.0, 170.5),))
    data = json.loads(json.dumps(record.to_json()))
    assert data["steps"] == [{"from": "1970-01-01T00:01:50.000Z", "to": "1970-01-01T00:02:50.500Z", "load": 50.0}]
    assert RunRecord.from_json(data, "run.json").steps == record.steps
    assert "steps" not in RunRecord("r", "p", 100.0, "http://x").to_json()


@pytest.mark.parametrize(
    "steps", [{}, [1], [{"load": 5}], [{"from": "1970-01-01T00:02:00Z", "to": "1970-01-01T00:01:00Z", "load": 5}]]
)
def test_a_damaged_step_of_the_record_is_named(steps):
    data = RunRecord("r", "p", 100.0, "http://x").to_json() | {"steps": steps or {"a": 1}}
    with pytest.raises(ArchiveError, match="'steps'"):
        RunRecord.from_json(data, "run.json")
