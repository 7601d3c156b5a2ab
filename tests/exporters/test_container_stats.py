"""Docker's documents as cAdvisor reads them. The v1 document was recorded from an engine; v2 follows the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporters.container_events import OOM, START, EventCounts
from exporters.container_stats import ContainerUse, state_of, use_of

DATA = Path(__file__).parent / "data"
NOTHING = ContainerUse(None, None, None, None, None)


def document(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / name).read_text())
    return data


def test_an_empty_document_is_nothing_and_says_what_is_missing() -> None:
    assert use_of({}) == NOTHING
    assert use_of({}).missing == ("memory", "CPU", "throttling")
    assert use_of({"memory_stats": None, "cpu_stats": {"throttling_data": None}}) == NOTHING


def test_a_stopped_containers_zeros_are_not_values() -> None:
    stats = {
        "memory_stats": {},
        "cpu_stats": {
            "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        },
    }
    assert use_of(stats) == NOTHING


def test_cgroup_v1() -> None:
    stats = document("stats_cgroup_v1.json")
    use = use_of(stats)
    assert use.working_set == 18202624 - 17170432
    assert use.cpu == pytest.approx(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9)
    assert (use.periods, use.throttled_periods) == (42, 41)
    assert use.throttled == pytest.approx(3.666354007)
    assert use.missing == ()


def test_cgroup_v2() -> None:
    use = use_of(document("stats_cgroup_v2.json"))
    assert use.working_set == 85823488 - 18722816
    assert use.cpu == pytest.approx(7.25)
    assert (use.periods, use.throttled_periods, use.throttled) == (120, 30, 1.5)


def test_the_working_set_is_never_negative_and_never_a_guess() -> None:
    assert use_of({"memory_stats": {"usage": 10, "stats": {"inactive_file": 20}}}).working_set == 0
    assert use_of({"memory_stats": {"usage": 10, "stats": {}}}).working_set is None


def test_state() -> None:
    inspected = {
        "Id": "4f5d",
        "State": {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": "2026-11-22T15:53:13.691807276Z"},
        "HostConfig": {"Memory": 67108864},
    }
    state = state_of(inspected)
    assert (state.running, state.limit, state.identity) == (True, 64 * 2**20, "4f5d")
    assert state.started == pytest.approx(1795362793.691807)
    inspected["State"] = {"Status": "created", "Running": False, "StartedAt": "0001-01-01T00:00:00Z"}
    inspected["HostConfig"] = {"Memory": 0}
    state = state_of(inspected)
    assert (state.running, state.limit, state.started) == (False, 0, None)


def event(moment: int, action: str, name: str = "web", identity: str = "4f5d") -> dict[str, Any]:
    return {"Action": action, "Actor": {"ID": identity, "Attributes": {"name": name}}, "timeNano": moment}


def test_events_are_counted_once_each_and_by_name() -> None:
    counts = EventCounts()
    assert (counts.count("web", OOM), counts.newest) == (0, None)
    for seen in (event(1, OOM), event(1, OOM), event(2, OOM), event(2, START), event(2, OOM, "db", "77")):
        counts.add(seen)
    assert (counts.count("web", OOM), counts.count("web", START), counts.count("db", OOM)) == (2, 1, 1)
    assert counts.newest == 2


def test_other_events_change_nothing() -> None:
    counts = EventCounts()
    for other in ({}, {"Action": "oom"}, event(5, "exec_start"), {**event(5, OOM), "timeNano": None}):
        counts.add(other)
    assert (counts.count("web", OOM), counts.newest) == (0, None)
