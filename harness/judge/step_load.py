"""Was the load of a step made, and by a generator that kept up? Read from the run's archive."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import Context, within
from harness.judge.counter_window import rate
from harness.judge.generator import CPU_LIMIT, LAG_LIMIT
from harness.judge.load_made import LEAST_LOAD
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.windows import Window
from harness.units import format_value

MOST_OF = 0.5  # of a hold's samples over the generator's limit: rates look back a minute, into the step before
DROPPED_LIMIT = 0.01
POISSON = 4.0  # standard deviations: arrivals of independent visitors vary by themselves


def load_was_made(context: Context, window: Window) -> bool:
    """Was there load, and was it scraped? Then no answer is a fact about the target."""
    wanted = ENOUGH_RECORDED * window.expected(context.interval)
    scraped = [within(s, window) for s in context.series(names.UP, job=names.JOB_LOAD)]
    if not scraped or any(int((s.values == 1).sum()) < wanted for s in scraped if len(s)):
        return False
    recorded = Recorded.USERS if context.plan.load.model == "closed" else Recorded.ARRIVALS
    made = within(context.one(recorded), window)
    return len(made) >= wanted and float(np.mean(made.values > 0)) >= ENOUGH_RECORDED


def fault_of(context: Context, window: Window) -> str:
    """Why the generator, not the target, may be what was measured; empty when it kept up."""
    late = Window(window.start + window.span / 2, window.end)
    scraped = {s.labels.get("instance", ""): within(s, window) for s in context.series(names.UP, job=names.JOB_LOAD)}
    answered = {instance: int((s.values == 1).sum()) for instance, s in scraped.items() if len(s)}
    if not answered or min(answered.values()) < ENOUGH_RECORDED * window.expected(context.interval):
        return "the load was not scraped for a part of it"
    for recorded, limit, what, unit in (
        (Recorded.LOOP_LAG_P99, LAG_LIMIT, "event loop delay p99", "seconds"),
        (Recorded.GENERATOR_CPU, CPU_LIMIT, "CPU", "cores"),
    ):
        for series in context.series(recorded):
            seen = within(series, late)
            if len(seen) and float(np.mean(seen.values > limit)) > MOST_OF:
                instance = series.labels.get("instance", "a Locust process")
                highest = format_value(float(seen.values.max()), unit)
                return f"the load generator was at its limit ({what} of {instance}: {highest}); add load.workers"
    return _unmeasured(context, frozenset(answered), window)


def _unmeasured(context: Context, answered: frozenset[str], window: Window) -> str:
    """Whose limits nobody measured. By the raw counters: a rate still shows for a minute what has ended."""
    enough = ENOUGH_RECORDED * window.expected(context.interval)
    for what, name, labels in (
        ("event loop delay", names.LOOP_LAG + "_bucket", {"le": "+Inf"}),
        ("CPU", names.PROCESS_CPU, {}),
    ):
        told: Counter[str] = Counter()
        for series in context.series(name, job=names.JOB_LOAD, **labels):
            told[series.labels.get("instance", "")] += len(within(series, window))
        unknown = [instance for instance in sorted(answered) if told[instance] < enough]
        if unknown:
            return f"the {what} of {', '.join(unknown)} was not measured: nobody knows whether the generator kept up"
    return ""


def short_of(context: Context, load: float, window: Window) -> str:
    """Why less load was made than was wanted; empty when it was made, and in a window without length."""
    wanted = ENOUGH_RECORDED * window.expected(context.interval)
    if window.length <= 0:
        return ""
    if context.plan.load.model == "closed":
        users = within(context.one(Recorded.USERS), window)
        if not len(users) or len(users) < wanted:
            return f"{names.USERS} is missing: nothing shows that the load was made"
        # So many ran for most of it: a half of a hold with all users is no whole one.
        ran = float(np.quantile(users.values, 1 - ENOUGH_RECORDED, method="lower"))
        return f"only {ran:,.0f} of {load:,.0f} users ran" if ran < LEAST_LOAD * load else ""
    recorded = [within(context.one(one), window) for one in (Recorded.ARRIVALS, Recorded.ARRIVALS_DROPPED)]
    if min(len(one) for one in recorded) < max(1.0, wanted):
        return f"{names.ARRIVALS} is missing: nothing shows that the load was made"
    # Recorded rates look back a minute, into the step before: the counters themselves tell of this one alone.
    taken, lost = (_rate(context, one, window) for one in (names.ARRIVALS, names.ARRIVALS_DROPPED))
    if taken + lost < LEAST_LOAD * load - POISSON * math.sqrt(load / window.length):
        return f"only {taken + lost:,.0f} of {load:,.0f} arrivals per second were offered"
    if lost > DROPPED_LIMIT * (taken + lost):
        return f"{format_value(lost / (taken + lost), 'ratio')} of the arrivals found no free user (load.slots)"
    return ""


def _rate(context: Context, counter: str, window: Window) -> float:
    before = Window(context.load.start, window.start)
    up = {s.labels.get("instance", ""): within(s, before) for s in context.series(names.UP, job=names.JOB_LOAD)}
    born = {instance for instance, seen in up.items() if (seen.values == 1).any()}
    found = context.series(counter, job=names.JOB_LOAD)
    return math.fsum(rate(one, window, one.labels.get("instance", "") in born, context.interval) for one in found)
