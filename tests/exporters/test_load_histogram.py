from __future__ import annotations

import math
from itertools import pairwise

import pytest

from exporters.load_histogram import bracket, edges


def test_without_limits_the_edges_grow_by_a_fifth_from_a_millisecond_to_a_minute() -> None:
    found = edges()
    assert found[0] == 0.001
    assert found[-1] == 60.0
    assert len(found) == 62
    ratios = [b / a for a, b in pairwise(found)]
    assert max(ratios) < 1.201
    assert min(ratios[:-1]) > 1.199


def test_a_limit_becomes_an_edge_once() -> None:
    found = edges([0.8, 0.8, 0.001, 120.0])
    assert found.count(0.8) == 1
    assert found.count(0.001) == 1
    assert found[-1] == 120.0
    assert list(found) == sorted(found)


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        edges([limit])


def test_bracket() -> None:
    found = edges([0.8])
    assert bracket(0.8, found) == (0.8, 0.8)
    assert bracket(0.9, found) == (0.8506, 1.021)
    # What the buckets do not hold proves nothing: none is within 0 s, all are within infinity.
    assert bracket(0.0005, found) == (0.0, 0.001)
    assert bracket(61.0, found) == (60.0, math.inf)
    assert bracket(1.0, ()) == (0.0, math.inf)
    with pytest.raises(ValueError, match="positive"):
        bracket(math.nan, found)
