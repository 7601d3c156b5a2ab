from __future__ import annotations

import math
from itertools import pairwise

import pytest

from exporters.load_histogram import edges


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
