from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArchiveError, QueryError
from harness.prom import backfill
from harness.prom.backfill import STALE_BITS, Grid, StaleMarker, evaluate
from harness.prom.block_writer import BlockWriter
from harness.prom.rules import RecordingRule
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from tests.prom.conftest import T0, same, series, write_blocks

STEP = 5.0
TIMES = T0 + STEP * np.arange(400)


def stale_at(one: Series) -> list[float]:
    return one.times[one.values.view(np.uint64) == STALE_BITS].tolist()


def test_the_grid_does_not_depend_on_when_the_run_began():
    grid = Grid.over(1001.2, 1021.0, 5)
    assert grid.times.tolist() == [1005, 1010, 1015, 1020]
    assert (grid.start, grid.end, grid.step) == (1005, 1020, 5)
    assert Grid.over(1000, 1000, 5).times.tolist() == [1000]
    assert Grid.over(1001, 1002, 5).times.tolist() == [1005]  # shorter than a step: one time all the same
    assert Grid.over(0.9, 3.2, 1.5).times.tolist() == [1.5, 3.0]


def test_a_group_with_a_longer_interval_is_evaluated_that_often():
    grid = Grid.over(1001, 1060, 5)
    assert grid.coarser(15).times.tolist() == [1005, 1020, 1035, 1050]
    assert grid.coarser(None) == grid.coarser(5) == grid.coarser(1) == grid
    assert grid.coarser(60).step == 15  # no coarser than the look-back
    assert Grid.over(1010, 1060, 5).coarser(15).times.tolist() == [1020, 1035, 1050]
    assert Grid.over(1010, 1011, 5).coarser(15).times.tolist() == [1010]


def test_windows_are_the_grid_in_pieces():
    grid = Grid.over(0, 100, 5)
    pieces = [w.times for w in grid.windows(8)]
    assert [len(p) for p in pieces] == [8, 8, 5]
    np.testing.assert_array_equal(np.concatenate(pieces), grid.times)


def mark(*windows: tuple[list[float], dict[str, list[float]]]) -> dict[str, list[float]]:
    """Stale times per series after windows of (grid times, series -> times with a value)."""
    marker, found = StaleMarker(1000), {}
    for times, present in windows:
        window = Grid(round(times[0] * 1000), 1000, len(times))
        listed = [series("m", at, 1.0, n=name) for name, at in present.items()]
        for one in marker.mark(window, listed):
            assert (np.diff(one.times) > 0).all()
            found.setdefault(one.labels["n"], []).extend(stale_at(one))
    return found


@pytest.mark.parametrize(
    ("windows", "stale"),
    [
        ([([1, 2, 3], {})], {}),
        ([([1, 2, 3], {"a": [1, 2, 3]})], {"a": []}),
        ([([1, 2, 3, 4, 5], {"a": [2, 4]})], {"a": [3, 5]}),
        ([([1, 2], {"a": [1, 2]}), ([3, 4], {})], {"a": [3]}),
        ([([1, 2], {"a": [1, 2]}), ([3, 4], {"a": [4]})], {"a": [3]}),
        ([([1, 2], {"a": [1, 2]}), ([3, 4], {"a": [3, 4]})], {"a": []}),
        ([([1, 2], {"a": [1]}), ([3, 4], {}), ([5, 6], {"a": [6]})], {"a": [2]}),
        ([([1, 2], {"a": [1, 2]}), ([3, 4], {}), ([5, 6], {})], {"a": [3]}),
        ([([1, 2], {"a": [1], "b": [1, 2]}), ([3, 4], {"b": [3]})], {"a": [2], "b": [4]}),
    ],
)
def test_a_series_goes_stale_once_where_its_values_end(windows, stale):
    assert mark(*windows) == stale


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A counter with a gap of 100 s, a gauge in two series, and an objective's edge."""
    home = tmp_path_factory.mktemp("backfill")
    counter = np.arange(TIMES.size) * 50.0
    gap = (TIMES < T0 + 500) | (TIMES >= T0 + 600)
    edge = {"harness": "default", "objective": "latency_p95", "subject": "all", "op": "<=", "bound": "upper"}
    write_blocks(
        home / "data",
        series("requests_total", TIMES[gap] + 0.25, counter[gap], harness="default"),
        series("gauge", TIMES, np.sin(TIMES), harness="default", n="a"),
        series("gauge", TIMES, np.cos(TIMES), harness="default", n="b"),
        series("harness_objective_edge", TIMES, 2.0, **edge),
    )
    with PrometheusServer(home / "data", home, lookback=15) as running:
        yield running


GRID = Grid.over(T0, TIMES[-1], STEP)


