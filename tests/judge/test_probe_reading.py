"""One window of one load, read from made-up samples: what shows nothing holds nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge.counter_window import growth, rate
from harness.judge.probe_reading import ProbeReader
from harness.judge.windows import Window
from harness.plan.loading import load_plan_text
from harness.prom.series import Series

MASTER, WORKERS = "locust-master", ("locust-worker-1", "locust-worker-2")
PLAN = """
target: {url: http://localhost:5000}
kind: capacity
scrape_interval: 1s
load: {locustfile: reference, workers: 2, MODEL}
capacity: {start: 20, max: 500}
objectives: {latency_p95: 800ms, error_ratio: 1%}
"""
WINDOW = Window(100.0, 130.0)


class Samples:
    """Raw series by name and labels, scraped each second."""

    def __init__(self, interval: float = 1.0, start: float = 90.0, end: float = 131.0) -> None:
        self.times = np.arange(start, end, interval)
        self.series: list[tuple[str, dict[str, str], np.ndarray, np.ndarray]] = []

    def add(self, name: str, values, keep=lambda t: t >= 0, **labels: str) -> None:
        values = np.asarray(values, dtype=float) * np.ones(self.times.size)
        mine = np.asarray(keep(self.times), dtype=bool)
        self.series.append((name, labels, self.times[mine], values[mine]))

    def counter(self, name: str, per_second: float, keep=lambda t: t >= 0, **labels: str) -> None:
        self.add(name, per_second * (self.times - self.times[0]), keep, **labels)

    def raw(self, selector: str, start: float, end: float) -> list[Series]:
        name, told = selector.split("{")
        wanted = re.findall(r'(\w+)(=~?)"([^"]*)"', told)
        found = []
        for own, labels, times, values in self.series:

            def fits(key: str, op: str, value: str, labels=labels) -> bool:
                mine = labels.get(key, "")
                return bool(re.fullmatch(value.replace("\\\\", "\\"), mine)) if op == "=~" else mine == value

            if own != name or not all(fits(*one) for one in wanted if one[0] not in ("harness", "job")):
                continue
            inside = (times >= start) & (times <= end)
            if inside.any():
                found.append(Series(dict(labels), times[inside], values[inside]))
        return found


def good(without: str = "", users: float = 50.0) -> Samples:
    """100 users on two workers, 100 requests a second, all of them quick; ``without``: a name that nobody exported."""
    made = Samples()
    for instance in (MASTER, *WORKERS):
        made.add(names.UP, 1.0, instance=instance)
        made.counter(names.PROCESS_CPU, 0.3, instance=instance)
        for le in ("+Inf", "0.1"):
            made.counter(names.LOOP_LAG + "_bucket", 50.0, instance=instance, le=le)
    for instance in WORKERS:
        made.add(names.USERS, users, instance=instance)
        made.counter(names.REQUEST_DURATION + "_count", 50.0, instance=instance, outcome="ok")
        made.counter(names.REQUEST_DURATION + "_bucket", 50.0, instance=instance, outcome="ok", le="0.8")
        made.counter(names.ARRIVALS, 50.0, instance=instance)
        made.counter(names.ARRIVALS_DROPPED, 0.0, instance=instance)
    made.series = [one for one in made.series if not one[0].startswith(without or "-")]
    return made


def reader(samples: Samples, model: str = "closed", interval: float = 1.0) -> ProbeReader:
    text = PLAN.replace("MODEL", f"model: {model}")
    plan = load_plan_text(text, where="x.yml", environ={})
    return ProbeReader(samples, plan, "default", interval)


def shown(samples: Samples, load: float = 100.0, **kwargs) -> tuple[str, str]:
    found = reader(samples, **kwargs).read(load, WINDOW)
    return found.shown, found.why


@pytest.mark.parametrize("model", ["closed", "open"])
def test_a_load_that_was_made_and_answered_in_time_is_held(model: str) -> None:
    assert shown(good(), model=model) == ("held", "")


@pytest.mark.parametrize(("name", "what"), [(names.LOOP_LAG, "event loop"), (names.PROCESS_CPU, "CPU")])
def test_a_generator_whose_limits_nobody_measured_holds_and_breaks_nothing(name: str, what: str) -> None:
    state, why = shown(good(without=name))
    assert state == "void"
    assert what in why


def test_users_that_are_no_number_ran_not() -> None:
    assert shown(good(users=float("nan")))[0] == "generator"


def test_users_of_a_worker_that_was_replaced_do_not_stand_in_for_those_that_are_missing() -> None:
    """The old worker is gone in the window's first seconds; the one in its place has no users."""
    made = good()
    made.series = [one for one in made.series if one[0] != names.USERS]
    made.add(names.USERS, 50.0, instance=WORKERS[0])
    made.add(names.USERS, 50.0, lambda t: t < 103, instance="locust-worker-old")
    made.add(names.UP, 1.0, lambda t: t < 103, instance="locust-worker-old")
    made.add(names.USERS, 0.0, instance=WORKERS[1])
    assert shown(made) == ("generator", "only 50 of 100 users ran")


def test_users_that_ran_for_two_thirds_of_a_hold_only_held_nothing() -> None:
    made = good()
    made.series = [one for one in made.series if one[0] != names.USERS]
    for instance in WORKERS:
        made.add(names.USERS, np.where(made.times < 120, 50.0, 5.0), instance=instance)
    assert shown(made) == ("generator", "only 10 of 100 users ran")


def test_users_of_the_load_before_that_have_not_left_break_no_lower_load() -> None:
    made = good()
    made.counter(names.REQUEST_DURATION + "_count", 30.0, instance=WORKERS[0], outcome="error")
    assert shown(made, load=60.0) == ("void", "100 users ran, 60 were wanted")
    assert shown(made)[0] == "broke"
    assert shown(made, load=60.0, model="open")[0] == "broke", "who is free waits"


def test_a_request_that_is_neither_good_nor_failed_is_a_failed_one() -> None:
    made = good()
    made.counter(names.REQUEST_DURATION + "_count", 3.0, instance=WORKERS[0], outcome="")
    found = reader(made).read(100.0, WINDOW)
    assert (found.shown, found.broken) == ("broke", ("error_ratio",))


def test_a_hold_that_is_no_multiple_of_the_scrapes_is_no_missing_load() -> None:
    """Between its first and its last scrape lie 25 of the window's 29 seconds."""
    made = good()
    for one in range(len(made.series)):
        name, labels, times, values = made.series[one]
        keep = (times - 92) % 5 == 0
        made.series[one] = (name, labels, times[keep], values[keep])
    read = reader(made, "open", interval=5.0).read(100.0, Window(103.0, 131.0))
    assert read.shown == "held"
    assert read.rps == pytest.approx(100.0)


def counter(*pairs: tuple[float, float]) -> Series:
    times, values = np.array(pairs, dtype=float).T
    return Series({}, times, values)


def test_the_rate_of_a_counter_is_over_the_time_between_its_scrapes() -> None:
    read = counter((98, 0), (103, 50), (108, 100), (113, 150))
    assert rate(read, Window(100, 114), True, 5.0) == pytest.approx(10.0)


def test_the_rate_of_a_counter_that_ends_in_the_window_counts_the_time_after_it() -> None:
    read = counter((99, 0), (104, 50), (109, 100))
    assert rate(read, Window(100, 130), True, 5.0) == pytest.approx(100 / (130 - 7.5 - 99))


def test_a_counter_that_is_new_began_at_nothing_where_its_process_was_scraped_before() -> None:
    read = counter((105, 20), (110, 40))
    assert growth(read, Window(100, 110), True) == 40
    assert growth(read, Window(100, 110), False) == 20
