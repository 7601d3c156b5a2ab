"""Was every Locust process seen all the time in which it was scraped, and seen once?

A process that answers its scrapes without telling its users, its loop's delay or its CPU hides what it did; one that is
scraped under two names counts everything twice. Either way nobody knows what load was made: INCONCLUSIVE.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from exporters import metric_names as names
from harness.judge.absence import clock
from harness.judge.context import PAGE_SECONDS, RATE_SECONDS, Context, within
from harness.judge.coverage import allowed_gap
from harness.judge.load_made import load_finding
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window, stretches
from harness.prom.series import FloatArray, Series
from harness.units import format_duration

CPU = "process_cpu_seconds_total"
TWINS_SECONDS = 600.0  # of the steady state are compared: requests come at random, minutes suffice
_COUNT = names.REQUEST_DURATION + "_count"
_COMPARED = (_COUNT, names.REQUEST_DURATION + "_sum", CPU)
_KIND = ("__name__", "method", "name", "outcome")
LEAST_REQUESTS = 20.0  # in that time, or two processes may be alike by chance


def check_seen(context: Context, window: Window) -> list[Finding]:
    """Findings about processes that were scraped and did not tell all, or told it twice."""
    return [*_silent(context, window), *_standing(context, window), *_twins(context, window)]


def _silent(context: Context, window: Window) -> list[Finding]:
    lag = {"__name__": names.LOOP_LAG + "_bucket", "le": "+Inf"}
    what: list[tuple[str, Mapping[str, str]]] = [("event loop delay", lag), ("CPU", {"__name__": CPU})]
    if context.plan.load.model == "closed":
        what.append(("users", {"__name__": names.USERS}))
    answered = {
        one.labels.get("instance", ""): one.times[one.values == 1]
        for one in (within(s, window) for s in context.series(names.UP, job=names.JOB_LOAD))
    }
    allowed = allowed_gap(window, context.interval)
    found = []
    for title, labels in what:
        name = labels["__name__"]
        more = {key: value for key, value in labels.items() if key != "__name__"}
        told = _times(context.series(name, job=names.JOB_LOAD, **more))
        for instance, times in sorted(answered.items()):
            if instance not in told:
                continue  # the master has no users; who never told its delay or CPU is found by another check
            lost = silence(times, told[instance], context.interval)
            if lost is None or lost.length <= allowed + context.interval / 10:
                continue
            summary = (
                f"the {title} of {instance} was not told from {clock(lost.start)} to {clock(lost.end)} UTC, though "
                f"it answered its scrapes: {format_duration(lost.length)}, {format_duration(allowed)} are allowed"
            )
            query = context.selector(name, instance=instance)
            found.append(
                load_finding(
                    Outcome.INCONCLUSIVE,
                    summary,
                    query,
                    subject={"instance": instance},
                    first=lost.start,
                    seconds=lost.length,
                    value=lost.length,
                    limit=allowed,
                    unit="seconds",
                )
            )
    return found


def _times(series: Sequence[Series]) -> dict[str, FloatArray]:
    by_instance: dict[str, list[FloatArray]] = {}
    for one in series:
        by_instance.setdefault(one.labels.get("instance", ""), []).append(one.times)
    return {instance: np.unique(np.concatenate(times)) for instance, times in by_instance.items()}


def silence(answered: FloatArray, told: FloatArray, interval: float) -> Window | None:
    """The longest time of scrapes that were answered without a sample; None when each brought one. Pure.

    Args:
        answered: when scrapes were answered, seconds, sorted; ``told``: when samples came, which begin with the
            process's first users or ticks: before it is no silence.
    """
    after = answered[answered >= told[0]] if told.size else answered
    # A scrape gives all its samples one timestamp; a tenth of an interval for what was stored otherwise.
    position = np.searchsorted(told, after)
    left = np.abs(after - told[np.clip(position - 1, 0, told.size - 1)]) if told.size else np.full(after.shape, np.inf)
    right = np.abs(after - told[np.clip(position, 0, told.size - 1)]) if told.size else left
    missing = np.minimum(left, right) > interval / 10
    longest = max(stretches(after, missing, interval), key=lambda s: s.seconds, default=None)
    return None if longest is None else Window(longest.start, longest.start + longest.seconds)


def _standing(context: Context, window: Window) -> list[Finding]:
    """A process that makes load uses CPU: a counter that stands measured nothing."""
    if window.length <= RATE_SECONDS:
        return []
    found = []
    for one in context.series(CPU, job=names.JOB_LOAD):
        seen = within(one, window)
        if len(seen) < 3 or float(np.ptp(seen.values)) > 0:
            continue
        instance = one.labels.get("instance", "")
        summary = f"the CPU counter of {instance} stood still: nobody knows whether it was a bottleneck"
        query = context.selector(CPU, instance=instance)
        found.append(load_finding(Outcome.WARN, summary, query, subject={"instance": instance}, first=window.start))
    return found


def _twins(context: Context, window: Window) -> list[Finding]:
    end = min(window.end, window.start + TWINS_SECONDS)
    # Their times and CPU too: workers that share arrivals evenly count alike, but take not the same time.
    selector = context.selector("", job=names.JOB_LOAD)[:-1] + f',__name__=~"{"|".join(_COMPARED)}"}}'
    counters: dict[str, dict[tuple[tuple[str, str], ...], Series]] = {}
    if len(context.series(names.UP, job=names.JOB_LOAD)) < 3:  # a master and one worker
        return []
    for one in context.api.raw(selector, window.start, end, window=PAGE_SECONDS):
        kind = tuple(sorted((k, v) for k, v in one.labels.items() if k in _KIND))
        counters.setdefault(one.labels.get("instance", ""), {})[kind] = one
    found = []
    for (a, mine), (b, others) in itertools.combinations(sorted(counters.items()), 2):
        if alike(mine, others):
            summary = f"{a} and {b} are one Locust process that is scraped twice: its requests and users count double"
            found.append(
                load_finding(Outcome.INCONCLUSIVE, summary, selector, subject={"instance": b}, first=window.start)
            )
    return found


def alike(
    mine: Mapping[tuple[tuple[str, str], ...], Series], others: Mapping[tuple[tuple[str, str], ...], Series]
) -> bool:
    """Whether two processes' counters are one process's, scraped at two times: each lies between the other's. Pure."""
    if set(mine) != set(others):
        return False
    made = 0.0
    for kind, one in mine.items():
        times = np.concatenate([one.times, others[kind].times])
        values = np.concatenate([one.values, others[kind].values])
        order = np.lexsort((values, times))
        if (np.diff(values[order]) < 0).any():
            return False
        made += float(np.ptp(one.values)) if len(one) and ("__name__", _COUNT) in kind else 0.0
    return made >= LEAST_REQUESTS
