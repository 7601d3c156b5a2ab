"""Two runs by their time to recover: a multiple is worse, and what was not watched is never "the same"."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.judge.load_regression import Holds, LoadComparison, compare_holds
from harness.judge.recovery_regression import Recovered, compare_recovery, recovered_of
from harness.judge.regression_rows import Change
from harness.judge.verdict import Outcome


def seen(seconds: float | None, watched: float = 120.0) -> Recovered:
    return Recovered("run", seconds, watched)


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (seen(60), seen(20), Change.WORSE),
        (seen(20), seen(60), Change.BETTER),
        (seen(35), seen(20), Change.SAME),  # not twice
        (seen(10), seen(0), Change.SAME),  # two scrapes: the grid on which it is read
        (seen(15), seen(0), Change.WORSE),
        (seen(None), seen(20), Change.WORSE),
        (seen(None, 30), seen(20), Change.CANNOT_TELL),  # it may have come a moment later
        (seen(20), seen(None), Change.BETTER),
        (seen(20), seen(None, 30), Change.CANNOT_TELL),
        (seen(None), seen(None), Change.CANNOT_TELL),
        (None, seen(20), Change.CANNOT_TELL),
        (seen(20), None, Change.CANNOT_TELL),
    ],
)
def test_what_takes_twice_as_long_is_worse(now, before, change) -> None:
    row = compare_recovery("earlier", now, before, 5.0)
    assert row is not None and row.change is change
    assert row.note
    json.dumps(row.to_json(), allow_nan=False)
    unproven = compare_recovery("earlier", now, before, 5.0, "its load was not made")
    assert unproven is not None
    assert (unproven.change, unproven.note) == (Change.CANNOT_TELL, "its load was not made")


def test_runs_that_did_not_break_are_not_asked() -> None:
    assert compare_recovery("earlier", None, None, 5.0) is None
    for stress in (None, {}, {"recovery": {"state": "unmeasured", "seconds": None, "watched": 0.0}}, {"recovery": []}):
        assert recovered_of("r", stress) is None
    told = {"state": "recovered", "seconds": 20, "watched": 110.0}
    assert recovered_of("r", {"recovery": told}) == Recovered("r", 20.0, 110.0)
    assert recovered_of("r", {"recovery": {**told, "seconds": None}}) is None, "damaged"
    assert recovered_of("r", {"recovery": {**told, "state": "not", "seconds": None}}) == Recovered("r", None, 110.0)


def test_a_recovery_that_is_worse_fails_and_one_that_cannot_be_told_does_not() -> None:
    holds = Holds("run", "users", 40, 80, broken=True)
    same = (compare_holds(holds, holds),)
    rows = {
        change: compare_recovery("earlier", *sides, 5.0)
        for change, sides in {Change.WORSE: (seen(60), seen(20)), Change.CANNOT_TELL: (None, seen(20))}.items()
    }
    found = LoadComparison(holds, same)
    assert found.outcome is Outcome.PASS
    assert replace(found, recovery=(rows[Change.WORSE],)).outcome is Outcome.FAIL
    assert replace(found, recovery=(rows[Change.CANNOT_TELL],)).outcome is Outcome.PASS
