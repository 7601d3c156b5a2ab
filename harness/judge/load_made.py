"""Was the planned load made at all? Users against the plan's stages, and stretches in which nobody asked for anything.

What is intended comes from the plan, never from the archive: a run in which the generator itself wanted less, or said
nothing, has not shown what the plan asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.absence import clock
from harness.judge.context import RATE_SECONDS, Context, within
from harness.judge.coverage import allowed_gap
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.subjects import sources_of
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import BoolArray, Stretch, Window, stretches
from harness.plan.model import Stage
from harness.plan.shape import intended_users
from harness.prom.series import FloatArray
from harness.units import format_duration, format_value

CHECK = "generator"
LEAST_LOAD = 0.97  # of the intended users
SETTLE_SECONDS = 5.0  # Locust reaches a new number of users in some seconds, and is scraped after that
COUNT_INTERVALS = 3  # an increase over three intervals still has two samples when a scrape was missed
RAW_BELOW = 2 * RATE_SECONDS  # stops that one-minute rates would blur are looked for in the raw counters
EXPECTED_REQUESTS = 10.0  # so many would have come in a stop: it is none of the pauses of a slow load


@dataclass(frozen=True)
class Shortfall:
    """Stretches with fewer users than intended: sustained or not, and how many ran of how many.

    Attributes:
        share: of the intended users that ran in the whole window.
    """

    over: tuple[Stretch, ...]
    seconds: float
    sustained: bool
    share: float


def wanted_users(stages: Sequence[Stage], since_start: FloatArray, settle: float) -> FloatArray:
    """Users that must run, shape (n,): the least the plan wanted from ``settle`` seconds before to one second after."""
    found = np.full(since_start.shape, np.nan)
    begun = 0.0
    for stage in stages:
        # Past its ramp a stage wants one number: a day of it need not be asked evaluation by evaluation.
        level, rate = intended_users(stages, begun) or (0, 1.0)
        target = float(stage.users or 0)
        ramp = 0.0 if stage.spawn_rate is None else (abs(target - level) + 1) / rate
        flat = (since_start - settle >= begun + ramp) & (since_start + 1.0 < begun + stage.duration)
        found[flat] = target
        begun += stage.duration
    moments = (-settle, -settle / 2, 0.0, 1.0)
    for i in np.flatnonzero(np.isnan(found)):
        wanted = (intended_users(stages, max(0.0, float(since_start[i]) + d)) for d in moments)
        found[i] = min((one or (0, 0.0))[0] for one in wanted)
    return found


def shortfall(times: FloatArray, users: FloatArray, wanted: FloatArray, tolerated: float, interval: float) -> Shortfall:
    """Where fewer than 97 % of the wanted users ran; sustained when that was longer than ``tolerated`` in all."""
    over = tuple(stretches(times, np.asarray(users < LEAST_LOAD * wanted), interval))
    seconds = sum(s.seconds for s in over)
    total = float(wanted.sum())
    share = min(1.0, float(users.sum()) / total) if total > 0 else 1.0
    return Shortfall(over, seconds, seconds > tolerated + interval / 10, share)


def check_users(context: Context, window: Window) -> list[Finding]:
    """Closed model: the users that ran against those of the plan's stages. None reported is no evidence of load."""
    load = context.plan.load
    if load.model != "closed":
        return []
    query = context.selector(Recorded.USERS)
    users = within(context.one(Recorded.USERS), window)
    evaluations = np.arange(window.start, window.end, context.interval)
    begun = context.load_begun
    settle = SETTLE_SECONDS + 2 * context.interval
    if not (wanted_users(load.stages, evaluations - begun, settle) > 0).any():
        return []
    if len(users) < ENOUGH_RECORDED * window.expected(context.interval):
        few = f"{len(users)} samples of {names.USERS} in the steady state" if len(users) else f"no {names.USERS}"
        summary = f"{few}: nothing shows that the planned load was made"
        return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=window.start)]
    wanted = wanted_users(load.stages, users.times - begun, settle)
    found = shortfall(users.times, users.values, wanted, allowed_gap(window, context.interval), context.interval)
    if not found.over:
        return []
    widest = max(found.over, key=lambda s: s.seconds)
    inside = (users.times >= widest.start) & (users.times <= widest.end)
    ran, planned = float(users.values[inside].mean()), float(wanted[inside].mean())
    return [
        load_finding(
            Outcome.INCONCLUSIVE if found.sustained else Outcome.WARN,
            f"only {ran:,.0f} of the plan's {planned:,.0f} users ran from {clock(widest.start)} to {clock(widest.end)} "
            f"UTC, too few for {format_duration(found.seconds)} in all "
            f"({format_value(found.share, 'ratio')} of the intended load in the steady state)",
            query,
            first=widest.start,
            seconds=found.seconds,
            value=found.share,
            limit=LEAST_LOAD,
            unit="ratio",
        )
    ]


