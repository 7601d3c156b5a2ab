"""A clock that is set back while a run is on."""

from __future__ import annotations

from harness.run.clock_watch import ClockWatch


def test_a_clock_that_goes_on_or_ahead_is_not_set_back() -> None:
    watch = ClockWatch(5.0)
    assert [watch.look(1000.0 + t, 50.0 + t) for t in (0.0, 0.5, 1.0)] == [0.0, 0.0, 0.0]
    assert watch.look(5000.0, 52.0) == 0.0, "ahead: that is a gap"
    assert watch.look(5000.5, 52.5) == 0.0
    assert watch.look(5001.0, 57.0) == 0.0, "less than a scrape"
    assert watch.lost == 0.0


def test_every_step_back_counts_once() -> None:
    watch = ClockWatch(5.0)
    assert watch.look(1000.0, 50.0) == 0.0
    assert watch.look(940.5, 50.5) == 60.0
    assert watch.look(941.0, 51.0) == 0.0
    assert watch.look(931.5, 51.5) == 10.0
    assert watch.lost == 70.0
