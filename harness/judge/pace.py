"""CPU of several runs told at one pace of the machine: the same work takes another CPU time on another night. Pure.

A load generator on the target's machine sends the same requests in every run, so what a request costs it in CPU time
tells how fast that machine computed (``harness.plan.regression.Pace``). What a request costs the target, over what it
cost the generator in the same sub-window, is free of what slows both: neighbours on the host, caches, clock rate. It
is told in CPU seconds again, at the mean pace of the baseline runs.

What a build makes the generator do must not excuse the build. Where its work is not known to be the same, all runs are
compared as they were measured; and where the values as they were measured say otherwise, it is open (``unexcused``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.judge.regression_keys import ANSWER_BYTES, PACE, REQUEST_RATE, Key, at_pace
from harness.judge.regression_rows import Change, Row
from harness.judge.regression_values import RunValues
from harness.prom.series import FloatArray

# A machine is said to be slower or faster from here on.
TOLD = 0.02
# Answers up to so much larger or smaller are the same work; headers, which no one counts, are some hundred bytes.
ALIKE, ALIKE_BYTES = 0.05, 20.0
_SHOWN = 3
RAW = "CPU is told as it was measured, at no common pace of the machine"


@dataclass(frozen=True)
class OnePace:
    """Runs, told at one pace where ``brought``, and that in words ("" where there is nothing to say)."""

    run: RunValues
    baselines: tuple[RunValues, ...]
    told: str = ""
    brought: bool = False


def at_one_pace(run: RunValues, baselines: Sequence[RunValues], paced: Sequence[str]) -> OnePace:
    """The runs with the values of the queries ``paced`` at the baselines' pace, where all runs have the same measure
    of it."""
    everyone = (run, *baselines)
    raw = OnePace(run, tuple(baselines))
    kinds = {key for one in everyone for key in one.values if key[0] == PACE}
    if not baselines or not kinds:
        return raw
    kind = next(iter(kinds))
    if len(kinds) > 1:
        return replace(raw, told=f"{RAW}: the runs' load generators differ in version, or one used http, another https")
    without = [one.run_id for one in everyone if not _positive(one, kind)]
    if without:
        more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
        return replace(raw, told=f"{RAW}: that of {', '.join(without[:_SHOWN])}{more} is not known")
    keys = [
        key
        for key in run.values
        if key[0] in paced and all(key in one.values and at_pace(key, kind) in one.values for one in everyone)
    ]
    if not keys:
        return raw
    unlike = _unlike(everyone)
    if unlike:
        return replace(raw, told=f"{RAW}: {unlike}")
    normal = math.exp(float(np.mean([_log_level(one, kind) for one in baselines])))
    brought = [_with(one, {key: one.values[at_pace(key, kind)] * normal for key in keys}) for one in everyone]
    change = math.expm1(_log_level(run, kind) - math.log(normal))
    told = (
        f"this run's was as fast, to {TOLD:.0%}"
        if abs(change) < TOLD
        else f"in this run the same requests cost the load generator {abs(change):.0%} "
        f"{'more' if change > 0 else 'less'} CPU time"
    )
    return OnePace(brought[0], tuple(brought[1:]), f"CPU is told at the pace of the baselines' machine: {told}", True)


def unexcused(rows: Sequence[Row], measured: Sequence[Row], slowest: bool) -> tuple[Row, ...]:
    """``rows`` at one pace, held against the same as they were ``measured``: where those say otherwise, it is open.

    A night that was slower than any of the baselines', and a build that costs its target and the load generator more
    (redirects, new connections, compression), look the same.

    Args:
        slowest: the run's machine was, by its pace, slower than that of each baseline run.
    """
    found = {_series(row): row for row in measured}
    return tuple(_held_against(row, found.get(_series(row)), slowest) for row in rows)


def slowest(run: RunValues, baselines: Sequence[RunValues]) -> bool:
    """Whether by its pace the run's machine was slower than in each of the baseline runs."""
    return any(
        all(_log_level(run, key) > _log_level(one, key) for one in baselines) for key in run.values if key[0] == PACE
    )


def _held_against(row: Row, measured: Row | None, slowest: bool) -> Row:
    if measured is None or row.effect is None or measured.effect is None or measured.tolerance is None:
        return row
    more = measured.effect > measured.tolerance
    otherwise = {
        Change.WORSE: measured.change in (Change.SAME, Change.BETTER),
        Change.SAME: measured.change is Change.WORSE or (more and slowest),
        Change.BETTER: measured.change in (Change.SAME, Change.WORSE) or (more and slowest),
        Change.CANNOT_TELL: measured.change is Change.WORSE,
    }[row.change]
    if otherwise:
        note = (
            f"as it was measured it is {measured.effect:+.1%}, at the baselines' pace {row.effect:+.1%}: "
            "the machine was not as fast as theirs, or the build also changes what a request costs the load generator; "
            "if a second run says so too, it is the build"
        )
        return replace(row, change=Change.CANNOT_TELL, note=note)
    if row.change in (Change.WORSE, Change.BETTER):
        told = f"at the pace of the baselines' machine; {measured.effect:+.1%} as it was measured"
        return replace(row, note=f"{row.note}; {told}" if row.note else told)
    return row


def _series(row: Row) -> tuple[str, tuple[tuple[str, str], ...]]:
    return row.query, tuple(sorted(row.labels.items()))


def _positive(run: RunValues, key: Key) -> bool:
    return key in run.values and bool((run.values[key] > 0).all())


def _unlike(runs: Sequence[RunValues]) -> str:
    """Why the generator's work is not known to be the same in all runs; empty when it is."""
    for key, what, least in (
        (ANSWER_BYTES, "bytes in an answer", ALIKE_BYTES),
        (REQUEST_RATE, "requests per second", 0.0),  # it has work that is none of a request's
    ):
        if not all(key in one.values for one in runs):
            return f"the number of {what} is not known"
        sizes = [float(np.mean(one.values[key])) for one in runs]
        if max(sizes) - min(sizes) > ALIKE * max(sizes) + least:
            return f"one run had {min(sizes):,.4g} {what} and another {max(sizes):,.4g}"
    return ""


def _log_level(run: RunValues, key: Key) -> float:
    return float(np.mean(np.log(run.values[key])))


def _with(run: RunValues, values: Mapping[Key, FloatArray]) -> RunValues:
    return replace(run, values={**run.values, **values})
