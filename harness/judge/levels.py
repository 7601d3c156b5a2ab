"""Levels: a gauge against its limit (memory_limit, cpu, db_pool_use, db_pool_waiting).

A single sample over the limit is a blip. *Sustained* is three successive samples and 15 s over it; for a quantile
over a minute (the generator's loop lag), in which a single slow event stays for a minute, 75 s. A sustained breach
FAILs when it is long (a minute) or when more than 1 % of the window was over; a shorter one in a long run is a WARN. A
memory limit is hard: any sustained breach FAILs.

A level that goes up and down across its limit never lasts: so the share of *all* samples over it counts too, from
three samples on (for a quantile: three events, and its own shares). More than 1 % of them is a WARN, more than 5 % a
FAIL. For a quantile more than 5 % is a WARN and more than 15 % a FAIL: each slow event holds a minute of it. Three
samples over a hard limit FAIL.

A quantile that is over its limit for most of a window too short for these rules is INCONCLUSIVE: one slow event looks
the same there as many. Objectives on quantiles are judged by counts instead (``pings``, ``latency``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import Context
from harness.judge.coverage import allowed_gap, cover
from harness.judge.doubts import doubts
from harness.judge.onset import departure
from harness.judge.results import Evidence, Judged, judged, missing, samples_of, spacing
from harness.judge.subjects import Source, Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Stretch, Window, stretches
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray, Series
from harness.units import format_duration, format_value

SUSTAINED_SAMPLES = 3
SUSTAINED_SECONDS = 15.0
LONG_SECONDS = 60.0
TOLERATED_SHARE = 0.01
LEAST_OVER = 3
WARN_SHARE, FAIL_SHARE = 0.01, 0.05
QUANTILE_WARN_SHARE, QUANTILE_FAIL_SHARE = 0.05, 0.15
QUANTILE_MOST = 0.5
HARD = frozenset({"memory_limit"})
# What moved first is told from the use of the pool: it rises before anybody waits.
_MOVES = {"db_pool_waiting": Recorded.POOL_IN_USE, "db_pool_use": Recorded.POOL_IN_USE}


@dataclass(frozen=True)
class LevelJudgement:
    """Outcome, the highest sample, the stretches over the limit that count, and the share of all samples over it."""

    outcome: Outcome
    highest: float
    over: tuple[Stretch, ...]
    seconds: float
    share: float = 0.0


def judge_level(
    times: FloatArray, values: FloatArray, limit: float, interval: float, *, hard: bool = False, memory: float = 0.0
) -> LevelJudgement:
    """Is the gauge over its limit for good enough?

    Args:
        times, values: shape (n,), n >= 1, no NaN.
        memory: seconds for which one event stays in a value (the window of a quantile).
    """
    found = stretches(times, values > limit, interval)
    needed = max(SUSTAINED_SECONDS, SUSTAINED_SAMPLES * interval) + memory
    sustained = tuple(s for s in found if s.seconds >= needed - interval / 10)
    seconds = sum(s.seconds for s in sustained)
    span = float(times[-1] - times[0]) + interval
    longest = max((s.seconds for s in sustained), default=0.0)
    outcome = Outcome.PASS
    if sustained:
        long = longest >= LONG_SECONDS + memory or seconds > TOLERATED_SHARE * span
        outcome = Outcome.FAIL if hard or long else Outcome.WARN
    share = float(np.mean(values > limit))
    by_share = _judge_share(found, share, hard=hard, memory=memory)
    if by_share is not Outcome.PASS and (by_share > outcome or not sustained):
        sustained, seconds = tuple(found), sum(s.seconds for s in found)
    outcome = max(outcome, by_share)
    if outcome is Outcome.PASS and memory and len(found) and share > QUANTILE_MOST:
        return LevelJudgement(
            Outcome.INCONCLUSIVE, float(np.max(values)), tuple(found), sum(s.seconds for s in found), share
        )
    return LevelJudgement(outcome, float(np.max(values)), sustained, seconds, share)


def _judge_share(over: list[Stretch], share: float, *, hard: bool, memory: float) -> Outcome:
    """By how much of the window was over the limit in all, however short each time was."""
    # One event stays in a quantile for its whole window: such a stretch is one event, not a dozen.
    events = sum(max(1, int(s.seconds // memory)) if memory else s.samples for s in over)
    if events < LEAST_OVER:
        return Outcome.PASS
    warn, fail = (QUANTILE_WARN_SHARE, QUANTILE_FAIL_SHARE) if memory else (WARN_SHARE, FAIL_SHARE)
    if hard or share > fail:
        return Outcome.FAIL
    return Outcome.WARN if share > warn else Outcome.PASS


def judge_level_of(context: Context, objective: Objective, source: Source, subject: Subject) -> Judged:
    """One level objective on one subject."""
    window = context.rates if source.counter else context.steady
    series, enough = samples_of(context, source.recorded, subject, window)
    query = context.selector(source.recorded, **subject.labels)
    if len(series) == 0:
        return missing(objective, subject, f"no samples of {source.recorded} in the steady state", query)
    hard = objective.name in HARD
    found = judge_level(series.times, series.values, objective.limit, context.interval, hard=hard)
    unit = objective.spec.unit
    note = f"at most {format_value(found.highest, unit)}"
    if found.outcome is Outcome.PASS:
        if not enough:
            return missing(objective, subject, f"too few samples of {source.recorded}: {len(series)}", query)
        unseen = _unseen(context, source, series, window)
        if unseen:
            return missing(objective, subject, f"no sample of {source.recorded} for {unseen}", query)
        outcome, doubt = doubts(context, objective, subject, series, window)
        if outcome is not Outcome.PASS:
            return judged(objective, subject, outcome, found.highest, f"{note}; {doubt}", Evidence(query=query))
        return judged(objective, subject, Outcome.PASS, found.highest, note)
    first = found.over[0].start
    note = (
        f"over {format_value(objective.limit, unit)} for {format_duration(found.seconds)} "
        f"({found.share:.0%} of the samples), at most {format_value(found.highest, unit)}"
    )
    evidence = Evidence(level_onset(context, objective, source, subject, first), first, found.seconds, query)
    return judged(objective, subject, found.outcome, found.highest, note, evidence)


def _unseen(context: Context, source: Source, series: Series, window: Window | None) -> str:
    """The longest time without a recorded sample, where it is longer than allowed.

    Raw samples may stand there whose rule recorded nothing: resident memory while the proportional one could not be
    read, a pool's use without its size.
    """
    if window is None:
        return ""
    times, interval = series.times, spacing(series, context.interval)
    if source.owner == "pool":  # a target that does not answer is evidence about the target (DESIGN: coverage)
        ups = context.series(names.UP, job=names.JOB_TARGET)
        times = np.concatenate([times, *(up.times[up.values == 0] for up in ups)])
    gap, allowed = cover(times, window, interval).gap, allowed_gap(window, interval)
    return f"{format_duration(gap)}, longer than the {format_duration(allowed)} allowed" if gap > allowed else ""


def level_onset(context: Context, objective: Objective, source: Source, subject: Subject, first: float) -> float:
    """When the signal left its own early range, at the latest when it was first over its limit."""
    recorded = _MOVES.get(objective.name, source.recorded)
    series = context.one(recorded, **subject.labels)
    # One connection or thread more is no move; other units have no least step of their own.
    least = 1.0 if objective.name in _MOVES else 0.0
    moved = departure(series.times, series.values, context.interval, least=least)
    return first if moved is None else min(moved, first)
