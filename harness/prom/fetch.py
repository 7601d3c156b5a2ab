"""Raw samples out of a Prometheus that is not ours, through its query API alone, whatever it limits.

Instant queries of a range selector (``metric[10m]``) give samples at their own times, which a range query does not.
Prometheus, Thanos, Mimir and VictoriaMetrics answer them; what one of them calls too much is asked for in smaller
pieces, by time first and then by metric name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.errors import QueryError
from harness.prom.api import PrometheusApi
from harness.prom.promql import quoted
from harness.prom.series import Series
from harness.prom.transport import TooManySamplesError

ATTEMPTS = 4  # an answer may be lost once; a server may restart
PAUSES = (0.5, 2.0, 8.0)  # seconds before each further attempt
T = TypeVar("T")


class RawReader:
    """Reads the raw samples that a selector matches.

    Args:
        selector: vector selector, for example '{harness="mingus"}'.
        interval: seconds between scrapes: no piece is smaller, one sample of everything must fit.
        sleep: for tests.
    """

    def __init__(
        self, api: PrometheusApi, selector: str, interval: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api = api
        self._selector = selector
        self._interval = interval
        self._sleep = sleep
        self._by_name = False

    def read(self, start: float, end: float) -> list[Series]:
        """Samples with start <= time <= end (unix seconds), a series each.

        Raises:
            TooManySamplesError: not even one metric's samples of one interval fit into the server's limits.
            QueryError: no answer after several attempts, or a partial one.
        """
        if not self._by_name:
            try:
                return self._piece(self._selector, start, end)
            except TooManySamplesError:
                self._by_name = True  # a limit on series, not on samples: less time does not help
        names = self._patiently(lambda: self._api.label_values("__name__", [self._selector], start, end))
        return [one for name in names for one in self._piece(named(self._selector, name), start, end)]

    def present(self, selector: str, at: float) -> list[Series]:
        """What an instant query sees at a moment: series whose newest sample is fresh and no staleness marker."""
        return self._patiently(lambda: self._api.query(selector, at))

    def _piece(self, selector: str, start: float, end: float) -> list[Series]:
        return self._patiently(lambda: self._api.raw(selector, start, end, least=self._interval))

    def _patiently(self, ask: Callable[[], T]) -> T:
        for pause in PAUSES:
            try:
                return ask()
            except TooManySamplesError:
                raise
            except QueryError:
                self._sleep(pause)
        return ask()


def named(selector: str, *names: str, **labels: str) -> str:
    """A selector in braces with a metric name and labels besides. Pure."""
    inner = selector.strip()
    metric, brace, rest = inner.partition("{")
    matchers = [f"__name__={quoted(name)}" for name in names]
    if metric.strip():
        matchers.append(f"__name__={quoted(metric.strip())}")
    matchers += [f"{label}={quoted(value)}" for label, value in labels.items()]
    if brace:
        matchers += [part for part in [rest.rstrip().removesuffix("}").strip().rstrip(",")] if part]
    return "{" + ",".join(matchers) + "}"


def find(series: Sequence[Series], name: str) -> list[Series]:
    """Those of one metric name."""
    return [one for one in series if one.labels.get("__name__") == name]
