"""False alarms controlled over many series."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.judge.families import adjusted, controlled, of_a_member
from harness.judge.verdict import Outcome

PASS, WARN, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.WARN, Outcome.INCONCLUSIVE, Outcome.FAIL


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    assert adjusted([]) == []
    # Worked by hand: 0.01 * 4 / 1, 0.02 * 4 / 2, 0.03 * 4 / 3 and 0.5 * 4 / 4, each at most the next.
    assert adjusted([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert adjusted([-1.0, 2.0]) == [0.0, 1.0]


def test_one_weak_alarm_among_many_is_not_proven() -> None:
    weak = [0.03] + [0.9] * 9
    assert controlled([FAIL] + [PASS] * 9, weak, 0.05) == [INCONCLUSIVE] + [PASS] * 9
    strong = [0.001] + [0.9] * 9
    assert controlled([FAIL] + [PASS] * 9, strong, 0.05)[0] is FAIL
    assert controlled([FAIL], [0.03], 0.05) == [FAIL]
    assert controlled([FAIL] * 10, [0.03] * 10, 0.05) == [FAIL] * 10


def test_what_has_no_p_value_stays_and_corrects_nothing() -> None:
    assert controlled([], [], 0.05) == []
    assert controlled([FAIL, INCONCLUSIVE], [0.04, math.nan], 0.05) == [FAIL, INCONCLUSIVE]
    assert controlled([FAIL], [math.nan], 0.05) == [FAIL]


def test_a_single_process_warns_at_most() -> None:
    assert [of_a_member(o) for o in (PASS, INCONCLUSIVE, FAIL)] == [PASS, PASS, WARN]


def test_uniform_p_values_seldom_fail_anything() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        p = rng.random(50).tolist()
        outcomes = [FAIL if x <= 0.05 else PASS for x in p]
        alarms += FAIL in controlled(outcomes, p, 0.05)
    assert alarms <= 34  # 5 % of 400 expected; 8.5 % is four standard errors off
