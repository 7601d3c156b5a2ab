"""The objectives a plan may name: what each means, its unit and how its limit is written. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from exporters.metric_names import SUBJECT_ALL
from harness.units import format_value, parse_bytes, parse_cores, parse_duration, parse_rate, parse_ratio

Family = Literal["latency", "ratio", "growth", "level", "count", "throughput", "stress"]
Operator = Literal["<=", ">="]


@dataclass(frozen=True)
class ObjectiveSpec:
    """What is known of an objective before a plan gives it a limit.

    Attributes:
        family: which rule judges it: latency (share within the limit), ratio (errors), growth (trend over the horizon),
            level (a gauge's limit), count (events in the window), throughput (a floor), stress (later plans).
        quantile: for the latency family, the share of requests that must be within the limit.
    """

    name: str
    signal: str
    unit: str
    family: Family
    op: Operator = "<="
    quantile: float | None = None


def _count(text: str | int | float) -> float:
    value = float(text)
    if isinstance(text, bool) or not 0 <= value < 1e15 or value != int(value):
        raise ValueError(f"{text!r} is not a whole number of events")
    return value


_PARSERS: dict[str, Callable[[str | int | float], float]] = {
    "seconds": parse_duration,
    "ratio": parse_ratio,
    "bytes": parse_bytes,
    "rps": parse_rate,
    "cores": parse_cores,
    "count": _count,
}

# A number without a unit that is so large in the base unit was most likely meant in another: 5 or 5.0 as 5 %, 800 as
# 800 ms. Read as written, such a limit is one that no run can break. (Of seconds whole numbers only: 12.5 was meant.)
_MEANT = {
    "ratio": (1.0, "%", r"\d+(?:\.\d{1,2})?"),
    "seconds": (10.0, "ms", r"\d+"),
    "cores": (10.0, "%", r"\d+"),
    "redis_ping_p99": (1.0, "ms", r"\d+"),  # by its name: nobody waits whole seconds for a ping
}

SPECS: dict[str, ObjectiveSpec] = {
    spec.name: spec
    for spec in (
        ObjectiveSpec("latency_p50", "latency", "seconds", "latency", quantile=0.50),
        ObjectiveSpec("latency_p95", "latency", "seconds", "latency", quantile=0.95),
        ObjectiveSpec("latency_p99", "latency", "seconds", "latency", quantile=0.99),
        ObjectiveSpec("error_ratio", "errors", "ratio", "ratio"),
        ObjectiveSpec("throughput", "throughput", "rps", "throughput", op=">="),
        ObjectiveSpec("memory_growth", "memory", "ratio", "growth"),
        ObjectiveSpec("fd_growth", "fds", "ratio", "growth"),
        ObjectiveSpec("thread_growth", "threads", "ratio", "growth"),
        ObjectiveSpec("connection_growth", "db_pool", "ratio", "growth"),
        ObjectiveSpec("latency_growth", "latency", "ratio", "growth"),
        ObjectiveSpec("cpu_growth", "cpu", "ratio", "growth"),
        ObjectiveSpec("disk_growth", "disk", "ratio", "growth"),
        ObjectiveSpec("memory_limit", "memory", "bytes", "level"),
        ObjectiveSpec("cpu", "cpu", "cores", "level"),
        ObjectiveSpec("db_pool_use", "db_pool", "ratio", "level"),
        ObjectiveSpec("db_pool_waiting", "db_pool", "count", "level"),
        ObjectiveSpec("redis_ping_p99", "redis", "seconds", "level"),
        ObjectiveSpec("restarts", "restarts", "count", "count"),
        ObjectiveSpec("capacity", "throughput", "rps", "stress", op=">="),
        ObjectiveSpec("recovery", "latency", "seconds", "stress"),
    )
}

# An endpoint has its own latency and errors; the other signals belong to the whole run.
ENDPOINT_OBJECTIVES = frozenset(n for n, s in SPECS.items() if s.family in ("latency", "ratio", "throughput"))

# What every plan inherits unless it says `NAME: off` (DESIGN: plan). db_pool_waiting: judged where a pool is measured.
INHERITED = {"restarts": 0.0, "error_ratio": 0.01, "db_pool_waiting": 0.0}


@dataclass(frozen=True)
class Objective:
    """One objective with its limit, in base units; ``method`` and ``endpoint`` are empty for the whole run.

    Attributes:
        measured_in: the unit of this limit where an objective may have several (capacity: users or rps).
    """

    name: str
    limit: float
    op: Operator
    method: str = ""
    endpoint: str = ""
    inherited: bool = False
    measured_in: str = ""

    @property
    def spec(self) -> ObjectiveSpec:
        return SPECS[self.name]

    @property
    def unit(self) -> str:
        """Of ``limit`` and of what is measured against it."""
        return self.measured_in or self.spec.unit

    @property
    def subject(self) -> str:
        """ "all", or the endpoint as the plan writes it ("POST /login")."""
        return f"{self.method} {self.endpoint}" if self.endpoint else SUBJECT_ALL


_USERS = re.compile(r"(?:>=?\s*)?([0-9][0-9_ ]*)\s*users?", re.ASCII)


def parse_users(name: str, text: str | int | float) -> float | None:
    """The limit of ``capacity: ">= 500 users"``; None where it is not one in users. Raises ValueError for 0 of them."""
    match = _USERS.fullmatch(text.strip()) if name == "capacity" and isinstance(text, str) else None
    if match is None:
        return None
    users = float(re.sub(r"[_ ]", "", match[1]))
    if users <= 0:
        raise ValueError(f"{name}: every service holds no user; the floor must be above zero")
    return users


def parse_limit(spec: ObjectiveSpec, text: str | int | float) -> tuple[float, Operator]:
    """A limit as the plan writes it: "800ms", "1%", ">= 100 rps"; an operator may stand before it.

    Raises:
        ValueError: not a limit of this objective, with what to write instead.
    """
    op: Operator = spec.op
    if isinstance(text, bool) or text is None:
        raise ValueError(f"{spec.name}: {text!r} is not a limit; write `off` to leave this objective out")
    if isinstance(text, str):
        match = re.match(r"\s*(<=|>=|<|>)\s*(.*)", text)
        if match:
            wanted = match[1].rstrip("=") + "="
            if wanted != spec.op:
                raise ValueError(f"{spec.name} is a limit of the form {spec.op!r}, not {match[1]!r}")
            text = match[2]
    try:
        value = _PARSERS[spec.unit](text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{spec.name}: {error}") from None
    least, unit, bare = _MEANT.get(spec.name, _MEANT.get(spec.unit, (math.inf, "", "")))
    if value >= least and re.fullmatch(bare, str(text).strip()):
        number, said = f"{value:g}", format_value(value, spec.unit)
        meant = f"write {number}{unit}, or {said} if you mean it"
        raise ValueError(f"{spec.name}: {number} without a unit is {said}; {meant}")
    if spec.family == "latency" and value <= 0:
        raise ValueError(f"{spec.name}: a latency limit must be above zero")
    if spec.family == "ratio" and value >= 1:
        raise ValueError(f"{spec.name}: no run can have more than 100 % errors; the limit must be below 100%")
    if spec.name == "db_pool_use" and value >= 1:
        raise ValueError(f"{spec.name}: no pool can be used by more than 100 %; the limit must be below 100%")
    if spec.family == "stress" and value <= 0:
        raise ValueError(f"{spec.name}: the limit must be above zero")
    if spec.family == "throughput" and value <= 0:
        raise ValueError(f"{spec.name}: a run without any request reaches {text}; the floor must be above zero")
    return value, op
