"""Judges one run directory: opens its archive, runs the checks in their order, puts the verdict together.

Judging now and judging next year are this one path: nothing in it asks the time, so the same data give the same
verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.judge.alerts import Known, check_alerts
from harness.judge.capacity import read_capacity, to_json
from harness.judge.capacity_verdict import check_search, judge_search, of_search, sentence
from harness.judge.context import Context, make_windows
from harness.judge.coverage import CoverageReport, check_coverage
from harness.judge.ending import check_ending, check_own_series, check_plan
from harness.judge.generator import GeneratorReport, check_generator
from harness.judge.generator_seen import check_seen
from harness.judge.needs import not_measured
from harness.judge.notification import check_notification, read_deliveries
from harness.judge.objectives import check_objectives
from harness.judge.own import check_own
from harness.judge.part import Part
from harness.judge.regression_findings import not_by_queries, not_compared
from harness.judge.regression_session import Baselines, compared
from harness.judge.replaced import check_replaced
from harness.judge.results import Judged
from harness.judge.runbook_pages import with_runbook
from harness.judge.set_aside import all_aside, check_set_aside, holes, read_marks, summary
from harness.judge.stress import Stress, check_steps, judge_steps, of_steps, read_stress
from harness.judge.unread import check_unread
from harness.judge.user_exceptions import check_exceptions
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.plan.loading import load_plan
from harness.plan.model import Plan
from harness.plan.regression import NO_STEADY_LOAD
from harness.prom.private import RunData, open_run
from harness.run.record import RunDirectory, rfc3339

Look = Callable[[RunData, Plan, Verdict], None]
_CHECKS = ("run", "objectives", "trend", "alerts", "coverage", "generator", "notification", "regression")


def judge_run(
    directory: RunDirectory,
    plan: Plan | None = None,
    *,
    rules_dir: Path,
    look: Look | None = None,
    part: Part | None = None,
    baselines: Baselines | None = None,
    anew: bool = False,
    keep: bool = True,
) -> Verdict:
    """The verdict on a run directory.

    Args:
        plan: judged by its objectives; None: by the plan that the run directory holds.
        rules_dir: the recording and alert rules.
        look: called with the opened run and its verdict, while it is open: opening a day takes half a minute. What it
            raises, this raises.
        part: judge this part of the steady state alone.
        baselines: gives the run ids of each named baseline, for a plan with ``baseline:``.
        anew: choose the baselines again, rather than those that the run was compared with before.
        keep: write down what the run was compared with; not where another plan than its own asks.

    Raises:
        UsageError: the part is not within the steady state.
        DamagedArchiveError: a file of the archive is not what was kept (``harness.judge.damage`` makes it a verdict).
        PlanError: the directory's plan.yml cannot be read.
        ArchiveError: run.json or the blocks are missing or unreadable.
        QueryError: a query failed; that is never "no data".
    """
    if plan is None:
        plan = load_plan(directory.plan_file, environ={}, judging=True)
    with open_run(directory, plan, rules_dir) as data:
        steady, load = make_windows(plan, data.record)
        whole = None
        if part is not None:
            whole, steady = steady, part.within(steady, data.record)
            load = steady
        aside = all_aside(plan, data.record, read_marks(directory.marks))
        gaps = holes(aside, data.interval)
        context = Context(
            api=data.api,
            plan=plan,
            record=data.record,
            interval=data.interval,
            offset=data.eval_offset,
            alerts=data.rules,
            steady=steady.without(gaps) if steady is not None else None,
            load=load.without(gaps),
            aside=summary(aside, steady),
            stack=data.stack,
            deliveries=read_deliveries(directory.alerts),
            whole=whole,
            plan_digest=directory.plan_digest() if directory.plan_file.exists() else None,
        )
        verdict = judge(context)
        if plan.baseline is not None and plan.kind in NO_STEADY_LOAD:
            verdict = not_by_queries(verdict, plan)
        elif plan.baseline is not None and part is not None:
            verdict = not_compared(verdict, "only a part of it was judged", Outcome.WARN)
        elif plan.baseline is not None:
            verdict = compared(verdict, context, directory, rules_dir, baselines or dict, anew=anew, store=keep)
        if look is not None:
            look(data, plan, verdict)
        return verdict


def judge(context: Context) -> Verdict:
    """The verdict on an opened run. Coverage and generator first: they say what the rest is worth."""
    if context.plan.capacity is not None:
        return _judge_capacity(context)
    whole = context
    stress = read_stress(context) if context.plan.kind == "stress" else None
    if stress is not None:
        context = stress.below
    lenient = [(objective.name, reason) for objective, reason, ok in not_measured(context) if ok]
    coverage = check_coverage(context, lenient)
    generator = check_generator(context)
    results = _results(whole, context, stress, coverage, generator)
    outcomes: dict[str, Outcome] = {}
    for one in results:
        before = outcomes.get(one.result.objective, Outcome.PASS)
        outcomes[one.result.objective] = max(before, one.result.outcome)
    known = Known(
        objectives=outcomes,
        coverage=max((f.outcome for f in coverage.findings), default=Outcome.PASS),
        generator=max((f.outcome for f in generator.findings), default=Outcome.PASS),
        generator_fault=generator.fault or generator.unmeasured,
    )
    own, of_itself = check_own(context)
    findings = [
        *check_ending(whole.record, whole.plan, whole.whole or whole.steady),
        *check_plan(whole.record, whole.plan_digest),
        *(check_steps(stress) if stress is not None else ()),
        *check_own_series(context),
        *check_unread(whole),
        *own,
        *check_set_aside(whole.aside, whole.steady),
        *coverage.findings,
        *generator.findings,
        *(one.finding for one in results if one.finding is not None),
        *check_alerts(context, known),
        *check_notification(context.deliveries),
    ]
    return Verdict(
        run_id=context.record.run_id,
        findings=tuple(sorted((with_runbook(f, context.alerts) for f in findings), key=_order)),
        objectives=tuple(one.result for one in results),
        coverage={**coverage.summary, "set_aside": context.aside, "own": of_itself, **_part(context)},
        steps=stress.steps if stress is not None else (),
        stress=stress.to_json() if stress is not None else None,
    )


def _results(
    whole: Context, context: Context, stress: Stress | None, coverage: CoverageReport, generator: GeneratorReport
) -> list[Judged]:
    """Every objective, in the plan's order; those that steps decide by the whole run, the others up to its break."""
    if stress is None:
        return check_objectives(context, coverage, generator)
    others = tuple(o for o in context.plan.objectives if not of_steps(o))
    below = replace(context, plan=context.plan.model_copy(update={"objectives": others}))
    found = [*judge_steps(whole, stress), *check_objectives(below, coverage, generator)]
    order = {(o.name, o.subject): index for index, o in enumerate(whole.plan.objectives)}
    names = {o.name: index for index, o in reversed(list(enumerate(whole.plan.objectives)))}
    return sorted(
        found, key=lambda one: order.get((one.result.objective, one.result.subject), names[one.result.objective])
    )