def record(server: PrometheusServer, folder: Path, *rules: RecordingRule, grid: Grid = GRID) -> dict[str, int]:
    with BlockWriter(grid.end - grid.start) as writer:
        counts = evaluate(server.api, rules, grid, writer)
        assert sum(counts.values()) == writer.finish(folder / "data") == writer.samples
    return counts


def test_what_is_recorded_is_what_a_range_query_gives(server: PrometheusServer, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(backfill, "WINDOW_STEPS", 37)  # many windows, so that their seams are seen
    rules = [
        RecordingRule("r:r:rate", "sum by (harness) (rate(requests_total[1m]))"),
        RecordingRule("g:g:g", "gauge > 0", {"kind": "x", "n2": "y"}),
        RecordingRule("n:n:n", "absent_metric"),
        RecordingRule("nan:n:n", "sum(gauge) * NaN"),
        RecordingRule("s:s:s", "scalar(sum(gauge))"),
        RecordingRule("c:c:c", "sum by (harness) (gauge)", interval=15.0),
    ]
    counts = record(server, tmp_path, *rules)
    assert counts["n:n:n"] == 0
    assert counts["nan:n:n"] == counts["s:s:s"] == GRID.count
    with PrometheusServer(tmp_path / "data", tmp_path, lookback=15) as recorded:
        for rule in rules:
            grid = GRID.coarser(rule.interval)
            wanted = [
                Series({**s.labels, **rule.labels, "__name__": rule.name}, s.times, s.values)
                for s in server.api().query_range(rule.expr, grid.start, grid.end, grid.step)
            ]
            # raw(): what was written; the range query: look-back fills nothing, for the series went stale.
            same(recorded.api().raw(rule.name, GRID.start, GRID.end), wanted)
            if rule.interval is None:
                same(recorded.api().query_range(rule.name, GRID.start, GRID.end, STEP), wanted)


def test_missing_data_stays_missing(server: PrometheusServer, tmp_path: Path):
    record(server, tmp_path, RecordingRule("r:r:last", "sum by (harness) (requests_total)"))
    with PrometheusServer(tmp_path / "data", tmp_path, lookback=15) as recorded:
        (one,) = recorded.api().query_range("r:r:last", GRID.start, GRID.end, STEP)
    # Last sample at T0 + 495.25, look-back 15 s; the next at T0 + 600.25.
    missing = set(GRID.times) - set(one.times)
    assert sorted(t - T0 for t in missing) == [0.0, *np.arange(515, 605, 5.0)]


def test_count_values_in_a_range_is_right(server: PrometheusServer, tmp_path: Path):
    """As the rules write it: Prometheus 2.42 loses labels of "count_values by" from the second step on."""
    expr = 'group by (harness, objective, bound, le) (count_values without () ("le", harness_objective_edge))'
    record(server, tmp_path, RecordingRule("e:e:e", expr))
    with PrometheusServer(tmp_path / "data", tmp_path, lookback=15) as recorded:
        (one,) = recorded.api().raw("e:e:e", GRID.start, GRID.end)
    assert len(one) == GRID.count
    assert one.labels == {
        "__name__": "e:e:e", "harness": "default", "objective": "latency_p95", "bound": "upper", "le": "2",
    }  # fmt: skip


def test_a_rule_whose_range_differs_from_its_moments_is_refused(server: PrometheusServer, tmp_path: Path):
    expr = 'count_values by (harness, objective, bound) ("le", harness_objective_edge)'
    first = server.api().query(expr, GRID.middle)
    ranged = server.api().query_range(expr, GRID.start, GRID.end, STEP)
    if len(ranged) == len(first):
        pytest.skip("this Prometheus does not have the bug")
    with pytest.raises(ArchiveError, match=r"e:e:e.*differently over a range"):
        record(server, tmp_path, RecordingRule("e:e:e", expr))


def test_two_rules_of_one_series_are_an_error(server: PrometheusServer, tmp_path: Path):
    with pytest.raises(ArchiveError, match=r"x:x:x \(\) gives one series twice"):
        record(server, tmp_path, RecordingRule("x:x:x", "gauge", {"n": "same"}))
    with pytest.raises(ArchiveError, match="x:x:x could not be written"):
        record(server, tmp_path, RecordingRule("x:x:x", "sum(gauge)"), RecordingRule("x:x:x", "2 * sum(gauge)"))


def test_an_expression_that_fails_is_an_error(server: PrometheusServer, tmp_path: Path):
    with pytest.raises(QueryError, match="many-to-many"):
        record(server, tmp_path, RecordingRule("x:x:x", "gauge * on (harness) gauge"))
    with pytest.raises(QueryError, match="parse error"):
        record(server, tmp_path, RecordingRule("x:x:x", "sum("))


def test_no_rules_record_nothing(server: PrometheusServer, tmp_path: Path):
    assert record(server, tmp_path) == {}
    assert not (tmp_path / "data").exists()
