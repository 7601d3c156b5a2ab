"""Members of a process group that ended and did not come back: told, though nothing was started anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.judge import judge_run
from harness.judge.restarts import Shrunk, shrunk
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.prom.series import Series
from tests.judge.fabricate import START, Made, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
TIMES = 1000.0 + 5.0 * np.arange(40)
WINDOW = Window(1000.0, 1200.0)


def found(*counts: tuple[float, int], window: Window = WINDOW) -> Shrunk | None:
    values = np.repeat([count for count, _ in counts], [samples for _, samples in counts])
    return shrunk(Series({}, TIMES, values), window)


def test_what_ended_and_stayed_away_is_told_with_its_moment() -> None:
    assert found((5, 20), (4, 20)) == Shrunk(1100.0, 5, 4)
    assert found((5, 10), (3, 5), (4, 25)) == Shrunk(1050.0, 5, 4)
    assert found((5, 1), (4, 39)) is None, "one sample is no beginning"


@pytest.mark.parametrize(
    "counts",
    [
        [(5, 40)],
        [(5, 20), (4, 2), (5, 18)],
        [(5, 20), (6, 20)],
        [(3, 10), (9, 20), (3, 10)],
        [(5, 30), (4, 10)],
    ],
    ids=["steady", "replaced", "more", "more for a while", "less for less than a minute"],
)
def test_what_is_replaced_or_joins_is_not(counts: list[tuple[float, int]]) -> None:
    assert found(*counts) is None


def test_what_was_set_aside_and_too_few_samples_say_nothing() -> None:
    assert found((5, 20), (4, 20), window=Window(1000.0, 1025.0)) is None
    assert found((5, 20), (4, 20), window=WINDOW.without([Window(1095.0, 1200.0)])) is None
    assert shrunk(Series({}, np.empty(0), np.empty(0)), WINDOW) is None


def test_a_worker_that_is_gone_for_good_is_a_warning_at_its_moment(tmp_path: Path) -> None:
    made = Made(members=lambda t: np.where(t < 150, 3.0, 2.0))
    verdict = judge_run(write_run(tmp_path / "run", made), plan("  error_ratio: 1%\n"), rules_dir=RULES)
    (finding,) = (f for f in verdict.findings if f.objective == "restarts")
    assert finding.outcome is Outcome.WARN and finding.onset == pytest.approx(START + 150, abs=5)
    assert "1 of its 3 processes ended and did not come back" in finding.summary
    assert verdict.outcome is Outcome.WARN
