"""Which series an objective is judged on, whose they are, and which scrape should have delivered them. Pure tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exporters import metric_names as names
from exporters.metric_names import Recorded
from harness.plan.model import Plan
from harness.prom.series import Series

Owner = Literal["load", "process", "container", "pool", "database", "redis"]


@dataclass(frozen=True)
class Source:
    """A recorded name, whose it is, and the raw metric behind it (for coverage).

    Attributes:
        instead: raw metric of another exporter that the recording rules take in its place.
        counter: read through a rate, so that a short hole is bridged.
        smallest: growth over the horizon that is nothing, in the unit of the series (growth family).
        median: windows of the growth test stand for their median, not their floor (what is no stock has no floor).
    """

    owner: Owner
    recorded: str
    raw: str
    counter: bool = False
    instead: str = ""
    smallest: float = 0.0
    median: bool = False


MIB = 2.0**20
_REQUESTS_RAW = names.REQUEST_DURATION + "_count"

SOURCES: Mapping[str, tuple[Source, ...]] = {
    "memory_growth": (
        Source("process", Recorded.MEMORY, names.PROC_MEMORY, smallest=MIB),
        Source("container", Recorded.MEMORY, names.CONTAINER_WORKING_SET, smallest=MIB),
    ),
    "memory_limit": (
        Source("process", Recorded.MEMORY, names.PROC_MEMORY),
        Source("container", Recorded.MEMORY, names.CONTAINER_WORKING_SET),
    ),
    # One descriptor, thread or connection more in a whole horizon is no leak.
    "fd_growth": (Source("process", Recorded.FDS, names.PROC_FDS, smallest=1.0),),
    "thread_growth": (Source("process", Recorded.THREADS, names.PROC_THREADS, smallest=1.0),),
    "connection_growth": (
        Source("pool", Recorded.POOL_IN_USE, names.POOL_CONNECTIONS, smallest=1.0),
        Source("database", Recorded.DB_CONNECTIONS, names.PG_ACTIVITY, smallest=1.0),
    ),
    "latency_growth": (Source("load", Recorded.LATENCY_P95, _REQUESTS_RAW, counter=True, smallest=1e-3, median=True),),
    "cpu_growth": (
        Source("process", Recorded.CPU_PER_REQUEST, names.PROC_CPU, counter=True, smallest=1e-4, median=True),
        Source("container", Recorded.CPU_PER_REQUEST, names.CONTAINER_CPU, counter=True, smallest=1e-4, median=True),
    ),
    "disk_growth": (Source("database", Recorded.DB_SIZE, names.PG_DATABASE_SIZE, smallest=MIB),),
    "cpu": (
        Source("process", Recorded.CPU, names.PROC_CPU, counter=True),
        Source("container", Recorded.CPU, names.CONTAINER_CPU, counter=True),
    ),
    "db_pool_use": (Source("pool", Recorded.POOL_USE, names.POOL_CONNECTIONS),),
    "db_pool_waiting": (Source("pool", Recorded.POOL_WAITING, names.POOL_WAITING),),
    "redis_ping_p99": (Source("redis", Recorded.REDIS_PING_P99, names.REDIS_PING + "_count", counter=True),),
    "restarts": (
        Source("process", Recorded.STARTS, names.PROC_STARTS, instead=names.PROC_OLDEST_START),
        Source("container", Recorded.STARTS, names.CONTAINER_START),
    ),
    "latency": (Source("load", Recorded.REQUESTS, _REQUESTS_RAW, counter=True),),
    # Every kind of error of a name is exported at 0 from its first request on: without it nobody counted errors.
    "error_ratio": (
        Source("load", Recorded.REQUESTS, _REQUESTS_RAW, counter=True),
        Source("load", Recorded.ERRORS, names.REQUEST_ERRORS, counter=True),
    ),
    "throughput": (Source("load", Recorded.REQUESTS, _REQUESTS_RAW, counter=True),),
}

JOBS: Mapping[Owner, str] = {
    "load": names.JOB_LOAD,
    "process": names.JOB_SIDECAR,
    "container": names.JOB_SIDECAR,
    "pool": names.JOB_TARGET,
    "database": names.JOB_SIDECAR,
    "redis": names.JOB_SIDECAR,
}


@dataclass(frozen=True)
class Subject:
    """One thing that is judged: a process group, a container, a pool ...; ``name`` is empty for the load."""

    owner: Owner
    name: str = ""

    @property
    def text(self) -> str:
        """As objectives name it: "all", "process:web"."""
        return f"{self.owner}:{self.name}" if self.name else names.SUBJECT_ALL

    @property
    def labels(self) -> dict[str, str]:
        """Labels that select it among a recorded name's series."""
        if self.owner in ("process", "container"):
            return {"kind": self.owner, "subject": self.name}
        return {self.owner: self.name} if self.name else {}

    @property
    def collector(self) -> str:
        """The sidecar's collector that reads it; empty when another job delivers it."""
        return self.text if JOBS[self.owner] == names.JOB_SIDECAR else ""


def sources_of(objective: str) -> tuple[Source, ...]:
    """Sources of an objective; none for those of later plans (capacity, recovery)."""
    return SOURCES.get("latency" if objective.startswith("latency_p") else objective, ())


def planned(plan: Plan, owner: Owner) -> tuple[Subject, ...]:
    """The subjects that the plan names; pools have no name in a plan."""
    found: dict[Owner, tuple[str, ...]] = {
        "process": tuple(p.name for p in plan.target.processes),
        "container": plan.target.containers,
        "database": tuple(d.name for d in plan.target.databases),
        "redis": tuple(r.name for r in plan.target.redis),
        "pool": (),
        "load": ("",),
    }
    return tuple(Subject(owner, name) for name in found[owner])


def seen(series: list[Series], owner: Owner) -> tuple[Subject, ...]:
    """The subjects that a recorded name's series have, in order of their names."""
    if owner in ("process", "container"):
        found = {s.labels.get("subject", "") for s in series if s.labels.get("kind") == owner}
    else:
        found = {s.labels.get(owner, "") for s in series}
    return tuple(Subject(owner, name) for name in sorted(found) if name)


# The recorded names of an endpoint, in place of those of the whole run.
OF_ENDPOINT: Mapping[str, str] = {
    Recorded.REQUESTS: Recorded.ENDPOINT_REQUESTS,
    Recorded.ERRORS: Recorded.ENDPOINT_ERRORS,
}


def raw_selectors(
    source: Source, subject: Subject, stack: str, matching: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Selectors of the raw samples behind a subject, ours and those of the standard exporters.

    Args:
        matching: further labels, for example an endpoint's.
    """
    stacked = ",".join(f'{label}="{_quoted(value)}"' for label, value in {"harness": stack, **(matching or {})}.items())
    name = _quoted(subject.name)
    if not name:
        matchers = [""]
    elif subject.owner == "process":
        matchers = [f'groupname="{name}"']
    elif subject.owner == "container":
        matchers = [f'name="{name}"', f'container="{name}"']
    elif subject.owner in ("database", "redis"):
        # A foreign exporter has no such label: the recording rules put its instance there.
        matchers = [f'{subject.owner}="{name}"', f'{subject.owner}="",instance="{name}"']
    elif subject.owner == "pool":
        matchers = [f'pool="{name}"']
    else:
        matchers = [""]
    metrics = [source.raw, source.instead] if source.instead else [source.raw]
    return tuple(f"{metric}{{{stacked}{',' + m if m else ''}}}" for metric in metrics for m in matchers)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
