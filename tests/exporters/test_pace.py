"""The pace of the machine: CPU seconds of work that is always the same."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.families import Families
from exporters.pace import KIND, Pace, PaceReading, expose, work


def test_the_work_is_always_the_same() -> None:
    assert {work() for _ in range(3)} == {work()} != {0}


def test_each_reading_is_a_round_and_what_it_took() -> None:
    ticks = iter([1.0, 1.5, 2.0, 2.25])
    pace = Pace(clock=lambda: next(ticks))
    assert pace.latest == PaceReading(0, 0.0)
    assert pace.read() == PaceReading(1, 0.5)
    assert pace.read() == pace.latest == PaceReading(2, 0.75)


def test_it_is_the_cpu_time_of_its_own_thread() -> None:
    reading = Pace().read()
    assert 1e-5 < reading.seconds < 10


def test_other_work_is_another_series() -> None:
    families = Families()
    expose(families, PaceReading(4, 0.01))
    found = {sample.name: (sample.labels, sample.value) for family in families for sample in family.samples}
    assert found == {names.PACE_ROUNDS: ({"work": KIND}, 4), names.PACE_CPU: ({"work": KIND}, 0.01)}
