"""What the plan's objectives need to be judged: one entry for each raw metric and subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporters import metric_names as names
from harness.judge.context import Context
from harness.judge.subjects import JOBS, Source, Subject, planned, raw_selectors, seen, sources_of
from harness.plan.model import Plan
from harness.plan.objectives import Objective


@dataclass(frozen=True)
class Need:
    """A raw metric of one subject, and the (objective, subject) pairs that lean on it.

    Attributes:
        excused: gaps in which the target did not answer are evidence about the target.
    """

    title: str
    raw: str
    selectors: tuple[str, ...]
    recorded: str
    labels: Mapping[str, str]
    job: str
    collector: str
    counter: bool
    excused: bool
    objectives: tuple[tuple[str, str], ...]


def subjects_of(context: Context, source: Source) -> tuple[Subject, ...]:
    """Whom a source speaks of: those the plan names, or, where it names none of this kind, those that were seen.

    A shared Prometheus may hold other people's containers: only the plan's are judged when it names any.
    """
    named = planned(context.plan, source.owner)
    if named:
        return named
    if source.owner in ("process", "container") and (context.plan.target.processes or context.plan.target.containers):
        return ()
    return seen(context.series(source.recorded), source.owner)


def judged_on(context: Context, objective: Objective) -> list[tuple[Source, Subject]]:
    """Every series that an objective is judged on; empty when nothing delivers it."""
    return [
        (source, subject)
        for source in sources_of(objective.name)
        for subject in (subjects_of(context, source) if source.owner != "load" else (Subject("load"),))
    ]


def not_measured(context: Context) -> list[tuple[Objective, str, bool]]:
    """Objectives that nothing delivers: (objective, reason, whether the plan can do without).

    An inherited objective is judged where it is measured (DESIGN: plan); one that the plan writes down, or whose source
    was configured and stayed silent, is missing.
    """
    found = []
    for objective in context.plan.objectives:
        sources = sources_of(objective.name)
        if not sources or judged_on(context, objective):
            continue
        reason, configured = _silent(context.plan, sources)
        found.append((objective, reason, objective.inherited and not configured))
    return found


def _silent(plan: Plan, sources: tuple[Source, ...]) -> tuple[str, bool]:
    owners = [s.owner for s in sources]
    if plan.target.reference:
        return f"no series of {', '.join(sorted({s.raw for s in sources}))} in the run", True
    if "pool" in owners:
        if plan.target.metrics:
            return f"the target's /metrics gave no {names.POOL_WAITING} or {names.POOL_SIZE} series", True
        return "no connection pool is measured: the plan has no target.metrics", False
    if "process" in owners or "container" in owners:
        if plan.target.processes or plan.target.containers:
            return "the plan watches containers only, which do not show it", False
        return "the plan watches no process or container (target.processes, target.containers)", False
    if "database" in owners:
        return "the plan watches no database (target.databases)", False
    return "the plan watches no Redis (target.redis)", False


def needs_of(context: Context) -> list[Need]:
    """Needs in a fixed order; one that several objectives share is listed once."""
    found: dict[tuple[str, str], Need] = {}
    for objective in context.plan.objectives:
        for source, subject in judged_on(context, objective):
            key = (source.raw, subject.text)
            pair = (objective.name, objective.subject if source.owner == "load" else subject.text)
            if key in found:
                need = found[key]
                found[key] = replace(need, objectives=(*need.objectives, pair), counter=need.counter and source.counter)
                continue
            found[key] = Need(
                title=f"{source.raw} of {subject.text.replace(':', ' ')}"
                if subject.name
                else f"{source.raw} of the load",
                raw=source.raw,
                selectors=raw_selectors(source, subject, context.stack),
                recorded=source.recorded,
                labels=subject.labels,
                job=JOBS[source.owner],
                collector=subject.collector,
                counter=source.counter,
                excused=source.owner == "pool",
                objectives=(pair,),
            )
    return list(found.values())
