"""CPU of several runs told at one pace of the machine: the same work takes another CPU time on another night. Pure.

A load generator on the target's machine sends the same requests in every run, so what a request costs it in CPU time
tells how fast that machine computed (``harness.plan.regression.Pace``). What a request costs the target, over what it
cost the generator in the same sub-window, is free of what slows both: neighbours on the host, caches, clock rate. It
is told in CPU seconds again, at the mean pace of the baseline runs. Where a run's generator was elsewhere or of
another version, or the answers differ in size, the generator's work is not the same, and all runs are compared as they
were measured: what the build makes the generator do must not excuse the build.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.judge.regression_values import ANSWER_BYTES, PACE, Key, RunValues, at_pace
from harness.prom.series import FloatArray

# A machine is said to be slower or faster from here on.
TOLD = 0.02
# Answers up to so much larger or smaller are the same work; headers, which no one counts, are some hundred bytes.
ALIKE, ALIKE_BYTES = 0.05, 20.0


def at_one_pace(
    run: RunValues, baselines: Sequence[RunValues], paced: Sequence[str]
) -> tuple[RunValues, tuple[RunValues, ...], str]:
    """The runs with the values of the queries ``paced`` at the baselines' pace, and that in words ("" when they are as
    measured, and nothing is to be said of it)."""
    everyone = (run, *baselines)
    kinds = [k for k in run.values if k[0] == PACE and all(_positive(one, k) for one in everyone)]
    if not baselines or len(kinds) != 1:
        return run, tuple(baselines), ""
    kind = kinds[0]
    keys = [
        key
        for key in run.values
        if key[0] in paced and all(key in one.values and at_pace(key, kind) in one.values for one in everyone)
    ]
    if not keys:
        return run, tuple(baselines), ""
    unlike = _unlike(everyone)
    if unlike:
        return run, tuple(baselines), f"CPU is told as it was measured, at no common pace of the machine: {unlike}"
    normal = math.exp(float(np.mean([_log_level(one, kind) for one in baselines])))
    brought = [_with(one, {key: one.values[at_pace(key, kind)] * normal for key in keys}) for one in everyone]
    change = math.expm1(_log_level(run, kind) - math.log(normal))
    told = (
        f"this run's was as fast, to {TOLD:.0%}"
        if abs(change) < TOLD
        else f"in this run the same requests cost the load generator {abs(change):.0%} "
        f"{'more' if change > 0 else 'less'} CPU time"
    )
    return brought[0], tuple(brought[1:]), f"CPU is told at the pace of the baselines' machine: {told}"


def same_pace(history: Sequence[RunValues], paced: Sequence[str]) -> tuple[list[RunValues], bool]:
    """A history of runs, oldest first and not empty, at the mean pace of those before the newest, and whether it is."""
    newest, earlier, _ = at_one_pace(history[-1], history[:-1], paced)
    return [*earlier, newest], newest is not history[-1]


def _positive(run: RunValues, key: Key) -> bool:
    return key in run.values and bool((run.values[key] > 0).all())


def _unlike(runs: Sequence[RunValues]) -> str:
    """Why the generator's work is not known to be the same in all runs; empty when it is."""
    key: Key = (ANSWER_BYTES, ())
    if not all(key in one.values for one in runs):
        return "the size of the answers is not known"
    sizes = [float(np.mean(one.values[key])) for one in runs]
    if max(sizes) - min(sizes) <= ALIKE * max(sizes) + ALIKE_BYTES:
        return ""
    return f"an answer had {min(sizes):,.0f} bytes in one run and {max(sizes):,.0f} in another"


def _log_level(run: RunValues, key: Key) -> float:
    return float(np.mean(np.log(run.values[key])))


def _with(run: RunValues, values: Mapping[Key, FloatArray]) -> RunValues:
    return replace(run, values={**run.values, **values})