def _part(context: Context) -> dict[str, object]:
    """What verdict.json says of a verdict on a part of the run; nothing on one of the whole run."""
    if context.whole is None or context.steady is None:
        return {}
    return {"part": {"from": rfc3339(context.steady.start), "to": rfc3339(context.steady.end)}}


def _judge_capacity(context: Context) -> Verdict:
    """A run that searched for the capacity: the search decides, and what must not happen at any load (restarts)."""
    result = read_capacity(context)
    others = tuple(o for o in context.plan.objectives if not of_search(o))
    rest = replace(context, plan=context.plan.model_copy(update={"objectives": others}))
    lenient = [(objective.name, reason) for objective, reason, ok in not_measured(rest) if ok]
    coverage = check_coverage(rest, lenient)
    own, of_itself = check_own(context)
    results = [*judge_search(context, result), *check_objectives(rest, coverage, GeneratorReport(()))]
    findings = [
        *check_ending(context.record, context.plan, context.whole or context.steady),
        *check_plan(context.record, context.plan_digest),
        *check_search(result),
        *own,
        *(check_seen(context, context.steady) if context.steady is not None else ()),
        *check_exceptions(context),
        *check_replaced(context),
        *check_own_series(context),
        *check_set_aside(context.aside, context.steady),
        *coverage.findings,
        *(one.finding for one in results if one.finding is not None),
        *check_notification(context.deliveries),
    ]
    return Verdict(
        run_id=context.record.run_id,
        findings=tuple(sorted((with_runbook(f, context.alerts) for f in findings), key=_order)),
        objectives=tuple(one.result for one in results),
        coverage={**coverage.summary, "set_aside": context.aside, "own": of_itself, **_part(context)},
        steps=result.steps,
        capacity={"sentence": sentence(result), **to_json(result)},
    )


def _order(finding: Finding) -> tuple[object, ...]:
    """Worst first, then by time, check and name: the same data give the same order."""
    moved = finding.onset if finding.onset is not None else finding.first_seen
    return (
        -finding.outcome,
        moved is None,
        moved or 0.0,
        _CHECKS.index(finding.check),
        finding.signal,
        finding.objective,
        sorted(finding.subject.items()),
        finding.summary,
    )
