"""What the sidecar could not read when a run was ended early, on series made up here and on a made run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.assets import data_path
from harness.judge import judge_run
from harness.judge.unread import unread_since
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.prom.series import Series
from tests.judge.fabricate import END, Made, plan, write_run
from tests.judge.fabricate import START as RUN_START

START = 1_795_364_560.0
WINDOW = Window(START, START + 100)


def read(*down: tuple[float, float], last: float = 100.0) -> Series:
    times = START + np.arange(0.0, last)
    values = np.ones(times.size)
    for begin, end in down:
        values[(times >= START + begin) & (times < START + end)] = 0.0
    return Series({"collector": "database:main"}, times, values)


@pytest.mark.parametrize(
    ("series", "since"),
    [
        (read(), None),
        (read((55, 100)), 55.0),
        (read((97, 100)), 97.0),
        (read((98, 100)), None),  # one reading that failed, seen twice
        (read((20, 60)), None),  # it reads again
        (read((20, 30), (80, 100)), 80.0),
        (read((30, 100)), None),  # the alert tells it
        (read((55, 90), last=90.0), None),  # nobody knows what became of it
        (read(last=0.0), None),
    ],
)
def test_only_what_could_not_be_read_at_the_end_counts(series: Series, since: float | None) -> None:
    assert unread_since(series, WINDOW, 1.0) == (None if since is None else START + since)


@pytest.mark.parametrize("ended_by", ["aborted", "completed"])
def test_an_aborted_run_names_the_database_that_no_longer_answered(tmp_path: Path, ended_by: str) -> None:
    mute = Made(database_read=lambda t: np.where(t >= END - RUN_START - 30, 0.0, 1.0))
    directory = write_run(tmp_path, mute, ended_by=ended_by)
    verdict = judge_run(directory, plan(), rules_dir=data_path("prometheus") / "rules")
    told = [f for f in verdict.findings if "'database:main' could not read from" in f.summary]
    assert [(f.outcome, f.subject) for f in told] == (
        [(Outcome.WARN, {"collector": "database:main"})] if ended_by == "aborted" else []
    )
