"""Regression queries evaluated on one run: each over equal sub-windows of its steady state."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from exporters.metric_names import Recorded
from harness.errors import ArchiveError
from harness.judge.context import MetricsApi
from harness.judge.regression_keys import ANSWER_BYTES, PACE, PROGRAM, REQUEST_RATE, Key, at_pace, pace_of
from harness.judge.windows import Window
from harness.plan.regression import STACK, WINDOW, QuerySet, RegressionQuery
from harness.prom.promql import names_read
from harness.prom.rules import RecordingRule, with_inputs
from harness.prom.series import FloatArray, Series
from harness.run.record import LOAD_LIBRARIES

SCHEMA = 1
MOST_WINDOWS = 8  # more would be shorter, and the noise of a quantile grows faster than their number
LEAST_WINDOWS = 4  # fewer tell nothing of the noise inside a run
LEAST_SECONDS = 5.0
LEAST_SCRAPES = 5  # a rate over fewer samples is mostly extrapolation
ENOUGH = 0.75  # of the sub-windows must have a value

# CPU is told in ticks of 10 ms: a pace from less than this in a sub-window is mostly rounding.
LEAST_PACE_SECONDS = 0.5


@dataclass(frozen=True)
class Windows:
    """Where the sub-windows end: at ``first + k * seconds`` for k in 0..count-1, unix seconds."""

    first: float
    seconds: float
    count: int

    @property
    def ends(self) -> FloatArray:
        return np.asarray(self.first + self.seconds * np.arange(self.count), dtype=np.float64)


@dataclass(frozen=True)
class RunValues:
    """What one run answered.

    Attributes:
        digest: of the queries that were asked and of the recording rules beneath them; values of others are not
            compared.
        window: seconds of a sub-window; 0 where the steady state was too short for any.
        values: for each series of each answer shape (k,), sub-windows without a usable value left out. Beside them the
            machine's pace, by what requests and answers it was measured, and the values of ``paced`` queries over it
            (``harness.judge.pace``).
        left_out: why a series, or a query as a whole (without labels), was not measured.
        load: what the load was: mean users (closed) or arrivals per second (open); NaN where nobody told.
    """

    run_id: str
    digest: str
    window: float
    values: Mapping[Key, FloatArray]
    left_out: Mapping[Key, str] = field(default_factory=dict)
    load: float = math.nan

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "digest": self.digest,
            "window": self.window,
            "load": self.load if math.isfinite(self.load) else None,
            "values": [[key[0], dict(key[1]), [float(v) for v in one]] for key, one in self.values.items()],
            "left_out": [[key[0], dict(key[1]), why] for key, why in self.left_out.items()],
        }

    @classmethod
    def from_json(cls, data: Any, where: str) -> RunValues:
        """Raises ArchiveError that names ``where``."""
        try:
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']!r}")
            values = {_key(name, labels): np.array(one, dtype=float) for name, labels, one in data["values"]}
            if not all(one.ndim == 1 and np.isfinite(one).all() for one in values.values()):
                raise ValueError("a value is no number")
            few = [one.size for one in values.values() if one.size < LEAST_WINDOWS]
            if few:
                raise ValueError(f"a series has {few[0]} sub-windows, fewer than {LEAST_WINDOWS}")
            left_out = {_key(name, labels): str(why) for name, labels, why in data["left_out"]}
            load = math.nan if data["load"] is None else float(data["load"])
            return cls(str(data["run_id"]), str(data["digest"]), float(data["window"]), values, left_out, load)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArchiveError(f"{where}: not the values of a run: {error}") from error


def mean_of(key: Key, runs: Sequence[RunValues]) -> float | None:
    """The mean of a series over the runs, in its unit; None unless each of them has it."""
    there = runs and all(key in one.values for one in runs)
    return float(np.mean([one.values[key].mean() for one in runs])) if there else None


def digest_of(queries: QuerySet, rules: Sequence[RecordingRule]) -> str:
    """The same for the same questions: names, PromQL, what makes a series be left out, and the recording rules that
    they read, directly or not. A rule that none of them reads may change."""
    asked = [(q.name, q.query, q.least_requests, q.least_window, q.paced) for q in queries.queries]
    known = {rule.name for rule in rules}
    pace = [queries.pace.cpu, queries.pace.answer_bytes] if queries.pace else []
    texts = [queries.requests, *pace, *(q.query for q in queries.queries)]
    read = with_inputs({Recorded.USERS, Recorded.ARRIVALS}.union(*(names_read(t, known) for t in texts)), rules)
    beneath = [
        (rule.name, " ".join(rule.expr.split()), sorted(rule.labels.items()), rule.interval)
        for rule in rules
        if rule.name in read
    ]
    by = [PACE, *PROGRAM, *LOAD_LIBRARIES]
    text = json.dumps([SCHEMA, MOST_WINDOWS, queries.requests, pace, by, sorted(asked), sorted(beneath, key=str)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sub_windows(steady: Window | None, interval: float) -> Windows | None:
    """Equal pieces of the steady state; None when it is too short for enough of them.

    Args:
        interval: seconds between scrapes.
    """
    if steady is None:
        return None
    least = max(LEAST_SECONDS, LEAST_SCRAPES * interval)
    count = min(MOST_WINDOWS, math.floor(steady.span / least))
    if count < LEAST_WINDOWS:
        return None
    seconds = math.floor(1000 * steady.span / count) / 1000
    return Windows(steady.start + seconds, seconds, count)


def too_short_for_any() -> str:
    """Of a steady state in which ``sub_windows`` finds none."""
    return f"the steady state is too short for {LEAST_WINDOWS} sub-windows of {LEAST_SCRAPES} scrapes"


def measure(
    api: MetricsApi,
    queries: QuerySet,
    digest: str,
    run_id: str,
    stack: str,
    steady: Window | None,
    interval: float,
    load: float,
    generator: str = "",
) -> RunValues:
    """Every query on an opened run. Raises QueryError: a query that failed is never "no data".

    Args:
        digest: ``digest_of`` the queries and the rules by which the run was opened.
        load: see ``RunValues``.
        generator: the load generator's program (``generator_of``), for the pace of another is another measure; "" where
            it is not known, so that there is no pace.
    """
    windows = sub_windows(steady, interval)
    if windows is None or steady is None:
        why = too_short_for_any()
        return RunValues(run_id, digest, 0.0, {}, {(q.name, ()): why for q in queries.queries}, load)
    asked = [q for q in queries.queries if q.least_window <= windows.seconds]
    paces = [queries.pace.cpu, queries.pace.answer_bytes] if queries.pace else []
    texts = [queries.requests, *paces, *(q.query for q in asked)]
    last = float(windows.ends[-1])
    answers = api.query_ranges(
        [(_expand(text, windows, stack), windows.first, last, windows.seconds) for text in texts]
    )
    usable = np.array([not _spoiled(steady, float(end), windows.seconds) for end in windows.ends])
    requests = {_labels(s): _at(s, windows) for s in _of_stack(answers[0], stack)}
    by = pace_of(generator)
    values = _pace(by, answers[1 : 1 + len(paces)], requests, stack, windows, usable) if generator else {}
    pace = values.get(by)
    left_out: dict[Key, str] = {
        (q.name, ()): f"sub-windows of {windows.seconds:.3g} s are too short, it needs {q.least_window:.3g} s"
        for q in queries.queries
        if q.least_window > windows.seconds
    }
    for query, answer in zip(asked, answers[1 + len(paces) :], strict=True):
        found = _of_stack(answer, stack)
        if not found:
            left_out[query.name, ()] = "no data"
        for one in found:
            key = (query.name, _labels(one))
            if key in values or key in left_out:
                left_out[key] = "several series with these labels"
                values.pop(key, None)
                values.pop(at_pace(key, by), None)
                continue
            every = _at(one, windows)[usable]
            at = every[np.isfinite(every)]
            few = _too_few(query, key[1], requests, usable)
            if few:
                left_out[key] = few
            elif at.size < max(LEAST_WINDOWS, ENOUGH * usable.sum()):
                left_out[key] = f"only {at.size} of {int(usable.sum())} sub-windows have a value"
            else:
                values[key] = at
                if query.paced and pace is not None:
                    values[at_pace(key, by)] = (every / pace)[np.isfinite(every)]
    return RunValues(run_id, digest, windows.seconds, values, left_out, load)


def _pace(
    by: Key,
    answers: Sequence[Sequence[Series]],
    requests: Mapping[Any, FloatArray],
    stack: str,
    windows: Windows,
    usable: Any,
) -> dict[Key, FloatArray]:
    """The pace in each usable sub-window, and by what requests it was measured; {} unless all of it is known."""
    known = [_known(answer, stack, windows, usable) for answer in answers]
    if len(known) != 2 or known[0] is None or known[1] is None or not requests:
        return {}
    total = np.nansum(np.array(list(requests.values())), axis=0)[usable]
    if not (known[0] > 0).all() or float(np.median(known[0] * total)) / 1000 < LEAST_PACE_SECONDS:
        return {}
    return {by: known[0], ANSWER_BYTES: known[1], REQUEST_RATE: total / windows.seconds}


def _known(answer: Sequence[Series], stack: str, windows: Windows, usable: Any) -> FloatArray | None:
    """The one series' value in each usable sub-window; None unless it has one in all of them."""
    found = _of_stack(answer, stack)
    if len(found) != 1 or _labels(found[0]):
        return None
    at = _at(found[0], windows)[usable]
    known = at.size >= LEAST_WINDOWS and bool((np.isfinite(at) & (at >= 0)).all())
    return at if known else None


