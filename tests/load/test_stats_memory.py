"""Locust's own memory stays bounded, and its web page and CSV still tell the same."""

from __future__ import annotations

import concurrent.futures
from types import SimpleNamespace
from typing import Any

from benchmarks.load_memory import simulate
from harness.load.stats_memory import fold_entries, fold_errors, fold_exceptions, thin


def test_bounded_and_bare_tell_the_same_after_hours() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        bare, bounded = pool.map(lambda kind: simulate(kind, 3.0), ("bare", "bounded"))
    assert len(bare["figures"]) == 11
    assert bare["figures"][0]["num_requests"] == 3 * (3 * 3600 - 2)  # the last two seconds await their report
    assert bare["figures"][0]["current_rps"] > 0
    assert bounded["figures"] == bare["figures"]
    assert bounded["csv"] == bare["csv"]
    assert bounded["last_history"] == bare["last_history"]
    assert bare["history_rows"] == 2160
    assert bounded["history_rows"] <= 2000
    assert bounded["growth_mb"] < bare["growth_mb"] / 2


def test_thinning_keeps_the_newest_half_and_the_order() -> None:
    history = list(range(2001))
    thin(history)
    assert len(history) == 1501
    assert history[:3] == [0, 2, 4]
    assert history[-1001:] == list(range(1000, 2001))
    short = [1, 2, 3]
    thin(short)
    assert short == [1, 2, 3]


class Row:
    """What ``stats_memory`` uses of a locust.stats.StatsError."""

    def __init__(self, method: str, name: str, error: str, occurrences: int = 0) -> None:
        self.occurrences = occurrences
        self.first_seen: float | None = None
        self.last_seen: float | None = None


def test_folding_errors_keeps_the_sum_and_the_frequent_ones() -> None:
    errors = {str(number): Row("GET", "/", "text", 1) for number in range(600)}
    errors["frequent"] = Row("GET", "/", "text", 50)
    errors["0"].first_seen, errors["0"].last_seen = 5.0, 9.0
    for _ in range(3):  # again and again: the folded row is folded into, not folded
        fold_errors(errors, limit=100)
        assert len(errors) <= 100
        assert sum(row.occurrences for row in errors.values()) == 650
        errors |= {f"new {n}": Row("GET", "/", "text", 0) for n in range(200)}
    assert errors["frequent"].occurrences == 50
    (other,) = [row for key, row in errors.items() if "other" in key]
    assert (other.first_seen, other.last_seen) == (5.0, 9.0)


def test_folding_exceptions_keeps_the_sum() -> None:
    exceptions: dict[int, Any] = {
        number: {"count": 2, "msg": "m", "traceback": "t", "nodes": {f"w{number % 3}"}} for number in range(1, 400)
    }
    fold_exceptions(exceptions)
    assert len(exceptions) <= 200
    assert sum(row["count"] for row in exceptions.values()) == 798
    assert exceptions[0]["nodes"] == {"w0", "w1", "w2"}


class Entry:
    """What ``stats_memory`` uses of a locust.stats.StatsEntry."""

    def __init__(self, stats: Any, name: str, method: str, use_response_times_cache: bool = False) -> None:
        self.num_requests = 0
        self.start_time = 0.0

    def extend(self, other: Entry) -> None:
        self.num_requests += other.num_requests


def test_folding_names_keeps_the_sum_whatever_the_names_are() -> None:
    stats = SimpleNamespace(entries={})
    for number in range(300):
        key = (f"/{number}", "GET") if number % 2 else (number, None)
        stats.entries[key] = Entry(stats, "", "")
        stats.entries[key].num_requests = 1
    stats.entries["/busy", "GET"] = busy = Entry(stats, "", "")
    busy.num_requests = 1000
    fold_entries(stats, limit=100)
    assert len(stats.entries) <= 100
    assert sum(entry.num_requests for entry in stats.entries.values()) == 1300
    assert stats.entries["/busy", "GET"] is busy
    assert stats.entries["other", "other"].num_requests > 200
