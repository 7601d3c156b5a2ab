"""Why samples are missing, in words: which scrape or which collector stopped, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import RATE_SECONDS, Context, within
from harness.judge.endpoint_names import misnamed
from harness.judge.needs import Need
from harness.judge.windows import Window, stretches
from harness.prom.series import FloatArray

_WHO = {
    names.JOB_LOAD: "the load generator",
    names.JOB_SIDECAR: "the sidecar",
    names.JOB_TARGET: "the target's /metrics",
    names.JOB_RUN: "the harness",
}


def clock(seconds: float) -> str:
    """A time of day as the logs write it, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def why_missing(context: Context, need: Need, window: Window) -> str:
    """What the scrapes and the collectors themselves say about it; empty when they say nothing is wrong."""
    who = _WHO.get(need.job, f"job {need.job}")
    instance = {"instance": need.instance} if need.instance else {}
    # What was set aside is no pause: nothing of it is asked for.
    whole = Window(window.start, window.end)
    found = context.series("up", job=need.job, **instance)
    scrapes = [(within(s, window), within(s, whole)) for s in found]
    scrapes = [(counting, every) for counting, every in scrapes if len(counting)]
    everything = [within(s, whole) for s in context.series("up")]
    last = max((float(s.times[-1]) for s in everything if len(s)), default=None)
    if last is None:
        return f"Prometheus scraped nothing in the steady state, {who} neither"
    if window.end - last > 3 * context.interval:
        return f"Prometheus scraped nothing at all after {clock(last)}"
    pause = scraping_pause(np.concatenate([s.times for s in everything]), context.interval)
    if pause is not None:
        between = f"from {clock(pause[0])} to {clock(pause[1])}"
        return f"Prometheus scraped nothing at all {between}: it was down or restarted, or the clock was set ahead"
    if not scrapes:
        of = f"job {need.job!r}" + (f", instance {need.instance!r}" if need.instance else "")
        return f"{who} was not scraped at all (no `up` of {of})"
    for one, every in scrapes:
        text = _zero(one.times, one.values, context.interval, window)
        if text:
            return f"{who} ({one.labels.get('instance', need.job)}) did not answer {text}"
        missing = float(every.times[-1])
        if window.end - missing > 3 * context.interval:
            return f"{who} ({one.labels.get('instance', need.job)}) was not scraped after {clock(missing)}"
    if need.collector:
        collectors = [within(s, window) for s in context.series(names.COLLECTOR_UP, collector=need.collector)]
        collectors = [s for s in collectors if len(s)]
        if not collectors:
            return f"the sidecar has no collector {need.collector!r}"
        for one in collectors:
            text = _zero(one.times, one.values, context.interval, window)
            if text:
                return f"the sidecar's collector {need.collector!r} could not read {text}"
    return _target_gone(context, need, window) or f"{who} answered, but did not deliver it"


def scraping_pause(times: FloatArray, interval: float) -> tuple[float, float] | None:
    """The longest time in which no target at all was scraped, None when none is over three intervals. Pure.

    Args:
        times: of the scrapes of every target, in any order.
    """
    known = np.unique(times)
    gaps = np.diff(known)
    if gaps.size == 0 or gaps.max() <= 3 * interval:
        return None
    longest = int(gaps.argmax())
    return float(known[longest]), float(known[longest + 1])


def _target_gone(context: Context, need: Need, window: Window) -> str:
    """What was watched and is no more: a group without processes, an endpoint that nobody counts."""
    if need.labels.get("kind") == "process":
        counted = within(context.one(Recorded.PROCESSES, **need.labels), window)
        text = _zero(counted.times, counted.values, context.interval, window)
        if text:
            when = "in the whole steady state" if not counted.values.any() else text
            return f"no process of group {need.labels.get('subject')} {when}"
    if need.endpoint:
        counted = within(context.one(need.recorded, **need.labels), window)
        if len(counted) == 0:
            return f"no {need.endpoint} was counted in the steady state{misnamed(context, need.endpoint)}"
        last, first = float(counted.times[-1]), float(counted.times[0])
        if window.end - last > 3 * context.interval:
            return f"nobody counted {need.endpoint} after {clock(last)}"
        if first - window.start > RATE_SECONDS + 3 * context.interval:
            return f"nobody counted {need.endpoint} before {clock(first)}"
    return ""


def _zero(times: FloatArray, values: FloatArray, interval: float, window: Window) -> str:
    zero = values == 0
    if not zero.any():
        return ""
    longest = max(stretches(times, np.asarray(zero), interval), key=lambda s: s.seconds)
    if zero.all():
        return "once in the steady state"
    if longest.end >= float(times[-1]) and window.end - longest.end <= 3 * interval:
        return f"from {clock(longest.start)} on"
    return f"from {clock(longest.start)} to {clock(longest.end)}"
