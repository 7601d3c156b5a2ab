"""Restarts: members of a process group or a container that began anew in the steady state, OOM kills included; and
members that ended and stayed away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import Context, within
from harness.judge.results import Evidence, Judged, judged, missing, samples_of
from harness.judge.subjects import Source, Subject
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray, Series

CLOCK_SLACK = 1.0  # seconds by which a start time moves without a start: two clocks drift apart
AWAY_SECONDS = 60.0  # a master starts a worker anew within seconds
_FEWEST = 3  # samples
START_TIME = 1e9  # recording.yml: from there on a value is a start time, below it a counter of starts


def starts(times: FloatArray, values: FloatArray, window: Window) -> list[float]:
    """Unix seconds of each start in the window, one entry for each.

    A counter counts its increases; after a reset (its sidecar began anew) all that it shows is an increase. A start
    time counts its changes. What may have begun in a part that was set aside does not count. The last sample before
    the window is what the first one inside is compared with. Where one exporter stands in for another, values of each
    kind are compared among themselves.
    """
    is_time = values >= START_TIME
    if is_time.any() and not is_time.all():
        return sorted(
            starts(times[is_time], values[is_time], window) + starts(times[~is_time], values[~is_time], window)
        )
    before = int(np.searchsorted(times, window.start, side="left"))
    inside = times <= window.end
    times, values = times[inside][max(0, before - 1) :], values[inside][max(0, before - 1) :]
    found: list[float] = []
    for previous, now, since, at in zip(values[:-1], values[1:], times[:-1], times[1:], strict=True):
        if now == previous or at < window.start or window.aside(np.array(since), np.array(at)) > 0:
            continue
        if now >= START_TIME:
            found.append(float(at))
        else:
            found.extend([float(at)] * max(0, round(now - previous if now >= previous else now)))
    return found


def unseen(counter: Series, oldest: Series, window: Window) -> list[float]:
    """Unix seconds of starts that no counter saw: whoever counts them (the sidecar) began anew meanwhile.

    What it found then it takes for what was there before. But where the group's oldest member is younger than the
    reading before, all of the group began in between. An oldest member that ended leaves an older one than that.

    Args:
        counter: starts; oldest: unix seconds of the oldest member's start.
    """
    found = []
    for i in np.flatnonzero(np.diff(oldest.values) > CLOCK_SLACK):
        since, at = float(oldest.times[i]), float(oldest.times[i + 1])
        if oldest.values[i + 1] <= since or not window.start <= at <= window.end:
            continue
        before = int(np.searchsorted(counter.times, since, side="right")) - 1
        # A rule that runs between two scrapes shows what the first of them brought: the next sample tells.
        after = min(int(np.searchsorted(counter.times, at)), len(counter) - 1)
        counted = before < 0 or counter.values[after] > counter.values[before]
        if not counted and window.aside(np.array(since), np.array(at)) == 0:
            found.append(at)
    return found


@dataclass(frozen=True)
class Shrunk:
    """Members that ended and were not replaced.

    Attributes:
        at: unix seconds of the first sample without them; before, after: how many processes there were.
    """

    at: float
    before: int
    after: int


def shrunk(members: Series, window: Window) -> Shrunk | None:
    """A group that has fewer members at the end of the window than at its beginning, and had for a minute or more.

    A member that is being replaced is away for seconds. At the beginning the median of a tenth of the samples counts.
    """
    inside = within(members, window)
    if len(inside) < 2 * _FEWEST:
        return None
    before = float(np.floor(np.median(inside.values[: max(_FEWEST, len(inside) // 10)])))
    less = inside.values < before
    if not less[-1]:
        return None
    whole = np.flatnonzero(~less)
    first = int(whole[-1]) + 1 if len(whole) else 0
    if len(inside) - first < _FEWEST or inside.times[-1] - inside.times[first] < AWAY_SECONDS:
        return None
    return Shrunk(float(inside.times[first]), round(before), round(float(np.max(inside.values[first:]))))


def judge_restarts(context: Context, objective: Objective, source: Source, subject: Subject) -> Judged:
    """The restarts objective on one subject."""
    query = context.selector(source.recorded, **subject.labels)
    steady, enough = samples_of(context, source.recorded, subject, context.steady)
    window = context.steady
    if window is None or len(steady) == 0:
        return missing(objective, subject, f"no samples of {source.recorded} in the steady state", query)
    counter = context.one(source.recorded, **subject.labels)
    moments = _starts_of(counter, window)
    if subject.owner == "process":
        oldest = context.one(names.PROC_OLDEST_START, groupname=subject.name)
        moments = sorted([*moments, *unseen(counter, oldest, window)])
    kills = _starts_of(context.one(Recorded.OOM_KILLS, **subject.labels), window)
    count = max(len(moments), len(kills))
    note = f"{count} in the steady state" + (f", {len(kills)} of them killed for memory" if kills else "")
    if count > objective.limit:
        first = min([*moments, *kills])
        return judged(objective, subject, Outcome.FAIL, float(count), note, Evidence(first, first, 0.0, query))
    if not enough:
        return missing(objective, subject, f"too few samples of {source.recorded}: {len(steady)}", query)
    if count:
        # Allowed, and yet told: what else happened then may be its doing. Somebody did it: no onset of its own.
        first = min([*moments, *kills])
        note += f"; the plan allows {objective.limit:g}"
        return judged(objective, subject, Outcome.WARN, float(count), note, Evidence(None, first, 0.0, query))
    if subject.owner == "process":
        query = context.selector(names.PROC_NUM, groupname=subject.name)
        gone = shrunk(context.one(names.PROC_NUM, groupname=subject.name), window)
        if gone is not None:
            note += f", but {gone.before - gone.after} of its {gone.before} processes ended and did not come back"
            evidence = Evidence(gone.at, gone.at, window.end - gone.at, query)
            return judged(objective, subject, Outcome.WARN, float(count), note, evidence)
    return judged(objective, subject, Outcome.PASS, float(count), note)


def _starts_of(series: Series, window: Window) -> list[float]:
    return starts(series.times, series.values, window)
