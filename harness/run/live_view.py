"""Reads the live Prometheus for the display and for the decision to abort. The verdict never reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporters.metric_names import JOB_LOAD, REQUEST_DURATION, STACK, Recorded
from harness.errors import QueryError
from harness.prom.api import PrometheusApi
from harness.run.abort import FiringAlert

NO_SEVERITY = "none"
# A rate needs two samples in its window, also after a scrape that failed.
_WINDOW_INTERVALS = 4
_SHORTEST_WINDOW = 15.0  # seconds; from less than that a rate jumps about


@dataclass(frozen=True)
class Figures:
    """Newest values; None where there is none."""

    rps: float | None = None
    p95: float | None = None
    error_ratio: float | None = None
    memory: float | None = None


class LiveView:
    """Values of one stack on one Prometheus. Methods raise QueryError when it does not answer.

    Args:
        interval: seconds between scrapes.
    """

    def __init__(self, api: PrometheusApi, stack: str, interval: float) -> None:
        self._api = api
        self._window = f"{round(max(_SHORTEST_WINDOW, _WINDOW_INTERVALS * interval) * 1000)}ms"
        self._selector = f'{{{STACK}="{stack}"}}'
        self._stack = stack

    def figures(self, now: float) -> Figures:
        def value(expr: str) -> float | None:
            series = self._api.query(expr, now)
            number = float(series[0].values[-1]) if series else math.nan
            return number if math.isfinite(number) else None

        return Figures(
            # Not the recorded rate: over its minute a load that has just begun, or stopped, shows half of itself.
            rps=value(f"sum(rate({REQUEST_DURATION}_count{self._selector}[{self._window}]))"),
            p95=value(f"{Recorded.LATENCY_P95}{self._selector}"),
            error_ratio=value(f"{Recorded.ERROR_RATIO}{self._selector}"),
            # A container's memory is that of its processes: the kind that holds the most, not both.
            memory=value(f"max(sum by (kind) ({Recorded.MEMORY}{self._selector}))"),
        )

    def firing(self) -> tuple[FiringAlert, ...]:
        """The stack's alerts that fire now."""
        return firing_alerts(self._api.alerts(), self._stack)

    def unscraped(self, instances: Sequence[str], since: float, now: float) -> list[str]:
        """Which of these load processes have no successful scrape after ``since``."""
        selector = f'up{{job="{JOB_LOAD}",{STACK}="{self._stack}"}}'
        when = {s.labels.get("instance"): float(s.values[-1]) for s in self._api.query(f"timestamp({selector})", now)}
        up = {s.labels.get("instance"): float(s.values[-1]) for s in self._api.query(selector, now)}
        return [i for i in instances if not (when.get(i, -math.inf) > since and up.get(i) == 1.0)]


def firing_alerts(alerts: Sequence[Mapping[str, Any]], stack: str) -> tuple[FiringAlert, ...]:
    """What /api/v1/alerts says about one stack, pending alerts left out. Pure."""
    found = []
    for alert in alerts:
        labels = {str(k): str(v) for k, v in (alert.get("labels") or {}).items()}
        if labels.get("severity") == NO_SEVERITY:  # a switch of a standing Prometheus, not news
            continue
        if alert.get("state") != "firing" or labels.get(STACK, stack) != stack:
            continue
        summary = str((alert.get("annotations") or {}).get("summary", ""))
        found.append(FiringAlert(labels.get("alertname", "?"), labels, summary))
    return tuple(sorted(found, key=lambda a: (a.name, a.subject)))


def last_scrapes_missing(view: LiveView, instances: Sequence[str], since: float, now: float) -> list[str]:
    """As ``LiveView.unscraped``; all of them when Prometheus does not answer."""
    try:
        return view.unscraped(instances, since, now)
    except QueryError:
        return list(instances)
