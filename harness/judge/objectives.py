"""Check "objectives": every objective of the plan, judged by its family, then weighed against coverage and generator.

Fail closed: what was met on too little data is INCONCLUSIVE, not met; what was broken while the load generator was the
bottleneck is not the target's fault. A breach proven on few samples stays a breach.
"""

from __future__ import annotations

from dataclasses import replace

from harness.judge.context import Context
from harness.judge.coverage import CoverageReport
from harness.judge.error_ratio import judge_error_ratio
from harness.judge.families import controlled
from harness.judge.generator import GeneratorReport
from harness.judge.growth import PROVEN
from harness.judge.latency import judge_latency
from harness.judge.levels import judge_level_of
from harness.judge.needs import judged_on, not_measured
from harness.judge.pings import judge_pings_of
from harness.judge.restarts import judge_restarts
from harness.judge.results import Judged, missing
from harness.judge.subjects import Subject
from harness.judge.throughput import judge_throughput
from harness.judge.trend import judge_growth_of
from harness.judge.verdict import Outcome
from harness.plan.objectives import Objective

# What the load generator itself can spoil: it measures latency and makes the requests.
_GENERATORS = frozenset({"latency", "throughput"})
# What requests are the evidence for.
_REQUESTS = frozenset({"latency", "throughput", "ratio"})
# Levels that are quantiles of the sidecar's own probes: their pings are counted.
PROBES = frozenset({"redis_ping_p99"})


def check_objectives(context: Context, coverage: CoverageReport, generator: GeneratorReport) -> list[Judged]:
    """All objectives in the plan's order.

    Args:
        generator: whether the load generator was the bottleneck, and whether it made the load at all.
    """
    found: list[Judged] = []
    absent = {id(objective): (reason, lenient) for objective, reason, lenient in not_measured(context)}
    for objective in context.plan.objectives:
        if id(objective) in absent:
            reason, lenient = absent[id(objective)]
            if not lenient:
                found.append(missing(objective, Subject("load"), f"not measured: {reason}"))
            continue
        for one in _among_all(_judge(context, objective)):
            covered = _cover(one, coverage)
            found.append(_blame_generator(_unshown(covered, objective, generator), objective, generator))
    return found


def _judge(context: Context, objective: Objective) -> list[Judged]:
    family = objective.spec.family
    if family == "latency":
        return [judge_latency(context, objective)]
    if family == "ratio":
        return [judge_error_ratio(context, objective)]
    if family == "throughput":
        return [judge_throughput(context, objective)]
    if family in ("level", "growth", "count"):
        judge = {"level": judge_level_of, "growth": judge_growth_of, "count": judge_restarts}[family]
        judge = judge_pings_of if objective.name in PROBES else judge
        return [judge(context, objective, source, subject) for source, subject in judged_on(context, objective)]
    return [missing(objective, Subject("load"), f"a {context.plan.kind} run does not measure it")]


def _among_all(found: list[Judged]) -> list[Judged]:
    """Several series of one growth objective: what is proven must be so among them all (``families``)."""
    allowed = controlled([one.result.outcome for one in found], [one.p_value for one in found], PROVEN)
    return [
        one if outcome is one.result.outcome else _unproven(one, f"not proven among {len(found)} series")
        for one, outcome in zip(found, allowed, strict=True)
    ]


def _unproven(one: Judged, why: str) -> Judged:
    """A breach that is none: INCONCLUSIVE, and without times, for it must not be the first cause."""
    note = f"{one.result.note}; but {why}"
    finding = one.finding
    if finding is not None:
        summary = f"{one.result.objective}: {note}"
        finding = replace(
            finding,
            outcome=Outcome.INCONCLUSIVE,
            severity="warning",
            summary=summary,
            onset=None,
            first_seen=None,
        )
    return replace(one, result=replace(one.result, outcome=Outcome.INCONCLUSIVE, note=note), finding=finding)


def _cover(one: Judged, coverage: CoverageReport) -> Judged:
    """A PASS on too little data is none; a WARN of coverage stands in its own finding, a proven breach stays one."""
    outcome, reason = coverage.of(one.result.objective, one.result.subject)
    if one.result.outcome > Outcome.INCONCLUSIVE or outcome is not Outcome.INCONCLUSIVE:
        return one
    note = f"not enough data: {reason}"
    # The coverage finding tells it already; a second one would say the same.
    return Judged(replace(one.result, outcome=Outcome.INCONCLUSIVE, note=note))


def _unshown(one: Judged, objective: Objective, generator: GeneratorReport) -> Judged:
    """What was met by requests that were not made, or made by a generator that nobody watched, was not shown."""
    growth = objective.name == "latency_growth"
    reasons = []
    if growth or objective.spec.family in _REQUESTS:
        reasons += [generator.users_short, generator.stopped, generator.cut_short]
    if growth or objective.spec.family in _GENERATORS:
        reasons.append(generator.unmeasured)
    reason = next((r for r in reasons if r), "")
    if not reason or one.result.outcome >= Outcome.INCONCLUSIVE:
        return one
    # The generator's own finding tells it already.
    return Judged(replace(one.result, outcome=Outcome.INCONCLUSIVE, note=f"{one.result.note}; but {reason}"))


def _blame_generator(one: Judged, objective: Objective, generator: GeneratorReport) -> Judged:
    spoiled = objective.spec.family in _GENERATORS or objective.name == "latency_growth"
    fault = f"the load generator was the bottleneck ({generator.fault})" if generator.fault else generator.unmeasured
    if objective.spec.family == "throughput":
        fault = fault or generator.users_short
    if not fault or not spoiled or one.result.outcome is not Outcome.FAIL:
        return one
    # Without times: the generator's own finding has them.
    return _unproven(one, f"{fault}, so it is not proven")
