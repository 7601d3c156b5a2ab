"""Metric families in the making: each name appears once on /metrics, whoever adds samples to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from prometheus_client import Metric

from exporters.latency_histogram import HistogramSnapshot


class Families:
    """Collects samples by family. A value of None adds nothing: what was not read is absent, never 0."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def gauge(self, name: str, text: str, labels: Mapping[str, str], value: float | None) -> None:
        self._add(name, name, "gauge", text, labels, value)

    def counter(self, name: str, text: str, labels: Mapping[str, str], value: float | None) -> None:
        """``name`` ends in _total."""
        self._add(name.removesuffix("_total"), name, "counter", text, labels, value)

    def untyped(self, name: str, text: str, labels: Mapping[str, str], value: float | None) -> None:
        """For standard exporters' counters whose names lack _total, which the exposition format would force on them."""
        self._add(name, name, "unknown", text, labels, value)

    def histogram(self, name: str, text: str, labels: Mapping[str, str], value: HistogramSnapshot | None) -> None:
        if value is None:
            return
        family = self._family(name, "histogram", text)
        for edge, count in value.buckets:
            le = "+Inf" if math.isinf(edge) else repr(edge)
            family.add_sample(f"{name}_bucket", {**labels, "le": le}, count)
        family.add_sample(f"{name}_count", dict(labels), value.buckets[-1][1])
        family.add_sample(f"{name}_sum", dict(labels), value.total)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families.values())

    def _add(self, key: str, name: str, kind: str, text: str, labels: Mapping[str, str], value: float | None) -> None:
        if value is not None:
            self._family(key, kind, text).add_sample(name, dict(labels), value)

    def _family(self, key: str, kind: str, text: str) -> Metric:
        if key not in self._families:
            self._families[key] = Metric(key, text, kind)
        return self._families[key]
