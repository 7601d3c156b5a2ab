from __future__ import annotations

import math

import numpy as np
import pytest

from harness.errors import QueryError
from harness.prom.series import Series
from harness.prom.wire import merge, parse_matrix, parse_vector


def matrix(*values, labels=None):
    return {"resultType": "matrix", "result": [{"metric": labels or {"a": "b"}, "values": list(values)}]}


def test_an_empty_result_is_an_empty_list():
    assert parse_matrix({"resultType": "matrix", "result": []}, "x") == []
    assert parse_vector({"resultType": "vector", "result": []}, "x") == []
    assert merge([]) == []


def test_nan_and_infinities_are_read_as_themselves():
    (one,) = parse_matrix(matrix([1, "NaN"], [2.5, "+Inf"], [3, "-Inf"], [4, "1e-9"]), "x")
    assert math.isnan(one.values[0])
    assert one.values[1:].tolist() == [math.inf, -math.inf, 1e-9]
    assert one.times.tolist() == [1, 2.5, 3, 4]


def test_vector_and_scalar():
    data = {"resultType": "vector", "result": [{"metric": {"__name__": "up"}, "value": [7, "1"]}]}
    (one,) = parse_vector(data, "up")
    assert (one.labels, one.times.tolist(), one.values.tolist()) == ({"__name__": "up"}, [7], [1])
    (one,) = parse_vector({"resultType": "scalar", "result": [7, "3"]}, "3")
    assert (one.labels, one.values.tolist()) == ({}, [3])


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"resultType": "matrix"},
        {"resultType": "string", "result": [1, "x"]},
        {"resultType": "matrix", "result": [{"metric": {}}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[1]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "many"]]}]},
        {"resultType": "matrix", "result": [{"metric": {}, "histograms": [[1, {}]]}]},
        {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]},
    ],
)
def test_anything_else_is_an_error_that_names_the_query(data):
    for parse in (parse_matrix, parse_vector):
        with pytest.raises(QueryError, match="the_query"):
            parse(data, "the_query")


def test_pages_merge_by_label_set_and_shared_samples_count_once():
    def one(labels, times):
        return Series(labels, np.array(times, float), np.array(times, float) * 10)

    a, b = {"n": "a"}, {"n": "b"}
    merged = merge([[one(b, [1, 2]), one(a, [2])], [one(a, [3])], [one(b, [2, 3])]])
    assert [m.labels for m in merged] == [a, b]
    assert [m.times.tolist() for m in merged] == [[2, 3], [1, 2, 3]]
    assert [m.values.tolist() for m in merged] == [[20, 30], [10, 20, 30]]
