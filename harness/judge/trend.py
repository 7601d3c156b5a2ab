"""Check "trend": the growth objectives, each on every subject it concerns (JUDGEMENT: "End-of-run growth test")."""

from __future__ import annotations

import math
from dataclasses import replace

from exporters.metric_names import Recorded
from harness.judge.context import Context, within
from harness.judge.growth import HOUR, GrowthResult, judge_growth
from harness.judge.restarts import starts
from harness.judge.results import Evidence, Judged, judged, missing, samples_of
from harness.judge.subjects import Source, Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.plan.judgeable import growth_seconds_needed
from harness.plan.objectives import Objective
from harness.units import format_duration, format_value

CHECK = "trend"


def judge_growth_of(context: Context, objective: Objective, source: Source, subject: Subject) -> Judged:
    """One growth objective on one subject. The value is the growth projected over the plan's horizon."""
    query = context.selector(source.recorded, **subject.labels)
    window = context.rates if source.counter else context.steady
    series, enough = samples_of(context, source.recorded, subject, window)
    if window is None or len(series) == 0:
        return missing(objective, subject, f"no samples of {source.recorded} in the steady state", query)
    users = within(context.one(Recorded.USERS), window)
    # A rate's first minute is lost: what is missing of it is not the plan's fault.
    lost = context.steady.span - window.span if context.steady else 0.0
    needed = growth_seconds_needed(context.plan)  # a shorter steady state can only FAIL or be INCONCLUSIVE
    result = judge_growth(
        series.times,
        series.values,
        limit=objective.limit,
        horizon=context.plan.horizon,
        interval=context.interval,
        # A steady state as long as asked for is enough, though its last scrape stands an interval before its end.
        needed=max(0.0, needed - lost - context.interval),
        smallest=source.smallest,
        restarts=_restarts(context, subject),
        load=(users.times, users.values) if len(users) else None,
        how="median" if source.median else "min",
    )
    unit = _unit(source)
    note = _note(result, context.plan.horizon, unit)
    outcome = result.outcome
    if outcome is Outcome.PASS and not enough:
        outcome, note = Outcome.INCONCLUSIVE, f"too few samples of {source.recorded}: {len(series)}"
    first = result.onset if outcome is Outcome.FAIL else None
    evidence = Evidence(first, first, max(0.0, window.end - first) if first is not None else 0.0, query)
    value = result.projected if math.isfinite(result.projected) else None
    found = judged(objective, subject, outcome, value, note, evidence, check=CHECK)
    return replace(found, p_value=result.p_value if math.isfinite(result.slope) else math.nan)


def _restarts(context: Context, subject: Subject) -> list[float]:
    if subject.owner not in ("process", "container") or context.steady is None:
        return []
    series = context.one(Recorded.STARTS, **subject.labels)
    # Also those in what was set aside: a deploy begins a new life, and what grew before it was given back.
    whole = Window(context.steady.start, context.steady.end)
    return sorted(set(starts(series.times, series.values, whole)))


def _unit(source: Source) -> str:
    if source.recorded in (Recorded.MEMORY, Recorded.DB_SIZE):
        return "bytes"
    return "seconds" if source.recorded in (Recorded.LATENCY_P95, Recorded.CPU_PER_REQUEST) else "count"


def _percent(share: float) -> str:
    return f"{round(share * 100, 3) + 0.0:+.3g}%"  # + 0.0: of -0.0


def _note(result: GrowthResult, horizon: float, unit: str) -> str:
    if math.isnan(result.slope):
        more = f"; run {format_duration(result.more_seconds)} longer" if result.more_seconds else ""
        return result.reason + more
    per = horizon / HOUR
    low, high = result.projected_low, result.projected_high
    text = (
        f"{result.reason}: {format_value(result.slope * per, unit)} "
        f"({_percent(result.projected)}, between {_percent(low)} and {_percent(high)}) "
        f"in {format_duration(horizon)} from {format_value(result.base, unit)}"
    )
    if result.outcome is Outcome.INCONCLUSIVE and result.more_seconds:
        text += f"; run {format_duration(result.more_seconds)} longer"
    if result.outcome is Outcome.FAIL and result.seconds_to_limit is not None:
        left = result.seconds_to_limit
        text += f"; {'over the limit already' if left <= 0 else 'at the limit in ' + format_duration(left)}"
        soonest, latest = result.seconds_to_limit_low, result.seconds_to_limit_high
        if left > 0 and soonest is not None:
            until = format_duration(latest) if latest is not None else "never"
            text += f" (between {format_duration(soonest)} and {until})"
    return text
