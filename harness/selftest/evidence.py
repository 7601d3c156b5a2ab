"""What a run's archive holds, read by the lab itself and not by the judge: what was scraped before it was meddled with,
and how many requests failed."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from exporters.metric_names import JOB_LOAD, JOB_RUN, JOB_SIDECAR, REQUEST_DURATION
from harness.errors import HarnessError
from harness.prom.api import PrometheusApi
from harness.prom.blocks import link_archive
from harness.prom.series import FloatArray, Series
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory
from harness.selftest.whole_run import Whole, members

LEAST_KEPT = 0.95  # of each series that was seen to be there: at most the last scrape of twenty is not
LEAST_KEPT_BY_CLOCK = 0.9  # of the scrapes that should have been made; the rest is jitter of a busy machine
# Everything that was scraped but the buckets, which come and go with their histogram's count.
SCRAPED = '{job=~".+",__name__!~".+_bucket"}'
_JOBS = (JOB_LOAD, JOB_SIDECAR, JOB_RUN)  # scraped in every run, and beside them the target where it has metrics
_IN_FLIGHT_SECONDS = 2.0  # what was being scraped just then may be lost; the lab's plans wait a second for a scrape
_FIRST_SEEN_SECONDS = 6.0  # the longest scrape interval of the lab's plans, and a second
_LONGEST_BACK = 600.0  # seconds; the lab's runs are meddled with in their first minutes
_ADDRESS = "--web.listen-address="


def look(harness: psutil.Process) -> Sequence[Series]:
    """All that the run's own Prometheus holds of the last minutes.

    Raises:
        HarnessError: it does not answer, or holds nothing.
    """
    addresses: list[str] = []
    for one in members(harness, _ADDRESS):
        with contextlib.suppress(psutil.Error):  # it is gone: one that is needed is missed below
            if one.parent() == harness:
                addresses += [word.removeprefix(_ADDRESS) for word in one.cmdline() if word.startswith(_ADDRESS)]
    if not addresses:
        raise HarnessError("no process of the run is its Prometheus")
    until = time.time() - _IN_FLIGHT_SECONDS
    found = PrometheusApi(f"http://{addresses[0]}", timeout=30).raw(SCRAPED, until - _LONGEST_BACK, until)
    if not found:
        raise HarnessError("it holds nothing")
    return found


def archived(whole: Whole, selector: str, start: float, end: float) -> list[Series]:
    """Raw samples of a run's archive, unix seconds. Raises HarnessError."""
    with tempfile.TemporaryDirectory(prefix="harness-kills-") as work:
        link_archive(whole.directory / "tsdb", Path(work) / "data")
        with PrometheusServer(Path(work) / "data", Path(work)) as server:
            return server.api(timeout=60).raw(selector, start, end)


def kept_before(whole: Whole) -> float | None:
    """Share of what was scraped, from the steady state on to what was done (or its end), that the archive holds.

    Where the run's Prometheus was asked just before: of its worst series, of all that it held. Else of as many scrapes
    of the worst of the harness's own parts as there were seconds, for the plan of the lab scrapes every second: enough
    for surroundings that are hostile from the start (``Surrounding.from_the_start``), and for no other cell.

    Returns:
        The share, at most 1; None where it cannot be counted.
    """
    began, ended = _steady(whole)
    until = whole.meddled_at if whole.meddled_at is not None else ended
    if began is None or until is None or not (whole.directory / "tsdb").is_dir():
        return None
    end = until - _IN_FLIGHT_SECONDS
    if whole.scraped:
        return worst_kept(whole.scraped, archived(whole, SCRAPED, began, end), began, end)
    found = archived(whole, f'up{{job=~"{"|".join(_JOBS)}",instance!~"locust-worker.*"}}', began, end)
    if {one.labels["job"] for one in found} != set(_JOBS):
        return 0.0
    return min(1.0, min(len(one) for one in found) / max(1.0, end - began))


def least_kept(whole: Whole) -> float:
    """What ``kept_before`` must come to at least."""
    return LEAST_KEPT if whole.scraped else LEAST_KEPT_BY_CLOCK


def worst_kept(before: Sequence[Series], after: Sequence[Series], start: float, end: float) -> float | None:
    """Of the series that lost most: the share of its samples in [start, end] that is still there. Pure.

    Returns:
        None where what was seen before cannot have been all: nothing of one of the harness's own parts.
    """
    times = {_key(one): one.times for one in after}
    shares: list[float] = []
    jobs = set()
    for one in before:
        seen = one.between(start, end).times
        if seen.size:
            jobs.add(one.labels["job"])
            left = times.get(_key(one), np.empty(0))
            shares.append(float(np.isin(_milliseconds(seen), _milliseconds(left)).mean()))
    return min(shares) if jobs >= set(_JOBS) else None


def failed_share(whole: Whole) -> float | None:
    """Share of the steady state's requests that failed, by the load's own counters; None without archive or requests.

    Counted here, sample by sample, and not by the judge: what it says of errors is held against this.
    """
    began, ended = _steady(whole)
    if began is None or ended is None or not (whole.directory / "tsdb").is_dir():
        return None
    counts = archived(whole, f"{REQUEST_DURATION}_count", began, ended)
    every = sum(increase(one, began) for one in counts)
    failed = sum(increase(one, began) for one in counts if one.labels.get("outcome") == "error")
    return failed / every if every else None


def increase(counter: Series, since: float) -> float:
    """From ``since`` to the last sample: where it falls, or is first seen some seconds later, it began at 0. Pure."""
    if not len(counter):
        return 0.0
    steps = np.diff(counter.values)
    first = float(counter.values[0]) if counter.times[0] > since + _FIRST_SEEN_SECONDS else 0.0
    return first + float(np.where(steps >= 0, steps, counter.values[1:]).sum())


def _key(one: Series) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in one.labels.items() if value)


def _milliseconds(times: FloatArray) -> NDArray[np.int64]:
    return np.round(times * 1000).astype(np.int64)


def _steady(whole: Whole) -> tuple[float | None, float | None]:
    try:
        record = RunDirectory(whole.directory).read_record()
    except HarnessError:
        return None, None
    return record.steady_from, record.steady_to
