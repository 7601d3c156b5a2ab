"""Throughput floor: requests per second over the whole steady state and in its 5-minute windows."""

from __future__ import annotations

import numpy as np

from exporters.metric_names import Recorded
from harness.judge.context import Context, within
from harness.judge.counters import all_requests
from harness.judge.requests import no_requests
from harness.judge.results import Evidence, Judged, judged, missing, samples_of
from harness.judge.subjects import Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Window, pick, stretches, too_many, tumbling
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray
from harness.units import format_duration

_LOAD = Subject("load")
COLLAPSED = 0.5  # of the floor: no noise of a minute reaches there
COLLAPSED_SECONDS = 60.0
COLLAPSED_SHARE = 0.05  # of the window
MOSTLY = 0.5  # of a 5-minute window must not be set aside for it to be judged on its own
SLACK = 0.97  # DESIGN: achieved load counts as reached from 97 % on; a window is short, its rate noisy


def judge_throughput(context: Context, objective: Objective) -> Judged:
    """The throughput objective, of the whole run or of an endpoint."""
    labels: dict[str, str] = {}
    name = Recorded.REQUESTS
    if objective.endpoint:
        labels, name = {"method": objective.method, "name": objective.endpoint}, Recorded.ENDPOINT_REQUESTS
    query = context.selector(name, **labels)
    window = context.steady
    counts = all_requests(context, objective, within=True)
    nothing = no_requests(context, counts, objective)
    if nothing or window is None or counts is None:
        return missing(objective, _LOAD, nothing, query)
    series = within(context.one(name, **labels), context.rates)
    if not objective.endpoint and context.rates and not samples_of(context, name, _LOAD, context.rates)[1]:
        return missing(objective, _LOAD, "the rate of requests is missing for a part of the steady state", query)
    # Counting begins with the first scrape in the steady state, and ends with its last.
    counted = Window(float(counts.times[0]) - context.interval, float(counts.times[-1])).without(
        Window(hole.start - context.interval, hole.end - context.interval) for hole in window.holes
    )
    mean, low, pieces = slow_windows(counts.times, counts.all_, counted, objective.limit)
    note = f"{counts.total:,.0f} requests, {mean:,.1f} per second on average"
    # A short run is one window, whose mean hides a stop. Curves are what tells a stop: single moments are noisy.
    fell = collapsed(series.times, series.values, window, objective.limit, context.interval)
    if mean >= objective.limit * (1 - 1e-9) and not too_many(len(low), pieces) and not fell:
        return judged(objective, _LOAD, Outcome.PASS, mean, note)
    if low and mean >= objective.limit:
        note += f", below the floor in {len(low)} of {pieces} windows of 5 minutes"
    if fell:
        note += f", below half of the floor for {format_duration(fell)}"
    below = stretches(series.times, series.values < objective.limit * SLACK, context.interval)
    first = below[0].start if below else window.start
    evidence = Evidence(first, first, sum(s.seconds for s in below), query)
    return judged(objective, _LOAD, Outcome.FAIL, mean, note, evidence)


def collapsed(times: FloatArray, rates: FloatArray, window: Window, floor: float, interval: float) -> float:
    """Seconds at less than half of the floor; 0 when that was no more than a minute or 5 % of the window."""
    seconds = sum(s.seconds for s in stretches(times, np.asarray(rates < COLLAPSED * floor), interval))
    return seconds if seconds > max(COLLAPSED_SECONDS, COLLAPSED_SHARE * window.length) else 0.0


def slow_windows(
    times: FloatArray, requests: FloatArray, window: Window, floor: float
) -> tuple[float, tuple[Window, ...], int]:
    """Mean rate per second, the 5-minute windows whose mean is below 97 % of the floor (an empty one too), and their
    number.

    Args:
        requests: counted up to each of ``times`` since the one before, shape (n,).
    """
    pieces = tumbling(window)
    low = []
    for i, piece in enumerate(pieces):
        mine = pick(times, piece, closed=i == len(pieces) - 1)
        if piece.length < MOSTLY * piece.span:
            continue  # what is left of it is too short for a rate
        if float(requests[mine].sum()) < floor * SLACK * piece.length:
            low.append(piece)
    return float(requests.sum()) / window.length, tuple(low), len(pieces)
