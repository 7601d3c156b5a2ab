"""Counts requests inside a Locust process: a dictionary look-up and a bisection each.

``Recorder.record`` is the listener of Locust's ``request`` event. It runs on every request of the load generator, so it
is a closure over local names, and everything rare (a new name, an odd value) is in ``_record_odd``.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS, OTHER

MAX_PAIRS = 500  # distinct (method, name) with series of their own
MAX_METHODS = 20
MAX_LABEL_LENGTH = 200  # characters
_MAX_ALIASES = 2_000  # raw keys remembered for what they stand for, so that they are fast too
_LONGEST_MS = 1e9  # eleven days: beyond it a duration is a defect of the client, not a measurement
_MOST_BYTES = 1 << 60  # likewise for one response

# A cell is a list: [sum of durations in ms, response bytes, count of the first bucket, ..., count of +Inf].
_SUM, _BYTES, _FIRST_BUCKET = 0, 1, 2
Cell = list[Any]


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """What was recorded of one (method, name) at one moment.

    Attributes:
        ok, error: per outcome the sum of durations in ms, the response bytes, and the count of each bucket (not
            cumulative, +Inf last).
        errors: failed requests by kind, in the order of ``ERROR_KINDS``.
    """

    method: str
    name: str
    ok: Sequence[float]
    error: Sequence[float]
    errors: Sequence[int]


class Snapshot(Sequence[RequestCounts]):
    """All counts of one moment.

    One flat list, cut up when it is read: a list for each series would have Python's garbage collector look through
    the whole process in the middle of a scrape.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], flat: Cell, width: int) -> None:
        self._pairs = pairs
        self._flat = flat
        self._width = width

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, index: int) -> RequestCounts: ...
    @overload
    def __getitem__(self, index: slice) -> list[RequestCounts]: ...
    def __getitem__(self, index: int | slice) -> RequestCounts | list[RequestCounts]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        method, name = self._pairs[index]
        width = self._width
        at = (index % len(self._pairs)) * (2 * width + len(ERROR_KINDS))
        flat = self._flat
        return RequestCounts(
            method,
            name,
            flat[at : at + width],
            flat[at + width : at + 2 * width],
            flat[at + 2 * width : at + 2 * width + len(ERROR_KINDS)],
        )


