"""What every check is given: the plan, the record, the windows and one way to read the run's series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from harness.judge.notification import Deliveries
from harness.judge.windows import Window
from harness.plan.model import Plan
from harness.prom.series import Series
from harness.run.record import RunRecord

RATE_SECONDS = 60.0  # recorded rates look back one minute: the first minute of the steady state still holds warm-up
PAGE_SECONDS = 6 * 3600.0  # recorded series are few: a day of them is four answers


class MetricsApi(Protocol):
    """What the judge asks of harness.prom.api.PrometheusApi."""

    def query(self, expr: str, at: float) -> list[Series]: ...
    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]: ...
    def query_ranges(self, queries: Sequence[tuple[str, float, float, float]]) -> list[list[Series]]: ...
    def raw(self, selector: str, start: float, end: float, *, window: float = ...) -> list[Series]: ...
    def series(self, match: Sequence[str], start: float, end: float) -> list[dict[str, str]]: ...


class AlertDefinition(Protocol):
    """What the judge asks of harness.prom.rules.AlertRule."""

    @property
    def name(self) -> str: ...
    @property
    def expr(self) -> str: ...
    @property
    def for_seconds(self) -> float: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...
    @property
    def interval(self) -> float | None: ...


@dataclass(frozen=True)
class Context:
    """One run, opened.

    Attributes:
        interval: seconds between rule evaluations and between scrapes.
        offset: evaluation times are ``offset + k * interval``.
        steady: the judged window for gauges; None when the run never had one.
        load: the whole time under load, for abort alerts and for looking back to an onset.
        stack: value of the label ``harness`` of the run's series.
        aside: what verdict.json says of windows that were set aside; None without any. Both windows are without them.
        deliveries: what Alertmanager delivered; None where the run named none.
        whole: the run's own steady window, where only a part of it is judged; None where all of it is.
        plan_digest: of the directory's plan.yml; None where there is none.
    """

    api: MetricsApi
    plan: Plan
    record: RunRecord
    interval: float
    offset: float
    alerts: Sequence[AlertDefinition]
    steady: Window | None
    load: Window
    stack: str
    deliveries: Deliveries | None = None
    aside: Mapping[str, Any] | None = None
    whole: Window | None = None
    plan_digest: str | None = None
    _cache: dict[str, list[Series]] = field(default_factory=dict, compare=False)

    @property
    def rates(self) -> Window | None:
        """The judged window for one-minute rates: nothing of the warm-up leaks in. None when it is empty."""
        if self.steady is None or self.steady.span <= RATE_SECONDS:
            return None
        return Window(self.steady.start + RATE_SECONDS, self.steady.end).without(self.steady.holes, after=RATE_SECONDS)

    @property
    def load_begun(self) -> float:
        """Unix seconds at which the plan's stages began, also where only a part of the steady state is judged."""
        first = self.whole or self.steady
        return self.load.start if first is None else first.start - self.plan.load.warmup

    def selector(self, name: str, /, **labels: str) -> str:
        """PromQL of a series of this run's stack."""
        matchers = [("harness", self.stack), *labels.items()]
        return name + exactly(dict(matchers))

    def series(self, name: str, /, **labels: str) -> list[Series]:
        """Raw samples of a recorded name over the whole load, in the order of their labels; read once."""
        selector = self.selector(name, **labels)
        if selector not in self._cache:
            found = self.api.raw(selector, self.load.start, self.load.end, window=PAGE_SECONDS)
            self._cache[selector] = sorted((_usable(s) for s in found), key=lambda s: sorted(s.labels.items()))
        return self._cache[selector]

    def ranged(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """An expression from ``start`` to ``end`` every ``step`` seconds; asked once."""
        key = f"{expr} {start:.3f} {end:.3f} {step:.3f}"
        if key not in self._cache:
            self._cache[key] = self.api.query_range(expr, start, end, step)
        return self._cache[key]

    def one(self, name: str, /, **labels: str) -> Series:
        """The only series of a name; empty when there is none. Several are merged by time (a restarted exporter)."""
        found = self.series(name, **labels)
        if len(found) == 1:
            return found[0]
        if not found:
            return Series({}, np.empty(0), np.empty(0))
        times = np.concatenate([s.times for s in found])
        values = np.concatenate([s.values for s in found])
        unique, index = np.unique(times, return_index=True)
        return Series(found[0].labels, unique, values[index])


def within(series: Series, window: Window | None) -> Series:
    """The samples of a window; none when there is no window."""
    if window is None:
        return Series(series.labels, np.empty(0), np.empty(0))
    keep = window.counts(series.times)
    return Series(series.labels, series.times[keep], series.values[keep])


def exactly(labels: Mapping[str, str]) -> str:
    """PromQL matchers of these labels, ``__name__`` included where it is among them."""
    return "{" + ",".join(f'{k}="{_escape(v)}"' for k, v in labels.items()) + "}"


def make_windows(plan: Plan, record: RunRecord) -> tuple[Window | None, Window]:
    """The steady window and the window under load.

    A run whose end is unknown (a killed harness) is judged to where it should have gone: what is missing then shows as
    missing.
    """
    planned_end = record.started_at + plan.load.duration
    ended = record.ended_at if record.ended_at is not None else planned_end
    steady: Window | None = None
    if record.steady_from is not None:
        last = record.steady_to
        if last is None:
            last = min(ended, record.steady_from + plan.steady_seconds)
        if last > record.steady_from:
            steady = Window(record.steady_from, last)
    return steady, Window(record.started_at, max(record.started_at, steady.end if steady else ended))


def _usable(series: Series) -> Series:
    """Without NaN: an expression that was NaN measured nothing, and compares false with any limit."""
    keep = ~np.isnan(series.values)
    return series if keep.all() else Series(series.labels, series.times[keep], series.values[keep])


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
