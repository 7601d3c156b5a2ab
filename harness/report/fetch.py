"""All that the report's queries ask of an opened run, each asked once, and what they answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from dashboards import Query, expand
from exporters.metric_names import REQUEST_DURATION, STACK
from harness.errors import HarnessError
from harness.prom.promql import any_of
from harness.prom.series import FloatArray, Series
from harness.report.sampling import RATE_SECONDS, Buckets, How, RangeApi, Sampled, sample

LOOKBACK_BUCKETS = 3  # as Prometheus looks back three scrapes
MOST_ENDPOINTS = 12  # as many as a plot can tell apart
_OF_ENDPOINTS = "harness_method_name"  # what recorded names of one endpoint each begin with


class QueryApi(RangeApi, Protocol):
    """What is asked of harness.prom.on_demand.ArchiveApi."""

    def query(self, expr: str, at: float) -> list[Series]: ...
    def query_now(self, expr: str, at: float, harmless: Collection[str]) -> list[Series]: ...
    def coarsen(self, step: float, endpoints: str = "") -> None: ...


@dataclass(frozen=True)
class Span:
    """What the report shows: the whole run (unix seconds), and in it the judged window, where there is one."""

    start: float
    end: float
    judged: tuple[float, float]
    steady: tuple[float, float] | None
    stack: str
    buckets: Buckets

    def expand(self, template: str) -> str:
        return expand(template, stack=self.stack, start=self.judged[0], end=self.judged[1])


@dataclass(frozen=True)
class Fetched:
    """Answers by expression; an expression that failed stands among ``problems`` with the reason, one that was asked of
    some endpoints only among ``narrowed`` with the words for it."""

    span: Span
    courses: Mapping[str, list[Sampled]] = field(default_factory=dict)
    moments: Mapping[str, list[Series]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    narrowed: Mapping[str, str] = field(default_factory=dict)

    def note(self, query: Query) -> str:
        return self.narrowed.get(self.span.expand(query.expr), "")

    def problem(self, query: Query) -> str:
        return self.problems.get(self.span.expand(query.expr), "")

    def course(self, query: Query) -> list[Sampled]:
        """The query's series over the run; an instant query's value stands in every bucket."""
        expr = self.span.expand(query.expr)
        if not query.instant:
            return _exact([one for one in self.courses.get(expr, []) if not one.empty])
        count = self.span.buckets.count
        flat = [(one.labels, np.full(count, float(one.values[-1]))) for one in self.moments.get(expr, []) if len(one)]
        return [Sampled(labels, values, values, values) for labels, values in flat]

    def reduced(self, query: Query, how: str) -> list[tuple[Mapping[str, str], float, Sampled | None]]:
        """One value for each of the query's series: at the end of the judged window, or over it; and its course."""
        if query.instant:
            found = self.moments.get(self.span.expand(query.expr), [])
            return [(one.labels, float(one.values[-1]), None) for one in found if len(one)]
        middles = self.span.buckets.middles
        inside = (middles >= self.span.judged[0]) & (middles <= self.span.judged[1])
        rows: list[tuple[Mapping[str, str], float, Sampled | None]] = []
        for one in self.course(query):
            values = {"max": one.high, "min": one.low}.get(how, one.value)[inside]
            if how == "last":  # what ended before is not there at the end
                values = values[-LOOKBACK_BUCKETS:]
            values = values[~np.isnan(values)]
            if values.size == 0:
                continue
            rows.append((one.labels, _reduce(values, how), one))
        return rows


def _exact(found: list[Sampled]) -> list[Sampled]:
    """Where a latency limit is an edge of the histogram, its lower and its upper side are one series: "exact"."""
    upper = {_but_bound(one): one for one in found if one.labels.get("bound") == "upper"}
    kept: list[Sampled] = []
    for one in found:
        other = upper.get(_but_bound(one)) if one.labels.get("bound") == "lower" else None
        if other is not None and np.array_equal(one.value, other.value, equal_nan=True):
            upper.pop(_but_bound(one))
            kept.append(replace(one, labels={**one.labels, "bound": "exact"}))
        elif one.labels.get("bound") != "upper" or _but_bound(one) in upper:
            kept.append(one)
    return kept


