"""What the plan's objectives need to be judged: one entry for each raw metric and subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.judge.context import Context
from harness.judge.subjects import JOBS, OF_ENDPOINT, Owner, Source, Subject, planned, raw_selectors, seen, sources_of
from harness.plan.model import Plan
from harness.plan.objectives import Objective


@dataclass(frozen=True)
class Need:
    """A raw metric of one subject, and the (objective, subject) pairs that lean on it.

    Attributes:
        excused: gaps in which the target did not answer are evidence about the target.
        alive: only samples above 0 count: a group of no processes, or a container that ended, is watched, but
            nothing of it is seen.
        instance: the scraped address that it must come from; empty for any.
        endpoint: "POST /login" where it is about one endpoint only.
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
    alive: bool = False
    instance: str = ""
    endpoint: str = ""


def subjects_of(context: Context, source: Source) -> tuple[Subject, ...]:
    """Whom a source speaks of: those the plan names, or, where it names none of this kind, those that were seen.

    A shared Prometheus may hold other people's containers: only the plan's are judged when it names any. A configured
    source of which nothing was seen is one subject without a name: it must not drop out beside another source.
    """
    named = planned(context.plan, source.owner)
    if named:
        return named
    if source.owner in ("process", "container") and (context.plan.target.processes or context.plan.target.containers):
        return ()
    found = seen(context.series(source.recorded), source.owner)
    return found if found or not _configured(context.plan, source.owner) else (Subject(source.owner),)


def _configured(plan: Plan, owner: Owner) -> bool:
    """Is a subject of this kind to be expected, though the plan names none?"""
    if owner == "pool":
        return bool(plan.target.metrics) or plan.target.reference
    return plan.target.reference and owner != "container"


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
    found: dict[str, Need] = {}
    addresses = _addresses(context)
    for objective in context.plan.objectives:
        for source, subject in judged_on(context, objective):
            for need in _needs(context, objective, source, subject, addresses):
                shared = found.get(need.title)
                if shared is not None:
                    counter = shared.counter and need.counter
                    need = replace(shared, objectives=(*shared.objectives, *need.objectives), counter=counter)
                found[need.title] = need
    return list(found.values())


def _needs(
    context: Context, objective: Objective, source: Source, subject: Subject, addresses: tuple[str, ...]
) -> list[Need]:
    """What one objective needs of one subject."""
    load = source.owner == "load"
    endpoint = {"method": objective.method, "name": objective.endpoint} if load and objective.endpoint else {}
    of = objective.subject if endpoint else "the load" if load else subject.text.replace(":", " ")
    if not load and not subject.name:
        of = f"any {source.owner}"
    need = Need(
        title=f"{source.raw} of {of}",
        raw=source.raw,
        selectors=raw_selectors(source, subject, context.stack, endpoint),
        recorded=OF_ENDPOINT.get(source.recorded, source.recorded) if endpoint else source.recorded,
        labels=endpoint or subject.labels,
        job=JOBS[source.owner],
        collector=subject.collector if subject.name else "",
        counter=source.counter,
        excused=source.owner == "pool",
        objectives=((objective.name, objective.subject if load else subject.text),),
        endpoint=objective.subject if endpoint else "",
    )
    if source.owner == "process":
        # Counters stand still and sums are 0 once every process of a group is gone: that looks like health.
        number = replace(source, recorded=Recorded.PROCESSES, raw=names.PROC_NUM, instead="", counter=False)
        return [need, _alive(context, need, number, subject, of)]
    if source.owner == "container" and source.raw == names.CONTAINER_START:
        # The engine tells the last start of a container that ended long ago too: only one that runs has memory.
        running = replace(source, recorded=Recorded.MEMORY, raw=names.CONTAINER_WORKING_SET, counter=False)
        return [need, _alive(context, need, running, subject, of)]
    if source.owner == "pool" and len(addresses) > 1:
        # A pool is summed over the addresses: one that is silent makes it smaller, not missing.
        return [need, *(_of_address(context, need, source, address) for address in addresses)]
    return [need]


def _alive(context: Context, need: Need, source: Source, subject: Subject, of: str) -> Need:
    """That there is something of the subject: above 0."""
    return replace(
        need,
        title=f"{source.raw} > 0 of {of}",
        raw=source.raw,
        selectors=raw_selectors(source, subject, context.stack),
        recorded=source.recorded,
        counter=source.counter,
        alive=True,
    )


def _of_address(context: Context, need: Need, source: Source, address: str) -> Need:
    of_any = raw_selectors(source, Subject("pool"), context.stack, {"job": need.job, "instance": address})
    return replace(need, title=f"{source.raw} of {address}", selectors=of_any, instance=address)


def _addresses(context: Context) -> tuple[str, ...]:
    """Instances of the target's own metrics: those that were scraped and those that should have been."""
    target = context.plan.target
    if not (target.metrics or target.reference):
        return ()
    scraped = {s.labels.get("instance", "") for s in context.series(names.UP, job=names.JOB_TARGET)} - {""}
    configured = {_address(url) for url in target.metrics}
    # Whoever runs a Prometheus of his own may name its instances as he likes.
    if context.plan.prometheus is None and len(scraped) < len(configured):
        scraped |= configured
    return tuple(sorted(scraped))


def _address(url: str) -> str:
    """host:port, as the scrape configuration writes it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