def check_stops(context: Context, window: Window) -> list[Finding]:
    """Stretches under load in which not one request was answered: nothing was shown in them, whoever stopped."""
    allowed = allowed_gap(window, context.interval)
    times, counts, memory = _counts(context, window, allowed)
    if times.size == 0:
        return []
    loaded = _loaded(context, times - context.load_begun)
    loaded &= window.without(window.holes, after=memory).counts(times)
    mean = float(np.nansum(counts[loaded])) / max(1.0, int(loaded.sum()) * context.interval)
    found = stops(times, counts, loaded, memory, window, allowed, mean, context.interval)
    if not _judged_by_coverage(context):
        # Nothing of the plan leans on the count of requests: that it is gone is told here or nowhere.
        absent = np.where(np.isnan(counts), 0.0, counts)
        found = stops(times, absent, loaded, memory, window, allowed, mean, context.interval)
    if not found:
        return []
    when = ", ".join(f"from {clock(s.start)} to {clock(s.end)}" for s in found[:5])
    seconds = sum(s.length for s in found)
    summary = (
        f"not one request was answered {when} UTC ({format_duration(seconds)}): nothing was asked or answered, "
        f"so nothing is shown about the target{_meanwhile(context, found[0])}"
    )
    query = context.selector(Recorded.REQUESTS)
    first = found[0].start
    return [load_finding(Outcome.INCONCLUSIVE, summary, query, first=first, seconds=seconds, value=0.0, unit="rps")]


def stops(
    times: FloatArray,
    counts: FloatArray,
    loaded: BoolArray,
    memory: float,
    window: Window,
    allowed: float,
    mean: float,
    interval: float,
) -> list[Window]:
    """Stretches without a request. Pure.

    Args:
        counts: requests in the ``memory`` seconds before each of ``times``, shape (n,); NaN where not known.
        loaded: whether the plan wanted load then.
        allowed: a stop no longer than this is tolerated.
        mean: requests per second; a slow load pauses longer, and a stop counts from ten expected requests on.
    """
    least = max(allowed, EXPECTED_REQUESTS / mean) if mean > 0 else allowed
    least = min(least, max(allowed, window.length / 2))
    found = [
        Window(max(window.start, s.start - memory), s.end)
        for s in stretches(times, np.asarray((counts <= 0) & loaded), interval)
    ]
    return [one for one in found if one.length > least + interval / 10]


def _counts(context: Context, window: Window, allowed: float) -> tuple[FloatArray, FloatArray, float]:
    """(times, requests in the last ``memory`` seconds or NaN, memory); whole intervals, the window's end included."""
    step = context.interval
    if allowed < RAW_BELOW:
        memory = COUNT_INTERVALS * step
        raw = context.selector(names.REQUEST_DURATION + "_count")
        expr = f"sum(increase({raw}[{memory:.12g}s]))"
        first, last = window.start + memory, window.end
        found = context.api.query_range(expr, first, last, step) if last > first else []
    else:
        memory = RATE_SECONDS
        first, last = window.start + memory, window.end
        found = [within(context.one(Recorded.REQUESTS), Window(first, last))] if last > first else []
    times = np.arange(first, last + step / 10, step)
    counts = np.full(times.shape, np.nan)
    for series in found:
        index = np.rint((series.times - first) / step).astype(int)
        usable = (index >= 0) & (index < times.size)
        # A rate is per second, an increase is over ``memory``; both become requests in one interval.
        scale = step if allowed >= RAW_BELOW else step / memory
        counts[index[usable]] = series.values[usable] * scale
    return times, counts, memory


def _loaded(context: Context, since_start: FloatArray) -> BoolArray:
    load = context.plan.load
    if load.model == "closed":
        return np.asarray(wanted_users(load.stages, since_start, SETTLE_SECONDS + 2 * context.interval) > 0)
    wanted = load.schedule
    return np.asarray([wanted.rate(float(moment)) > 0 for moment in since_start])


def _judged_by_coverage(context: Context) -> bool:
    return any(source.owner == "load" for o in context.plan.objectives for source in sources_of(o.name))


def _meanwhile(context: Context, stop: Window) -> str:
    """What is known of both sides in that time."""
    words = []
    users = within(context.one(Recorded.USERS), stop).values
    if users.size:
        words.append(f"{users.mean():,.0f} users ran")
    up = [within(s, stop).values for s in context.series(names.UP, job=names.JOB_TARGET)]
    if any(v.size and not v.any() for v in up):
        words.append("the target's /metrics did not answer either")
    return f"; meanwhile {' and '.join(words)}" if words else ""


def load_finding(
    outcome: Outcome,
    summary: str,
    query: str,
    *,
    subject: dict[str, str] | None = None,
    first: float | None = None,
    seconds: float = 0.0,
    value: float | None = None,
    limit: float | None = None,
    unit: str = "",
) -> Finding:
    """A finding about the load generator."""
    return Finding(
        check=CHECK,
        signal="generator",
        outcome=outcome,
        summary=summary,
        subject=subject or {},
        first_seen=first,
        for_seconds=seconds,
        value=value,
        limit=limit,
        unit=unit,
        query=query,
    )
