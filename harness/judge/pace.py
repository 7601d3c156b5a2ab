"""CPU of several runs told at one pace of the machine: the same work takes another CPU time on another night. Pure.

The sidecar does a fixed piece of work four times a second (``exporters.pace``). What a request costs in CPU time, over
what that work cost in the same sub-window, is free of what slows both: neighbours on the host, caches, clock rate. It
is told in CPU seconds again, at the mean pace of the baseline runs. Where one of the runs has no pace, or one of
another kind of work, all are compared as they were measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.judge.regression_values import PACE, Key, RunValues, at_pace
from harness.prom.series import FloatArray

# A machine is said to be slower or faster from here on.
TOLD = 0.02


def at_one_pace(
    run: RunValues, baselines: Sequence[RunValues], paced: Sequence[str]
) -> tuple[RunValues, tuple[RunValues, ...], str]:
    """The runs with the values of the queries ``paced`` at the baselines' pace, and that in words ("" when they are as
    measured)."""
    everyone = (run, *baselines)
    kinds = [
        k for k in run.values if k[0] == PACE and all(k in one.values and (one.values[k] > 0).all() for one in everyone)
    ]
    if not baselines or len(kinds) != 1:
        return run, tuple(baselines), ""
    kind = kinds[0]
    normal = math.exp(float(np.mean([_log_level(one, kind) for one in baselines])))
    keys = [
        key
        for key in run.values
        if key[0] in paced and all(key in one.values and at_pace(key, kind) in one.values for one in everyone)
    ]
    if not keys:
        return run, tuple(baselines), ""
    brought = [_with(one, {key: one.values[at_pace(key, kind)] * normal for key in keys}) for one in everyone]
    change = math.expm1(_log_level(run, kind) - math.log(normal))
    told = (
        f"this run's was as fast, to {TOLD:.0%}"
        if abs(change) < TOLD
        else f"this run's took {abs(change):.0%} {'more' if change > 0 else 'less'} CPU time for the same work"
    )
    return brought[0], tuple(brought[1:]), f"CPU is told at the pace of the baselines' machine: {told}"


def _log_level(run: RunValues, key: Key) -> float:
    return float(np.mean(np.log(run.values[key])))


def _with(run: RunValues, values: Mapping[Key, FloatArray]) -> RunValues:
    return replace(run, values={**run.values, **values})
