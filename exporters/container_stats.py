"""What Docker's ``/containers/ID/stats`` and ``/containers/ID/json`` say, as cAdvisor computes it. Pure.

Formats: https://docs.docker.com/reference/api/engine/ (ContainerStats, ContainerInspect). cgroup v1 names the inactive
page cache ``total_inactive_file``, v2 ``inactive_file``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_NANO = 1e-9


@dataclass(frozen=True)
class ContainerUse:
    """Sizes in bytes, times in seconds. None: the engine did not say.

    Attributes:
        working_set: memory in use less the inactive page cache, which the kernel takes back before it kills.
        throttled: seconds in which the container was held back by its CPU quota.
    """

    working_set: int | None
    cpu: float | None
    periods: int | None
    throttled_periods: int | None
    throttled: float | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What should have been there, in words."""
        parts = {"memory": self.working_set, "CPU": self.cpu, "throttling": self.periods}
        return tuple(part for part, value in parts.items() if value is None)


@dataclass(frozen=True)
class ContainerState:
    """``status``: running, exited, ...; ``started``: unix seconds; ``limit``: bytes, 0 is no limit (as cAdvisor)."""

    identity: str
    status: str
    running: bool
    exit_code: int
    started: float | None
    limit: int


def use_of(stats: Mapping[str, Any]) -> ContainerUse:
    """One document of ``/stats``. A container that has just ended yields empty parts: they are None, never 0."""
    cpu = _part(stats, "cpu_stats")
    throttling = _part(cpu, "throttling_data")
    total = _part(cpu, "cpu_usage").get("total_usage")
    throttled = throttling.get("throttled_time")
    # An engine that could not read the cgroup leaves zeros: a container that runs has used CPU.
    counted = isinstance(total, int) and total > 0
    return ContainerUse(
        working_set=_working_set(_part(stats, "memory_stats")),
        cpu=total * _NANO if counted and total is not None else None,
        periods=throttling.get("periods") if counted else None,
        throttled_periods=throttling.get("throttled_periods") if counted else None,
        throttled=throttled * _NANO if counted and throttled is not None else None,
    )


def state_of(inspected: Mapping[str, Any]) -> ContainerState:
    """One document of ``/json``. Raises KeyError for what is no such document."""
    state = inspected["State"]
    # The limit that /stats reports is the machine's memory where none is set; the configured one is 0 then.
    limit = int(_part(inspected, "HostConfig").get("Memory") or 0)
    return ContainerState(
        identity=inspected["Id"],
        status=state["Status"],
        running=bool(state["Running"]),
        exit_code=int(state.get("ExitCode") or 0),
        started=_unix(state.get("StartedAt")),
        limit=max(0, limit),
    )


def _working_set(memory: Mapping[str, Any]) -> int | None:
    usage, details = memory.get("usage"), _part(memory, "stats")
    inactive = details.get("total_inactive_file", details.get("inactive_file"))
    if not isinstance(usage, int) or not isinstance(inactive, int):
        return None
    return max(0, usage - inactive)


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = document.get(key)
    return part if isinstance(part, Mapping) else {}


def _unix(text: str | None) -> float | None:
    """RFC 3339 with nanoseconds to unix seconds; Docker's zero time (year 1) is None: never started."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).timestamp()
