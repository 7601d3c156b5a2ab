"""A target that restarts while the sidecar does: no counter saw it, the age of its oldest process tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.restarts import unseen
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.prom.series import FloatArray, Series
from tests.judge.fabricate import START, Made, job, lose, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
TIMES = 1000.0 + 5.0 * np.arange(6)
WINDOW = Window(1000.0, 1030.0)


def found(starts: list[float], oldest: list[float], window: Window = WINDOW) -> list[float]:
    return unseen(Series({}, TIMES, np.array(starts)), Series({}, TIMES, np.array(oldest)), window)


@pytest.mark.parametrize(
    ("starts", "oldest", "at"),
    [
        ([0, 0, 0, 0, 0, 0], [500, 500, 500, 1012, 1012, 1012], [1015]),
        ([7, 7, 7, 0, 0, 0], [500, 500, 500, 1012, 1012, 1012], [1015]),
        ([0, 0, 0, 4, 4, 4], [500, 500, 500, 1012, 1012, 1012], []),
        ([7, 7, 7, 0, 0, 0], [500, 500, 500, 600, 600, 600], []),
        ([7, 7, 7, 0, 0, 0], [500, 500, 500, 500.4, 500.4, 500.4], []),
        ([7, 7, 7, 0, 0, 0], [500, 500, 500, 400, 400, 400], []),
    ],
    ids=["unseen", "unseen, counter anew", "counted", "the oldest ended", "clocks drift", "an older one joined"],
)
def test_all_began_since_the_reading_before(starts: list[float], oldest: list[float], at: list[float]) -> None:
    assert found(starts, oldest) == at


def test_a_rule_that_ran_before_the_scrape_counted_it_in_its_next_sample() -> None:
    counter = Series({}, TIMES - 2, np.array([0.0, 0, 0, 0, 4, 4]))
    assert unseen(counter, Series({}, TIMES, np.array([500.0] * 3 + [1012.0] * 3)), WINDOW) == []


def test_only_in_the_window_and_not_where_it_was_set_aside() -> None:
    starts, oldest = [0.0] * 6, [500.0] * 3 + [1012.0] * 3
    assert found(starts, oldest, Window(1016.0, 1030.0)) == []
    assert found(starts, oldest, WINDOW.without([Window(1011.0, 1013.0)])) == []
    nothing = Series({}, np.empty(0), np.empty(0))
    assert unseen(nothing, Series({}, TIMES, np.array(oldest)), WINDOW) == []
    assert unseen(Series({}, TIMES, np.array(starts)), nothing, WINDOW) == []


def test_a_restart_while_the_sidecar_was_gone_fails_the_run(tmp_path: Path) -> None:
    def oldest(t: FloatArray) -> FloatArray:
        return np.where(t < 155, START - 3600, START + 156)

    made = Made(oldest=oldest, lost=lose(job(names.JOB_SIDECAR), 150, 162))
    verdict = judge_run(write_run(tmp_path / "run", made), plan("  error_ratio: 1%\n"), rules_dir=RULES)
    (one,) = (o for o in verdict.objectives if o.objective == "restarts")
    assert (one.outcome, one.value) == (Outcome.FAIL, 1)
