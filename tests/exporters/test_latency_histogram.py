"""Cumulative buckets; an observation on an edge is below it."""

from __future__ import annotations

import math

from exporters.families import Families
from exporters.latency_histogram import PING_EDGES, LatencyHistogram


def test_an_empty_histogram_has_all_buckets_at_zero() -> None:
    snapshot = LatencyHistogram((0.1, 1.0)).snapshot()
    assert snapshot.buckets == ((0.1, 0), (1.0, 0), (math.inf, 0))
    assert snapshot.total == 0.0


def test_counts_cumulatively() -> None:
    histogram = LatencyHistogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 3.0):
        histogram.observe(seconds)
    assert histogram.snapshot().buckets == ((0.1, 2), (1.0, 3), (math.inf, 4))
    assert math.isclose(histogram.snapshot().total, 3.65)


def test_a_stall_counts_every_observation_that_it_kept_from_being_made() -> None:
    histogram = LatencyHistogram((0.1, 1.0, 3.0))
    histogram.observe_paced(0.0, 1.0)
    histogram.observe_paced(1.0, 1.0)
    histogram.observe_paced(5.0, 1.0)  # 5, 4, 3, 2, 1
    assert histogram.snapshot().buckets == ((0.1, 1), (1.0, 3), (3.0, 5), (math.inf, 7))
    assert math.isclose(histogram.snapshot().total, 16.0)


def test_edges_ascend_from_loopback_to_the_longest_timeout() -> None:
    assert list(PING_EDGES) == sorted(set(PING_EDGES))
    assert (PING_EDGES[0], PING_EDGES[-1]) == (0.0001, 10.0)


def test_families_leave_out_what_is_none_and_name_each_family_once() -> None:
    families = Families()
    families.gauge("a_bytes", "A.", {"x": "1"}, None)
    families.histogram("b_seconds", "B.", {}, None)
    assert list(families) == []
    families.counter("c_total", "C.", {"x": "1"}, 1)
    families.counter("c_total", "C.", {"x": "2"}, 2)
    [family] = families
    assert [(s.name, s.labels, s.value) for s in family.samples] == [
        ("c_total", {"x": "1"}, 1),
        ("c_total", {"x": "2"}, 2),
    ]
