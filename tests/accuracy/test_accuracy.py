"""The measurement itself: series are what their labels say, the same each time, and the page counts rightly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from accuracy.corpus import HEALTHY, LEAKING, SLOPE_NAMES, SLOPES, Purpose, draw
from accuracy.figures import Goal, Rate, series_goals
from accuracy.measure import Row, judge_all, tasks
from accuracy.noise import HOUR, correlated
from accuracy.page import Measured, agreement_table, live_table, page
from accuracy.parts import NotYet, Parts
from accuracy.real_path import Passed, drawn, judged
from accuracy.whole_runs import NAMED, RunOutcome, draw_run


def test_a_series_is_made_from_its_label_alone() -> None:
    one = draw("warm-up", 3, Purpose.TUNING)
    again = draw("warm-up", 3, Purpose.TUNING)
    assert (one.values == again.values).all()
    other = draw("warm-up", 3, Purpose.REPORTING)
    assert not np.array_equal(one.values, other.values)


@pytest.mark.parametrize("hours", [8.0, 24.0])
def test_every_kind_is_drawn_as_the_judge_takes_it(hours: float) -> None:
    drawn = [draw(kind, 0, Purpose.TUNING, hours=hours) for kind in HEALTHY]
    drawn += [draw(kind, 0, Purpose.TUNING, hours=hours, slope=s) for kind in LEAKING for s in range(len(SLOPES))]
    for sample in drawn:
        assert np.isfinite(sample.values).all(), sample.kind
        assert (sample.values > 0).all(), sample.kind
        assert (np.diff(sample.times) > 0).all(), sample.kind
        assert sample.times.size > 0.8 * hours * 240, sample.kind
        assert bool(sample.slope_class) == (sample.per_hour > 0)


def test_a_leak_grows_by_its_label() -> None:
    for slope, (low, high) in enumerate(SLOPES):
        for number in range(5):
            sample = draw("linear", number, Purpose.TUNING, slope=slope)
            assert low <= sample.per_hour <= high
            hours = (sample.times - sample.times[0]) / HOUR
            measured = np.polyfit(hours, sample.values, 1)[0] / np.median(sample.values[:40])
            assert measured == pytest.approx(sample.per_hour, abs=0.004, rel=0.05)


def test_slow_noise_has_the_strength_and_the_correlation_it_says() -> None:
    noise = correlated(np.random.default_rng(1), 400_000, 0.5, 900.0)
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    assert np.corrcoef(noise[:-60], noise[60:])[0, 1] == pytest.approx(np.exp(-1), abs=0.03)


def test_a_run_has_fifty_series_and_the_named_signals() -> None:
    families = draw_run(0, Purpose.TUNING_RUNS)
    assert sum(1 + len(f.members) for f in families) == 50
    assert set(NAMED) < {f.signal for f in families}
    assert all(not s.per_hour for f in families for s in (f.job, *f.members))


def test_rates_have_exact_intervals() -> None:
    assert Rate(0, 100).interval == pytest.approx((0.0, 0.0362), abs=1e-4)  # 1 - 0.025 ** (1 / 100)
    assert str(Rate(1, 200)) == "0.5 % (0.013 % to 2.8 %)"
    assert str(Rate(0, 0)) == "-"
    assert not Goal("of nothing", True, 0.5, Rate(0, 0)).met


def test_the_page_counts_what_was_judged() -> None:
    rows = [Row("warm-up", i, 24.0, "", "fail" if i < 2 else "pass") for i in range(100)]
    rows += [Row("linear", i, 24.0, "1 to 2 %/h", "pass" if i == 0 else "fail") for i in range(50)]
    goals = {goal.name: goal for goal in series_goals(rows)}
    assert goals["healthy series: false FAIL"].rate == Rate(2, 100)
    assert not goals["healthy series: false FAIL"].met
    assert goals["leaks of 1 to 2 %/h: found"].rate == Rate(49, 50)
    assert goals["leaks of 1 to 2 %/h: found"].met
    runs = [RunOutcome("pass", "inconclusive", 50), RunOutcome("fail", "fail", 8)]
    text = page(Measured(rows, runs, "a day", 60.0), "# Title\n<!-- goals -->\n<!-- counts -->\n")
    assert text.startswith("# Title\n")
    assert "| healthy series: false FAIL | at most 0.5 % | 2 % (0.24 % to 7 %) | **no** |" in text
    assert "100 healthy and 50 leaking series of 24 h" in text
    assert "2 whole healthy runs of 50 series (in 1 of them all series" in text


def test_a_small_measurement_runs_to_its_end() -> None:
    todo = [t for t in tasks(Purpose.TUNING, 8.0, 1, 1) if t.kind in ("noise only", "linear")]
    rows = judge_all(todo, processes=1)
    assert [row.kind for row in rows] == ["noise only", "linear", "linear", "linear"]
    assert rows[-1].outcome == "fail"  # 2 to 20 % an hour


def test_a_sample_goes_through_the_real_path() -> None:
    samples = drawn(6, Purpose.TUNING)
    assert [bool(s.slope_class) for s in samples].count(True) == 3
    passed = judged([s for s in samples if s.kind in ("linear", "warm-up")])
    assert {(p.kind, p.pure, p.real) for p in passed} == {("linear", "fail", "fail"), ("warm-up", "pass", "pass")}
    assert [p.alerted_after is not None for p in passed if p.kind == "warm-up"] == [False]


def test_the_page_tells_where_the_real_path_differs() -> None:
    words = [("pass", "pass"), ("fail", "inconclusive"), ("inconclusive", "fail"), ("pass", "fail"), ("fail", "error")]
    passed = [Passed("x", i, 0.0, "", pure, real, None) for i, (pure, real) in enumerate(words)]
    rows = agreement_table(passed).splitlines()[4:]
    assert [row.split("|")[2].split("%")[0].strip() for row in rows] == ["20.0", "20.0", "20.0", "40.0"]
    leaks = [
        Passed("x", i, 0.01, SLOPE_NAMES[0], "fail", "fail", after) for i, after in enumerate([3600.0, 7200.0, None])
    ]
    assert "| leaks of 0.5 to 1 %/h | 3 | 66.7 % (9.4 % to 99.2 %) | 2.0 h |" in live_table(leaks)
    assert "Not measured" in agreement_table([])


def test_a_measurement_goes_on_where_it_stopped(tmp_path: Path) -> None:
    done: list[int] = []

    def work(part: Sequence[int]) -> list[Rate]:
        done.extend(part)
        return [Rate(n, 10) for n in part]

    def measure(key: str = "k", seconds: float = 1e9) -> list[Rate]:
        return Parts(tmp_path, key, seconds).each("x", range(5), 2, work, lambda one: Rate(**one))

    with pytest.raises(NotYet, match="x: 0 of 5 are done"):
        measure(seconds=-1)
    whole = measure()
    assert (whole, done) == ([Rate(n, 10) for n in range(5)], [0, 1, 2, 3, 4])
    (tmp_path / "x-1.json").unlink()
    assert measure() == whole
    assert done[5:] == [2, 3]
    assert measure(seconds=-1) == whole
    with pytest.raises(NotYet):  # of another commit: nothing of it is used
        measure("other", seconds=-1)