def _expand(text: str, windows: Windows, stack: str) -> str:
    escaped = stack.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace(WINDOW, f"{round(windows.seconds * 1000)}ms").replace(STACK, escaped)


def _too_few(
    query: RegressionQuery, labels: tuple[tuple[str, str], ...], requests: Mapping[Any, FloatArray], usable: Any
) -> str:
    """Why a series rests on too few requests; empty when it does not."""
    if not query.least_requests:
        return ""
    endpoint = {k: v for k, v in labels if k in ("method", "name")}
    counted = [n for found, n in requests.items() if all(dict(found).get(k) == v for k, v in endpoint.items())]
    if not counted:
        return "no requests were counted"
    total = np.nansum(np.array(counted), axis=0)[usable]
    least = float(np.median(total)) if total.size else 0.0
    if least >= query.least_requests:
        return ""
    return f"{least:.0f} requests in a sub-window, it needs {query.least_requests}: run longer, or load more"


def _spoiled(steady: Window, end: float, seconds: float) -> bool:
    """Whether a part of the sub-window was set aside."""
    return any(hole.start < end and hole.end > end - seconds for hole in steady.holes)


def _of_stack(answer: Sequence[Series], stack: str) -> list[Series]:
    return [one for one in answer if one.labels.get("harness", stack) == stack]


def _at(series: Series, windows: Windows) -> FloatArray:
    """Values at the windows' ends, NaN where there is none."""
    found = np.full(windows.count, np.nan)
    index = np.rint((series.times - windows.first) / windows.seconds).astype(int)
    inside = (index >= 0) & (index < windows.count)
    found[index[inside]] = series.values[inside]
    return found


def _labels(series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in series.labels.items() if k not in ("harness", "__name__")))


def _key(name: Any, labels: Any) -> Key:
    if not isinstance(name, str) or not isinstance(labels, dict):
        raise TypeError("a series has no name or no labels")
    return name, tuple(sorted((str(k), str(v)) for k, v in labels.items()))
