"""The poller: one thread, withdrawal of what failed or is old, and never a second question to a hung source."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from exporters.poller import Poller, Unreadable, io_timeout, stale_after
from tests.servers import wait_until


@dataclass(frozen=True)
class Number:
    value: int
    problems: tuple[str, ...] = ()


class Script:
    """A source whose reading is whatever ``action`` does."""

    def __init__(self, action: Callable[[int], Number]) -> None:
        self.action = action
        self.reads = self.pings = 0
        self.closed = threading.Event()

    def read(self) -> Number:
        self.reads += 1
        return self.action(self.reads)

    def ping(self) -> None:
        self.pings += 1

    def close(self) -> None:
        self.closed.set()


def fail(reason: str) -> Number:
    raise Unreadable(reason)


def test_before_the_first_reading_it_is_not_up() -> None:
    snapshot = Poller("x", Script(Number), interval=1).snapshot()
    assert (snapshot.up, snapshot.reading, snapshot.duration) == (False, None, None)


def test_serves_the_latest_reading_and_closes_its_source() -> None:
    source = Script(Number)
    poller = Poller("x", source, interval=0.2)
    poller.start()
    wait_until(lambda: source.reads >= 3, "three readings", seconds=5)
    snapshot = poller.snapshot()
    assert snapshot.up
    assert snapshot.reading is not None and snapshot.reading.value >= 2
    assert snapshot.duration is not None and snapshot.duration < 0.2
    poller.stop()
    poller.join(2)
    assert source.closed.is_set()


def test_a_failed_reading_withdraws_the_values_at_once_and_they_return() -> None:
    source = Script(lambda n: fail("gone") if n == 2 else Number(n))
    poller = Poller("x", source, interval=0.3)
    poller.start()
    try:
        wait_until(lambda: poller.snapshot().up, "the first", seconds=5)
        wait_until(lambda: not poller.snapshot().up, "the failure", seconds=5)
        assert poller.snapshot().reading is None
        wait_until(lambda: poller.snapshot().up, "the return", seconds=5)
    finally:
        poller.stop()


def test_a_partial_reading_is_served_and_is_not_up() -> None:
    poller = Poller("x", Script(lambda n: Number(n, ("half of it",))), interval=1)
    poller.start()
    assert poller.wait_first(5)
    snapshot = poller.snapshot()
    poller.stop()
    assert not snapshot.up
    assert snapshot.reading is not None


def test_a_hung_source_goes_stale_is_not_asked_twice_and_recovers() -> None:
    release = threading.Event()

    def action(n: int) -> Number:
        if n == 2:
            release.wait(20)
        return Number(n)

    source = Script(action)
    poller = Poller("hangs", source, interval=0.2)
    poller.start()
    try:
        wait_until(lambda: source.reads == 2, "the hang", seconds=5)
        assert poller.snapshot().up, "one missed tick is no failure"
        time.sleep(0.8)
        snapshot = poller.snapshot()
        assert (snapshot.up, snapshot.reading) == (False, None)
        assert snapshot.duration is not None and snapshot.duration > 0.7, "the attempt under way counts"
        assert source.reads == 2
        assert [thread.name for thread in threading.enumerate()].count("hangs") == 1
        release.set()
        wait_until(lambda: poller.snapshot().up, "recovery", seconds=5)
    finally:
        release.set()
        poller.stop()


def test_a_defect_is_said_without_its_text_and_polling_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def action(n: int) -> Number:
        if n == 1:
            raise RuntimeError("postgresql://u:hunter2@h")
        return Number(n)

    poller = Poller("x", Script(action), interval=0.2)
    with caplog.at_level(logging.INFO):
        poller.start()
        wait_until(lambda: poller.snapshot().up, "the second reading", seconds=5)
        poller.stop()
        poller.join(2)
    assert "internal error RuntimeError" in caplog.text
    assert "hunter2" not in caplog.text


def test_logs_changes_only(caplog: pytest.LogCaptureFixture) -> None:
    source = Script(lambda n: Number(n) if n in (1, 6) else fail("refused"))
    poller = Poller("database:main", source, interval=0.05)
    with caplog.at_level(logging.INFO):
        poller.start()
        wait_until(lambda: source.reads > 8, "readings", seconds=5)
        poller.stop()
        poller.join(2)
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        "database:main: cannot read: refused",
        "database:main: reads again",
        "database:main: cannot read: refused",
    ]


def test_pings_between_readings_and_not_while_down() -> None:
    good, bad = Script(Number), Script(lambda n: fail("no"))
    pollers = [Poller("good", good, interval=2.6, ping=True), Poller("bad", bad, interval=2.6, ping=True)]
    for poller in pollers:
        poller.start()
    time.sleep(2.3)
    for poller in pollers:
        poller.stop()
    assert (good.reads, good.pings) == (1, 2)
    assert (bad.reads, bad.pings) == (1, 0)


def test_the_timeout_follows_the_interval_within_limits() -> None:
    assert [io_timeout(interval) for interval in (0.5, 5, 60)] == [2.0, 5, 10.0]
    assert [stale_after(interval) for interval in (0.5, 1, 5, 60)] == [1.5, 3.0, 12.5, 150.0]
