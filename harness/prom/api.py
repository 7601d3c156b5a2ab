"""Prometheus' HTTP API, failing closed: an error, a time-out or partial data is a QueryError, never an empty list."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import requests

from harness.errors import QueryError
from harness.prom.series import Series
from harness.prom.transport import PrometheusTransport, TooManySamplesError
from harness.prom.wire import merge, parse_matrix, parse_vector

MAX_POINTS = 11_000  # Prometheus refuses a range query with more steps per series
# timestamp(selector) reads its series from the page's beginning at every step (Prometheus 2.42): quadratic in the page.
TIMESTAMP_POINTS = 120
RAW_WINDOW = 600.0  # seconds of raw samples in one answer: 2,000 series at 5 s are 240,000 samples, about 6 MB
# Of Thanos and VictoriaMetrics, and unknown to the others, who let them pass: whole answers, raw and not downsampled
# samples, no cached ones.
_WHOLE = {"partial_response": "false", "max_source_resolution": "0s", "dedup": "true", "nocache": "1"}


class PrometheusApi(PrometheusTransport):
    """A client of one Prometheus.

    Every method raises QueryError, which names the query and the cause, when the server cannot be reached, does not
    answer in time, answers anything but success, or warns that its answer is partial.
    """

    # --- queries

    def query(self, expr: str, at: float) -> list[Series]:
        """Instant query at unix second ``at``: one sample per series; a scalar is a series without labels."""
        data = self.data("query", expr, "/api/v1/query", {"query": expr, "time": _seconds(at)})
        return parse_vector(data, expr)

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Range query at start, start + step, ... <= end; longer ones than the server allows are paged and merged.

        Times are exact to the millisecond and all pages lie on one grid. Where the server cannot hold a page's samples,
        the page is halved until it can.

        Raises:
            QueryError: see the class; also for an end before start or a step below 1 ms.
        """
        step_ms, start_ms, end_ms = round(step * 1000), round(start * 1000), round(end * 1000)
        if step_ms < 1 or end_ms < start_ms:
            raise QueryError(f"bad range for {expr!r}: from {start} to {end} by {step}")
        points = (end_ms - start_ms) // step_ms + 1
        pages: list[list[Series]] = []
        page, done = min(points, TIMESTAMP_POINTS if "timestamp(" in expr else MAX_POINTS), 0
        while done < points:
            count = min(page, points - done)
            first = start_ms + done * step_ms
            try:
                pages.append(self._range_page(expr, first, first + (count - 1) * step_ms, step_ms))
            except TooManySamplesError:
                if count == 1:
                    raise
                page = (count + 1) // 2
                continue
            done += count
        return merge(pages)

    def raw(
        self, selector: str, start: float, end: float, *, window: float = RAW_WINDOW, least: float = 0.001
    ) -> list[Series]:
        """Raw samples with start <= time <= end of a vector selector, fetched in windows and merged.

        Staleness markers are not part of the API's answer.

        Args:
            window: seconds of samples in one answer; halved where that is too much for the server.
            least: seconds; smaller windows are not tried, TooManySamplesError is raised then.
        """
        start_ms, end_ms, size = round(start * 1000), round(end * 1000), max(1, round(window * 1000))
        if end_ms < start_ms:
            raise QueryError(f"bad range for {selector!r}: from {start} to {end}")
        pages: list[list[Series]] = []
        # Windows are (low, high]; Prometheus 2 closes ranges on the left too, and merging drops what came twice.
        low = start_ms - 1
        while low < end_ms:
            high = min(low + size, end_ms)
            expr = f"{selector}[{high - low}ms]"
            try:
                asked = {"query": expr, "time": _seconds(high / 1000), **_WHOLE}
                data = self.data("query", expr, "/api/v1/query", asked)
            except TooManySamplesError:
                if high - low <= max(1, round(least * 1000)):
                    raise
                size = (high - low + 1) // 2
                continue
            pages.append(parse_matrix(data, expr))
            low = high
        return [s for s in (one.between(start_ms / 1000, end_ms / 1000) for one in merge(pages)) if len(s)]

    # --- metadata

    def label_values(
        self, label: str, match: Sequence[str] = (), start: float | None = None, end: float | None = None
    ) -> list[str]:
        """Values of a label over the series that match and lie in the range; a series deleted from a block may show."""
        what = f"values of label {label!r}" + (f" of {', '.join(match)}" if match else "")
        data = self.data(what, "", f"/api/v1/label/{label}/values", _range(match, start, end), method="GET")
        return _strings(data, what)

    def series(self, match: Sequence[str], start: float, end: float) -> list[dict[str, str]]:
        """Label sets of the series that match one of the selectors."""
        what = f"series of {', '.join(match)}"
        data = self.data(what, "", "/api/v1/series", _range(match, start, end))
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise QueryError(f"{what} at {self.url}: the answer is no list of label sets")
        return data

    def rules(self) -> list[dict[str, Any]]:
        """Rule groups as the server sees them."""
        return self._list("rules", "/api/v1/rules", "groups")

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts."""
        return self._list("alerts", "/api/v1/alerts", "alerts")

    def targets(self) -> list[dict[str, Any]]:
        """Active scrape targets, with labels, health, lastError and lastScrape."""
        return self._list("targets", "/api/v1/targets?state=active", "activeTargets")

    def flags(self) -> dict[str, str]:
        """The server's command-line flags."""
        data = self.data("flags", "", "/api/v1/status/flags", {}, method="GET")
        if not isinstance(data, dict):
            raise QueryError(f"flags at {self.url}: the answer is no object")
        return {str(k): str(v) for k, v in data.items()}

    def version(self) -> str:
        """The server's version, for example "2.42.0"."""
        data = self.data("version", "", "/api/v1/status/buildinfo", {}, method="GET")
        return str(data.get("version", "")) if isinstance(data, dict) else ""

    def healthy(self) -> bool:
        """Whether the server says that it is ready to answer queries; False also when it cannot be reached."""
        try:
            answer = self._session.get(f"{self.url}/-/ready", timeout=self.timeout, headers=self._headers())
        except (requests.RequestException, QueryError):
            return False
        return answer.status_code == 200

    # --- administration

    def snapshot(self) -> str:
        """Writes a snapshot, the head included, and returns its folder's name below DATA_DIR/snapshots."""
        data = self.data("snapshot", "", "/api/v1/admin/tsdb/snapshot", {"skip_head": "false"})
        name = data.get("name") if isinstance(data, dict) else None
        if not isinstance(name, str) or not name or "/" in name:
            raise QueryError(f"snapshot at {self.url}: the answer names no snapshot")
        return name

    def delete_series(self, match: Sequence[str]) -> None:
        """Deletes all samples of the series that match."""
        self.send("delete_series", "", "POST", "/api/v1/admin/tsdb/delete_series", {"match[]": list(match)})

    def write(self, body: bytes, headers: Mapping[str, str]) -> None:
        """One remote-write request (harness.prom.remote_write)."""
        self.send("remote write", "", "POST", "/api/v1/write", body, headers)

    # --- parts of the above

    def _range_page(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> list[Series]:
        parameters = {
            "query": expr,
            "start": _seconds(start_ms / 1000),
            "end": _seconds(end_ms / 1000),
            "step": _seconds(step_ms / 1000),
        }
        return parse_matrix(self.data("query", expr, "/api/v1/query_range", parameters), expr)

    def _list(self, what: str, path: str, key: str) -> list[dict[str, Any]]:
        data = self.data(what, "", path, {}, method="GET")
        found = data.get(key) if isinstance(data, dict) else None
        if not isinstance(found, list):
            raise QueryError(f"{what} at {self.url}: the answer has no {key!r}")
        return found


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        raise QueryError(f"{value} is not a time")
    return f"{value:.3f}"


def _range(match: Sequence[str], start: float | None, end: float | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {"match[]": list(match)} if match else {}
    if start is not None:
        parameters["start"] = _seconds(start)
    if end is not None:
        parameters["end"] = _seconds(end)
    return parameters


def _strings(data: Any, what: str) -> list[str]:
    if not isinstance(data, Iterable) or isinstance(data, str | dict):
        raise QueryError(f"{what}: the answer is no list")
    return [str(item) for item in data]