def _but_bound(one: Sampled) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in one.labels.items() if key != "bound"))


def _reduce(values: FloatArray, how: str) -> float:
    if how == "max":
        return float(values.max())
    if how == "min":
        return float(values.min())
    return float(values.mean()) if how == "mean" else float(values[-1])


def fetch(
    api: QueryApi, span: Span, courses: Mapping[str, How], moments: Iterable[str], endpoints: Iterable[str] = ()
) -> Fetched:
    """Asks all expressions, each once.

    Args:
        courses: over the run, and what a bucket shows of each.
        moments: at the end of the judged window.
        endpoints: names whose series are asked for in any case; of others the slowest, where there are many.
    """
    problems: dict[str, str] = {}
    shown, count = slowest_endpoints(api, span, endpoints)
    api.coarsen(span.buckets.coarse, any_of(shown))
    note = f"{len(shown)} of {count} endpoints, those with the longest mean latency"
    narrowed = [expr for expr in courses if shown and _OF_ENDPOINTS in expr and api.seldom(expr)]
    answers: dict[str, list[Sampled]] = {}
    for how in dict.fromkeys(courses.values()):
        answers |= _sampled(api, [expr for expr, one in courses.items() if one == how], span.buckets, how, problems)
    return Fetched(span, answers, _at_the_end(api, span, moments, problems), problems, dict.fromkeys(narrowed, note))


def _at_the_end(api: QueryApi, span: Span, moments: Iterable[str], problems: dict[str, str]) -> dict[str, list[Series]]:
    # A series that is there at the coarser step only is read where it is.
    moment = span.judged[1] // span.buckets.coarse * span.buckets.coarse
    harmless = {f'harness="{span.stack}"', 'run_id=~".*"', 'name=~".*"'}
    answers = {}
    for expr in dict.fromkeys(moments):
        try:
            found = api.query_now(expr, moment, harmless)
        except HarnessError as error:
            problems[expr] = error.message
        else:
            answers[expr] = [one for one in found if one.labels.get(STACK, span.stack) == span.stack]
    return answers


def slowest_endpoints(api: QueryApi, span: Span, always: Iterable[str]) -> tuple[list[str], int]:
    """Names of the endpoints whose mean latency was longest in any bucket, and how many there are.

    Empty where there are few enough to show all. Quantiles of a hundred endpoints over a day would take minutes; means
    are read from two counters each.
    """
    step = max(span.buckets.step, 1.0)
    stack, window = any_of([span.stack]), round(max(step, RATE_SECONDS))
    total, count = (
        f'sum by (name) (rate({REQUEST_DURATION}_{part}{{{STACK}=~"{stack}"}}[{window}s]))' for part in ("sum", "count")
    )
    middles = span.buckets.middles
    try:
        (found,) = api.query_ranges([(f"{total} / ({count} > 0)", float(middles[0]), float(middles[-1]), step)])
    except HarnessError:
        return [], 0  # then all are asked for, which takes long but loses nothing
    means = {
        one.labels.get("name", ""): float(np.nanmax(one.values)) for one in found if not np.isnan(one.values).all()
    }
    if len(means) <= MOST_ENDPOINTS:
        return [], len(means)
    wanted = [name for name in dict.fromkeys(always) if name in means]
    others = sorted((name for name in means if name not in wanted), key=lambda name: -means[name])
    return [*wanted, *others][:MOST_ENDPOINTS], len(means)


def _sampled(
    api: QueryApi, expressions: Sequence[str], buckets: Buckets, how: How, problems: dict[str, str]
) -> dict[str, list[Sampled]]:
    try:
        return dict(zip(expressions, sample(api, expressions, buckets, how), strict=True))
    except HarnessError:
        pass  # one of them: each alone then, so that the others are shown and the one is named
    answers = {}
    for expr in expressions:
        try:
            (answers[expr],) = sample(api, [expr], buckets, how)
        except HarnessError as error:
            problems[expr] = error.message
    return answers
