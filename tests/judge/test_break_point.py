"""Where a stress run broke, what capacity it showed, and whether it recovered. Made-up steps and counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.judge.break_point import BreakPoint, find_break, judge_capacity
from harness.judge.recovery import find_recovery, judge_recovery, low_hold
from harness.judge.shares import Counts
from harness.judge.steps import Step
from harness.judge.verdict import Outcome
from harness.plan.holds import Hold

STATES = {"h": "held", "b": "broken", "u": "unclear"}


def steps(text: str, rps: float = 0.5, unit: str = "users") -> list[Step]:
    """ "100h 200b" is 100 users that held, then 200 that broke; they make half a request a second each."""
    found = []
    for i, word in enumerate(text.split()):
        load, state = float(word[:-1]), STATES[word[-1]]
        broken = ("latency_p95",) if state == "broken" else ()
        found.append(Step(load, unit, 60.0 * i, 60.0 * i + 12, 60.0 * i + 60, load * rps, 0.2, 0.0, state, broken))
    return found


def loads(found: BreakPoint) -> tuple[float | None, float | None, list[float]]:
    return (
        found.held.load if found.held else None,
        found.broken.load if found.broken else None,
        [one.load for one in found.disturbed],
    )


@pytest.mark.parametrize(
    ("run", "held", "broken", "disturbed"),
    [
        ("100h 200h 300b 400b", 200, 300, []),
        ("100h 200h", 200, None, []),
        ("100b 200b", None, 100, []),
        ("100h 200b", 100, 200, []),
        # More load held: what happened at 200 was not its load.
        ("100h 200b 300h 400b", 300, 400, [200]),
        ("100h 200b 300h", 300, None, [200]),
        # Unclear is neither: it hides no break and makes none.
        ("100h 200b 300u", 100, 200, []),
        ("100h 200b 300u 400b", 100, 200, []),
        ("100h 200u 300b", 100, 300, []),
        ("100h 200u", 100, None, []),
        # The way down is recovery, not steps.
        ("100h 300b 100h", 100, 300, []),
        ("100h 300b 100b", 100, 300, []),
        ("", None, None, []),
    ],
)
def test_the_break_is_the_load_from_which_on_everything_broke(run, held, broken, disturbed):
    assert loads(find_break(steps(run))) == (held, broken, disturbed)


@pytest.mark.parametrize(
    ("run", "limit", "outcome", "value", "note"),
    [
        ("100h 200h 300b 400b", 200, Outcome.PASS, 200, "held 200 users (100 rps); broke at 300 users (150 rps)"),
        ("100h 200h", 150, Outcome.PASS, 200, "held 200 users (100 rps), no break found"),
        ("100h 200h 300b", 300, Outcome.FAIL, 200, "broke at 300 users (150 rps) (latency_p95); held 200 users"),
        ("100b 200b", 100, Outcome.FAIL, 0, "broke at 100 users (50 rps) (latency_p95); no step below it was held"),
        ("100b 200b", 50, Outcome.INCONCLUSIVE, None, "a step between them, at 50 users, would tell"),
        ("100h 200h 300b", 250, Outcome.INCONCLUSIVE, 200, "a step between them, at 250 users, would tell"),
        ("100h 200h", 500, Outcome.INCONCLUSIVE, 200, "200 users was shown to hold: add steps up to 500 users"),
        ("100h 200b 300h 400b", 300, Outcome.INCONCLUSIVE, 300, "but 200 users (100 rps) broke, though more was held"),
        ("100h 200b 300h 400b", 150, Outcome.PASS, 300, "held 300 users"),
        ("", 100, Outcome.INCONCLUSIVE, None, "no step of load was held long enough to be judged"),
    ],
)  # fmt: skip
def test_capacity_in_users(run, limit, outcome, value, note):
    shown = judge_capacity(find_break(steps(run)), limit, "users")
    assert (shown.outcome, shown.value) == (outcome, value)
    assert note in shown.note


def test_an_unclear_step_on_the_way_is_named():
    run = steps("100h 200u")
    run[1] = replace(run[1], note="the load generator was at its limit")
    shown = judge_capacity(find_break(run), 200, "users")
    assert shown.outcome is Outcome.INCONCLUSIVE
    assert "200 users (100 rps) is unclear: the load generator was at its limit" in shown.note


@pytest.mark.parametrize(
    ("limit", "outcome"), [(90, Outcome.PASS), (100, Outcome.PASS), (140, Outcome.INCONCLUSIVE), (160, Outcome.FAIL)]
)
def test_capacity_in_requests_of_a_closed_run(limit, outcome):
    """Held at 100 rps, broken at 150: what lies between, nobody saw."""
    assert judge_capacity(find_break(steps("100h 200h 300b")), limit, "rps").outcome is outcome


def test_capacity_in_arrivals_of_an_open_run():
    found = find_break(steps("100h 200h 300b", unit="rps", rps=1.0))
    assert judge_capacity(found, 300, "rps").outcome is Outcome.FAIL
    assert judge_capacity(found, 200, "rps").outcome is Outcome.PASS


def test_requests_per_second_may_have_peaked_before_the_highest_held_step():
    run = steps("100h 200h 300b")
    run[1] = replace(run[1], achieved_rps=40.0)
    assert judge_capacity(find_break(run), 50, "rps").value == 50.0


# --- recovery: 100 users again at 240 s, watched for two minutes

LOW = Hold(100, "users", 240.0, 240.0, 252.0, 360.0)
LIMIT = 0.05


def counted(bad, rate: float = 50.0) -> dict:
    times = np.arange(0, 360, dtype=float) + 0.5
    all_ = np.full(times.shape, rate)
    return {"latency_p95": (Counts(times, all_, all_ * np.array([bad(t) for t in times])), LIMIT)}


def recovery(bad, ended: float = 360.0, loaded: bool = True, **kwargs):
    return find_recovery(counted(bad, **kwargs), LOW, ended, 1.0, loaded=loaded)


def test_recovery_counts_from_the_drop_to_the_first_lasting_good_moment():
    found = recovery(lambda t: 1.0 if t < 260 else 0.0)
    assert found.state == "recovered"
    assert found.seconds == pytest.approx(20, abs=1)
    assert judge_recovery(found, 60, 1.0) == (Outcome.PASS, found.seconds)
    assert judge_recovery(found, 15, 1.0) == (Outcome.FAIL, found.seconds)


def test_what_was_well_at_once_took_no_time():
    assert recovery(lambda t: 1.0 if t < 240 else 0.0).seconds == 0.0


def test_a_lull_is_no_recovery():
    """Well from 250 to 270, broken again until 300."""
    found = recovery(lambda t: 0.0 if 250 <= t < 270 or t >= 300 else 1.0)
    assert found.seconds == pytest.approx(60, abs=1)


def test_a_relapse_up_to_the_end_is_no_recovery():
    found = recovery(lambda t: 1.0 if t < 250 or t >= 330 else 0.0)
    assert found.state == "not"


def test_one_bad_moment_after_it_is_no_relapse():
    assert recovery(lambda t: 1.0 if t < 250 or 300 < t < 300.4 else 0.0).seconds == pytest.approx(10, abs=1)


def test_never_recovered_fails():
    found = recovery(lambda t: 1.0)
    assert (found.state, found.seconds, found.watched) == ("not", None, 120.0)
    assert judge_recovery(found, 60, 1.0) == (Outcome.FAIL, None)
    # It was not watched for long enough to say that it would not have come back in time.
    assert judge_recovery(found, 100, 1.0) == (Outcome.INCONCLUSIVE, None)


def test_a_dead_target_has_not_recovered():
    assert recovery(lambda t: 0.0, rate=0.0).state == "not"


def test_no_requests_and_no_proof_of_load_is_no_evidence():
    found = recovery(lambda t: 0.0, rate=0.0, loaded=False)
    assert found.state == "unmeasured"
    assert judge_recovery(found, 60, 1.0) == (Outcome.INCONCLUSIVE, None)


def test_too_few_requests_are_no_evidence():
    found = recovery(lambda t: 0.0, rate=0.25)
    assert (found.state, found.note) == (
        "unmeasured",
        "30 requests after the load dropped are too few to show latency_p95",
    )


def test_a_run_that_ended_before_the_drop_shows_no_recovery():
    assert recovery(lambda t: 0.0, ended=239.0).state == "unmeasured"


def holds(*pairs: float) -> list[Hold]:
    return [Hold(load, "users", 60.0 * i, 60.0 * i, 60.0 * i + 12, 60.0 * i + 60) for i, load in enumerate(pairs)]


@pytest.mark.parametrize(
    ("run", "planned", "low", "why"),
    [
        ("100h 300b 100h", (100, 300, 100), 100, ""),
        ("100h 300b", (100, 300), None, "the load never dropped: add a last stage with few users"),
        ("100h 300h 100h", (100, 300, 100), None, "nothing broke, so there was nothing to recover from"),
        ("200b 300b 100h", (200, 300, 100), None, "no step was held before the break"),
        ("100h 300b 200b", (100, 300, 200), None, "the load dropped to 200 users only, more than was held"),
        # The first of the lower loads is too high to recover at, the second is not.
        ("100h 300b 200b 50h", (100, 300, 200, 50), 50, ""),
    ],
)  # fmt: skip
def test_where_recovery_can_be_seen(run, planned, low, why):
    hold, said = low_hold(holds(*planned), find_break(steps(run)))
    assert (hold.load if hold else None) == low
    assert said.startswith(why)
    assert bool(said) is bool(why)


def test_requests_that_nobody_counted_are_not_none():
    run = [replace(one, achieved_rps=None) for one in steps("100h 200h 300b")]
    shown = judge_capacity(find_break(run), 50, "rps")
    assert (shown.outcome, shown.value) == (Outcome.INCONCLUSIVE, None)
    assert judge_capacity(find_break(run), 200, "users").outcome is Outcome.PASS
