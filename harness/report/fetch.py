"""All that the report's queries ask of an opened run, each asked once, and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dashboards import Query, expand
from harness.errors import HarnessError
from harness.prom.series import FloatArray, Series
from harness.report.sampling import Buckets, RangeApi, Sampled, sample


class QueryApi(RangeApi, Protocol):
    """What is asked of harness.prom.on_demand.ArchiveApi."""

    def query(self, expr: str, at: float) -> list[Series]: ...
    def coarsen(self, step: float) -> None: ...


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
    """Answers by expression; an expression that failed stands among ``problems`` with the reason."""

    span: Span
    courses: Mapping[str, list[Sampled]] = field(default_factory=dict)
    moments: Mapping[str, list[Series]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def problem(self, query: Query) -> str:
        return self.problems.get(self.span.expand(query.expr), "")

    def course(self, query: Query) -> list[Sampled]:
        """The query's series over the run; an instant query's value stands in every bucket."""
        expr = self.span.expand(query.expr)
        if not query.instant:
            return [one for one in self.courses.get(expr, []) if not one.empty]
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
            values = {"max": one.high, "min": one.low}.get(how, one.value)
            values = values[inside & ~np.isnan(values)]
            if values.size == 0:
                continue
            rows.append((one.labels, _reduce(values, how), one))
        return rows


def _reduce(values: FloatArray, how: str) -> float:
    if how == "max":
        return float(values.max())
    if how == "min":
        return float(values.min())
    return float(values.mean()) if how == "mean" else float(values[-1])


def fetch(api: QueryApi, span: Span, courses: Iterable[str], means: Iterable[str], moments: Iterable[str]) -> Fetched:
    """Asks all expressions, each once.

    Args:
        courses: over the run, with the lowest and the highest of each bucket.
        means: over the run, the mean of each bucket.
        moments: at the end of the judged window.
    """
    api.coarsen(span.buckets.coarse)
    problems: dict[str, str] = {}
    answers: dict[str, list[Sampled]] = {}
    for mean, expressions in ((False, list(dict.fromkeys(courses))), (True, list(dict.fromkeys(means)))):
        answers |= _sampled(api, expressions, span.buckets, mean, problems)
    at = {}
    for expr in dict.fromkeys(moments):
        # A series that is there at the coarser step only is read where it is.
        moment = span.judged[1] // span.buckets.coarse * span.buckets.coarse
        try:
            at[expr] = api.query(expr, moment)
        except HarnessError as error:
            problems[expr] = error.message
    return Fetched(span, answers, at, problems)


def _sampled(
    api: QueryApi, expressions: Sequence[str], buckets: Buckets, mean: bool, problems: dict[str, str]
) -> dict[str, list[Sampled]]:
    try:
        return dict(zip(expressions, sample(api, expressions, buckets, mean=mean), strict=True))
    except HarnessError:
        pass  # one of them: each alone then, so that the others are shown and the one is named
    answers = {}
    for expr in expressions:
        try:
            (answers[expr],) = sample(api, [expr], buckets, mean=mean)
        except HarnessError as error:
            problems[expr] = error.message
    return answers
