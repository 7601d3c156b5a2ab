"""Keeps Locust's own statistics from growing with the length of a run, with rates, percentiles and totals unchanged.

Locust keeps a counter per second and name for ever (rates read the last 12 s only), a history row each 5 s, and every
error text, traceback and request name it ever saw. What is cut here is folded into a row called "other", so that no
total changes. The objects are Locust's, passed in; nothing of Locust is imported. Nothing here yields, so no greenlet
sees a half-done change.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from exporters.metric_names import OTHER

INTERVAL = 10.0  # seconds between two cleanings
KEEP_SECONDS = 30  # Locust's rates look 12 s back from the newest request
HISTORY_ROWS = 2_000
ERROR_TEXTS = 500
TRACEBACKS = 200
ENTRIES = 2_000  # request names; far above the exporter's cap, so that only a runaway locustfile meets it
_OTHER_ERRORS = "endurance-harness-other-errors"
_OTHER_TRACEBACKS = 0


def bound_stats(stats: Any, *, worker: bool) -> None:
    """One cleaning of a ``locust.stats.RequestStats``.

    Args:
        worker: on a worker an entry without requests since its last report is spare and may go.
    """
    newest = stats.total.last_request_timestamp
    if newest is not None:
        for entry in (stats.total, *stats.entries.values()):
            _forget_seconds(entry.num_reqs_per_sec, int(newest) - KEEP_SECONDS)
            _forget_seconds(entry.num_fail_per_sec, int(newest) - KEEP_SECONDS)
    thin(stats.history)
    fold_errors(stats.errors)
    if worker:
        _drop_spare_entries(stats.entries)
    else:
        fold_entries(stats)


def _forget_seconds(counters: MutableMapping[int, int], oldest: int) -> None:
    if len(counters) > KEEP_SECONDS:
        for second in [second for second in counters if second < oldest]:
            del counters[second]


def thin(history: list[Any], limit: int = HISTORY_ROWS) -> None:
    """Past the limit every second row of the older half goes; the web page's charts keep the whole run's outline."""
    while len(history) > limit:
        half = len(history) // 2
        history[:half] = history[:half:2]


def fold_errors(errors: MutableMapping[str, Any], limit: int = ERROR_TEXTS) -> None:
    """Past the limit the rarest error texts become one row; the sum of occurrences stays."""
    if len(errors) <= limit:
        return
    rarest = sorted((e.occurrences, key) for key, e in errors.items() if key != _OTHER_ERRORS)
    other = errors.get(_OTHER_ERRORS)
    for _, key in rarest[: len(errors) - limit // 2]:
        error = errors.pop(key)
        if other is None:
            other = errors[_OTHER_ERRORS] = type(error)(OTHER, OTHER, "rare error texts, folded by the harness")
        other.occurrences += error.occurrences
        other.first_seen = _earlier(other.first_seen, error.first_seen)
        other.last_seen = max(other.last_seen or 0.0, error.last_seen or 0.0)


def fold_exceptions(exceptions: MutableMapping[int, Any], limit: int = TRACEBACKS) -> None:
    """Past the limit the rarest tracebacks become one row; the sum of counts stays."""
    if len(exceptions) <= limit:
        return
    rarest = sorted((row["count"], key) for key, row in exceptions.items() if key != _OTHER_TRACEBACKS)
    row = exceptions.setdefault(
        _OTHER_TRACEBACKS,
        {"count": 0, "msg": "rare exceptions, folded by the harness", "traceback": "", "nodes": set()},
    )
    for _, key in rarest[: len(exceptions) - limit // 2]:
        gone = exceptions.pop(key)
        row["count"] += gone["count"]
        row["nodes"] |= gone["nodes"]


def fold_entries(stats: Any, limit: int = ENTRIES) -> None:
    """Past the limit the rarest request names become one entry; the total is untouched."""
    entries = stats.entries
    if len(entries) <= limit:
        return
    other_key = (OTHER, OTHER)
    other = entries.get(other_key)
    # By count alone: names are the locustfile's and need not compare with each other.
    rarest = sorted((key for key in entries if key != other_key), key=lambda key: entries[key].num_requests)
    for key in rarest[: len(entries) - limit // 2]:
        entry = entries.pop(key)
        if other is None:
            other = entries[other_key] = type(entry)(stats, OTHER, OTHER, use_response_times_cache=True)
            other.start_time = entry.start_time
        other.extend(entry)


def _drop_spare_entries(entries: MutableMapping[Any, Any], limit: int = ENTRIES) -> None:
    if len(entries) > limit:
        for key in [key for key, e in entries.items() if e.num_requests == 0 and e.num_failures == 0]:
            del entries[key]


def _earlier(one: float | None, two: float | None) -> float | None:
    return min((moment for moment in (one, two) if moment is not None), default=None)