class Recorder:
    """Histogram counts by method, name and outcome; errors by kind; response bytes. Nothing is ever lost.

    Past a cap a method or a name counts as ``other``, and ``capped`` says so. A duration that is none (None, NaN,
    infinite, negative) counts as a failed request in the +Inf bucket.

    Args:
        edges: sorted upper bounds in seconds, +Inf not among them.
        reserved: (method, name) pairs that get series of their own whenever they appear, cap or not: the endpoints that
            a plan judges.

    Not thread-safe; greenlets of one thread may share it, since nothing here yields.
    """

    record: Callable[..., None]

    def __init__(
        self,
        edges: Sequence[float],
        *,
        reserved: Iterable[tuple[str, str]] = (),
        max_pairs: int = MAX_PAIRS,
        max_methods: int = MAX_METHODS,
    ) -> None:
        self.edges = tuple(edges)
        self.capped = False
        self._width = _FIRST_BUCKET + len(self.edges) + 1
        self._reserved = frozenset(reserved)
        self._max_pairs = max_pairs
        self._max_methods = max_methods
        self._methods: set[str] = set()
        self._pairs: dict[tuple[str, str], tuple[Cell, Cell, list[int]]] = {}
        self._ok: dict[tuple[Any, Any], Cell] = {}
        self.record = self._make_record()

    def _make_record(self) -> Callable[..., None]:
        # Two bounds that nothing can be below make bisect_left return the cell's index itself.
        bounds = (-math.inf, -math.inf, *(round(edge * 1000, 9) for edge in self.edges))
        ok = self._ok
        odd = self._record_odd
        bisect = bisect_left

        # Locust's own arguments are named, so that **_ stays empty: filling a dictionary is the costliest step here.
        def record(
            request_type: Any = "",
            name: Any = "",
            response_time: Any = None,
            response_length: Any = 0,
            exception: Any = None,
            response: Any = None,
            context: Any = None,
            start_time: Any = None,
            url: Any = None,
            **_: Any,
        ) -> None:
            if exception is None:
                try:
                    if 0.0 <= response_time < _LONGEST_MS and 0 <= response_length < _MOST_BYTES:
                        cell = ok[request_type, name]
                        # Whatever may raise comes before the first change, so that _record_odd starts from nothing.
                        total = cell[0] + response_time
                        size = cell[1] + response_length
                        cell[bisect(bounds, response_time)] += 1
                        cell[0] = total
                        cell[1] = size
                        return
                except (KeyError, TypeError):
                    pass  # a new name or an odd value: nothing was counted yet
            odd(bounds, request_type, name, response_time, response_length, exception, response)

        return record

    def _record_odd(
        self,
        bounds: Sequence[float],
        request_type: Any,
        name: Any,
        response_time: Any,
        response_length: Any,
        exception: Any,
        response: Any,
    ) -> None:
        """A failed request, a name not seen before, or values that are not what Locust documents."""
        ok, error, errors = self._cells(request_type, name)
        # Some clients pass exception="" or False for "none"; an exception object counts whatever its truth value.
        failed = exception is not None and (isinstance(exception, BaseException) or bool(exception))
        duration = _number(response_time)
        measured = duration is not None and 0.0 <= duration < _LONGEST_MS
        if failed or not measured:
            errors[error_kind(exception if failed else None, response)] += 1
        cell = ok if measured and not failed else error
        size = _number(response_length)
        if size is not None and 0 <= size < _MOST_BYTES:
            cell[_BYTES] += int(size)
        if duration is not None and measured:
            cell[bisect_left(bounds, duration)] += 1
            cell[_SUM] += duration
        else:
            cell[-1] += 1

    def _cells(self, request_type: Any, name: Any) -> tuple[Cell, Cell, list[int]]:
        method, label = _label(request_type), _label(name)
        pair = (method, label)
        cells = self._pairs.get(pair)
        if cells is None:
            pair = self._admit(method, label)
            cells = self._pairs.get(pair)
        if cells is None:
            cells = self._pairs[pair] = (self._new_cell(), self._new_cell(), [0] * len(ERROR_KINDS))
        if len(self._ok) < self._max_pairs + _MAX_ALIASES and isinstance(request_type, str) and isinstance(name, str):
            self._ok[request_type, name] = cells[0]
        return cells

    def _admit(self, method: str, name: str) -> tuple[str, str]:
        """The pair that a new one is counted under; remembers when something went to ``other``."""
        if (method, name) in self._reserved:
            return method, name
        if method not in self._methods:
            if len(self._methods) >= self._max_methods:
                self.capped = True
                method = OTHER
            else:
                self._methods.add(method)
        if (method, name) not in self._pairs and len(self._pairs) >= self._max_pairs:
            self.capped = True
            name = OTHER
        return method, name

    def _new_cell(self) -> Cell:
        return [0.0] + [0] * (self._width - 1)

    def snapshot(self) -> Snapshot:
        """A copy of all counts at one moment, in order of first appearance."""
        flat: Cell = []
        for ok, error, errors in self._pairs.values():
            flat += ok
            flat += error
            flat += errors
        return Snapshot(tuple(self._pairs), flat, self._width)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _label(value: Any) -> str:
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
    else:
        try:
            text = str(value)
        except Exception:  # noqa: BLE001 - a user's own class: its request counts all the same
            text = type(value).__name__
    # A lone surrogate cannot be written as UTF-8 and would end every scrape.
    text = text.encode(errors="replace").decode()
    if len(text) <= MAX_LABEL_LENGTH:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: MAX_LABEL_LENGTH - 9]}~{digest}"
