"""Prometheus' JSON results as ``Series``: parsing, and merging of pages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from harness.errors import QueryError
from harness.prom.series import FloatArray, Series

_TIME, _VALUE = itemgetter(0), itemgetter(1)


def parse_vector(data: Any, expr: str) -> list[Series]:
    """Series of an instant query's ``data`` (vector or scalar). Raises QueryError for anything else."""
    try:
        kind, result = data["resultType"], data["result"]
        if kind == "vector":
            return [_series(item["metric"], [item["value"]]) for item in result]
        if kind == "scalar":
            return [_series({}, [result])]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise QueryError(f"query {expr!r}: malformed answer: {error!r}") from error
    raise QueryError(f"query {expr!r}: a {kind} where an instant vector was expected")


def parse_matrix(data: Any, expr: str) -> list[Series]:
    """Series of a range query's or matrix selector's ``data``. Raises QueryError for anything else.

    Native histograms are refused: the harness reads floats, and a histogram read as nothing would be missing data.
    """
    try:
        if data["resultType"] != "matrix":
            raise QueryError(f"query {expr!r}: a {data['resultType']} where a range was expected")
        if any("histograms" in item for item in data["result"]):
            raise QueryError(f"query {expr!r}: native histograms are not supported; scrape classic buckets")
        return [_series(item["metric"], item["values"]) for item in data["result"]]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise QueryError(f"query {expr!r}: malformed answer: {error!r}") from error


def _series(metric: Mapping[str, str], pairs: list[Any]) -> Series:
    times = np.fromiter(map(float, map(_TIME, pairs)), dtype=np.float64, count=len(pairs))
    # Values are strings; float() reads Prometheus' "NaN", "+Inf" and "-Inf".
    values = np.fromiter(map(float, map(_VALUE, pairs)), dtype=np.float64, count=len(pairs))
    return Series(dict(metric), times, values)


def merge(pages: Iterable[Iterable[Series]]) -> list[Series]:
    """One series per label set from pages in time order; a sample that two pages share is kept once.

    Ordered by labels, so that the same data always comes in the same order.
    """
    found: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for page in pages:
        for one in page:
            found.setdefault(tuple(sorted(one.labels.items())), []).append(one)
    return [_join(dict(key), parts) for key, parts in sorted(found.items())]


def _join(labels: dict[str, str], parts: list[Series]) -> Series:
    if len(parts) == 1:
        return Series(labels, parts[0].times, parts[0].values)
    times: FloatArray = np.concatenate([p.times for p in parts])
    values: FloatArray = np.concatenate([p.values for p in parts])
    if not (np.diff(times) > 0).all():
        times, first = np.unique(times, return_index=True)
        values = values[first]
    return Series(labels, times, values)
