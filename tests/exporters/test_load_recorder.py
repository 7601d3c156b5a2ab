from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from exporters.load_recorder import Recorder

EDGES = (0.1, 0.8, 2.0)


def fire(recorder: Recorder, **changes: Any) -> None:
    """As Locust fires it: everything by name, with arguments that the recorder does not know."""
    event = {
        "request_type": "GET",
        "name": "/a",
        "response_time": 50.0,
        "response_length": 10,
        "response": None,
        "context": {},
        "exception": None,
        "start_time": 1.0,
        "url": "http://x/a",
        "something_new": 1,
    }
    recorder.record(**(event | changes))


def test_nothing_recorded() -> None:
    assert list(Recorder(EDGES).snapshot()) == []
    assert Recorder(EDGES).capped is False


def test_an_ok_request_counts_in_its_bucket() -> None:
    recorder = Recorder(EDGES)
    for milliseconds in (50.0, 100.0, 100.0001, 800.0, 800.0001, 2000, 5000):
        fire(recorder, response_time=milliseconds)
    (counts,) = recorder.snapshot()
    assert (counts.method, counts.name) == ("GET", "/a")
    # A request exactly at an edge is within it.
    assert list(counts.ok[2:]) == [2, 2, 2, 1]
    assert counts.ok[0] == pytest.approx(8850.0002)
    assert counts.ok[1] == 70
    assert list(counts.error[2:]) == [0, 0, 0, 0]
    assert list(counts.errors) == [0, 0, 0, 0, 0]


def test_a_failed_request_counts_as_an_error_of_its_kind() -> None:
    recorder = Recorder(EDGES)
    fire(recorder)
    fire(recorder, exception=TimeoutError(), response_time=900.0)
    (counts,) = recorder.snapshot()
    assert list(counts.ok[2:]) == [1, 0, 0, 0]
    assert list(counts.error[2:]) == [0, 0, 1, 0]
    assert list(counts.errors) == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("odd", [math.nan, -1.0, None, math.inf, -math.inf, "fast", 1e300, object()])
def test_a_duration_that_is_none_is_a_failed_request_beyond_every_edge(odd: Any) -> None:
    recorder = Recorder(EDGES)
    fire(recorder)
    fire(recorder, response_time=odd)
    fire(recorder)
    (counts,) = recorder.snapshot()
    assert list(counts.ok[2:]) == [2, 0, 0, 0]
    assert list(counts.error[2:]) == [0, 0, 0, 1]
    assert sum(counts.errors) == 1
    assert counts.ok[0] + counts.error[0] == 100.0


@pytest.mark.parametrize("odd", [math.nan, -5, None, math.inf, "much", 1 << 70])
def test_an_odd_length_loses_no_request(odd: Any) -> None:
    recorder = Recorder(EDGES)
    fire(recorder, response_length=odd)
    fire(recorder)
    (counts,) = recorder.snapshot()
    assert list(counts.ok[2:]) == [2, 0, 0, 0]
    assert counts.ok[1] == 10
    assert sum(counts.errors) == 0


def test_numbers_of_other_types_count_once() -> None:
    recorder = Recorder(EDGES)
    fire(recorder, response_time=Decimal("50"))
    fire(recorder, response_time=50)
    fire(recorder, response_time=True)
    (counts,) = recorder.snapshot()
    assert list(counts.ok[2:]) == [3, 0, 0, 0]
    assert counts.ok[0] == 101.0


class Falsy(Exception):
    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("exception", "failed"), [("", False), (False, False), ("text", True), (Falsy(), True), (RuntimeError(), True)]
)
def test_what_counts_as_failed(exception: Any, failed: bool) -> None:
    recorder = Recorder(EDGES)
    fire(recorder, exception=exception)
    (counts,) = recorder.snapshot()
    assert sum(counts.error[2:]) == int(failed)
    assert sum(counts.ok[2:]) == int(not failed)


def test_names_past_the_cap_go_to_other_and_nothing_is_lost() -> None:
    recorder = Recorder(EDGES, max_pairs=3, reserved=[("POST", "/login")])
    for number in range(10):
        fire(recorder, name=f"/item/{number}")
        fire(recorder, name=f"/item/{number}", exception=TimeoutError())
    fire(recorder, request_type="POST", name="/login")
    found = {(c.method, c.name): c for c in recorder.snapshot()}
    assert set(found) == {
        ("GET", "/item/0"),
        ("GET", "/item/1"),
        ("GET", "/item/2"),
        ("GET", "other"),
        ("POST", "/login"),
    }
    assert recorder.capped is True
    assert sum(found["GET", "other"].ok[2:]) == 7
    assert found["GET", "other"].errors[1] == 7
    assert sum(sum(c.ok[2:]) + sum(c.error[2:]) for c in found.values()) == 21


def test_methods_past_the_cap_go_to_other() -> None:
    recorder = Recorder(EDGES, max_methods=2)
    for method in ("GET", "POST", "PUT", "DELETE"):
        fire(recorder, request_type=method)
    found = {(c.method, c.name): sum(c.ok[2:]) for c in recorder.snapshot()}
    assert found == {("GET", "/a"): 1, ("POST", "/a"): 1, ("other", "/a"): 2}
    assert recorder.capped is True


def test_a_million_names_do_not_grow_memory() -> None:
    recorder = Recorder(EDGES, max_pairs=10)
    for number in range(20_000):
        fire(recorder, name=f"/item/{number}")
    assert len(recorder._ok) <= 10 + 2_000
    assert sum(sum(c.ok[2:]) for c in recorder.snapshot()) == 20_000


@pytest.mark.parametrize(
    ("name", "label"),
    [(b"/bytes", "/bytes"), (None, "None"), (7, "7"), (["list"], "['list']"), ("\ud800", "?"), ("", "")],
)
def test_odd_names_become_labels(name: Any, label: str) -> None:
    recorder = Recorder(EDGES)
    fire(recorder, name=name)
    fire(recorder, name=name)
    (counts,) = recorder.snapshot()
    assert counts.name == label
    assert sum(counts.ok[2:]) == 2


def test_long_names_are_cut_but_stay_apart() -> None:
    recorder = Recorder(EDGES)
    fire(recorder, name="/" + "x" * 5000 + "1")
    fire(recorder, name="/" + "x" * 5000 + "2")
    first, second = recorder.snapshot()
    assert first.name != second.name
    assert len(first.name) == len(second.name) == 200


def test_a_snapshot_does_not_change() -> None:
    recorder = Recorder(EDGES)
    fire(recorder)
    before = recorder.snapshot()
    fire(recorder)
    assert sum(before[0].ok[2:]) == 1
