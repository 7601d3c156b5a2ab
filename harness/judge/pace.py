"""CPU of several runs told at one pace of the machine: the same work takes another CPU time on another night. Pure.

A load generator on the target's machine sends the same requests in every run, so what a request costs it in CPU time
tells how fast that machine computed (``harness.plan.regression.Pace``). What a request costs the target, over what it
cost the generator in the same sub-window, is free of what slows both: neighbours on the host, caches, clock rate. It
is told in CPU seconds again, at the mean pace of the baseline runs.

What a build makes the generator do must not excuse the build. Where its work is not known to be the same, all runs are
compared as they were measured; and what is worse as it was measured is never "same" at one pace (``unexcused``).
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
    without = sum(not _positive(one, kind) for one in everyone)
    if len(kinds) > 1:
        return replace(raw, told=f"{RAW}: the runs' load generators are of other versions, or speak http and https")
    if without:
        return replace(raw, told=f"{RAW}: of {without} of the {len(everyone)} runs it is not known")
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


def same_pace(history: Sequence[RunValues], paced: Sequence[str]) -> tuple[list[RunValues], str]:
    """A history of runs, oldest first and not empty, at the mean pace of those before the newest, and that in words."""
    found = at_one_pace(history[-1], history[:-1], paced)
    told = "CPU is told at one pace of the machine, that of the runs before the newest" if found.brought else found.told
    return [*found.baselines, found.run], told


def unexcused(rows: Sequence[Row], measured: Sequence[Row]) -> tuple[Row, ...]:
    """``rows`` at one pace, those "cannot tell" that are worse as they were ``measured``.

    By more than its baselines differ as they were measured, that is: a night slower than any of theirs, or a build
    that costs its target and the load generator more (redirects, new connections, compression). These look the same.
    """
    worse = {_series(row): row for row in measured if row.change is Change.WORSE}
    return tuple(_open(row, worse.get(_series(row))) for row in rows)


def _open(row: Row, measured: Row | None) -> Row:
    if measured is None or row.change is Change.WORSE or measured.effect is None:
        return row
    note = (
        f"as it was measured it is worse ({measured.effect:+.1%}), at the pace of the baselines' machine it is not: "
        "either this machine was slower, or the build costs the load generator more too; run it again"
    )
    return replace(row, change=Change.CANNOT_TELL, note=note)


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
