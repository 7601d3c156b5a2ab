"""The faults of the reference target: what exists and how each is written. Pure.

Every fault may be given at the start (MINGUS_FAULTS, ``harness run --fault``) or while Mingus runs (POST /faults).
Rates are of all workers together. ``target.fault_amounts`` says how much is due when, ``target.fault_effects`` does it,
``target.fault_runtime`` applies it in every worker. docs/faults.md tells what each must be judged as.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Parameter:
    """One number of a fault. ``default`` None: it must be given. Bounds are inclusive."""

    default: float | None
    low: float = 0.0
    high: float = math.inf
    meaning: str = ""


_LEAST_SECONDS = 0.05
_DELAY = Parameter(0.0, high=7 * 86400, meaning="seconds from switching on to the first effect")
_LENGTH = Parameter(math.inf, meaning="length of the effect in seconds; without it until switched off")
_MB_PER_S = Parameter(None, high=1000, meaning="megabytes (1e6 bytes) per second")
_PER_MINUTE = Parameter(None, high=60_000, meaning="how many per minute")


def _every(default: float | None = None, least: float = _LEAST_SECONDS) -> Parameter:
    return Parameter(default, low=least, high=86400, meaning="seconds from one to the next")


def _parameters(**own: Parameter) -> Mapping[str, Parameter]:
    return MappingProxyType({**own, "delay": _DELAY})


def _lasting(**own: Parameter) -> Mapping[str, Parameter]:
    return MappingProxyType({**own, "delay": _DELAY, "seconds": _LENGTH})


FAULT_PARAMETERS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        # memory
        "memory_leak": _parameters(mb_per_s=_MB_PER_S),
        "memory_leak_lumps": _parameters(
            mb=Parameter(None, high=1000, meaning="megabytes of one lump"), every=_every()
        ),
        "memory_leak_requests": _parameters(kb=Parameter(None, high=10_000, meaning="kilobytes kept of each request")),
        "unbounded_cache": _parameters(kb=Parameter(None, high=1000, meaning="kilobytes of each request's entry")),
        "capped_cache": _parameters(mb_per_s=_MB_PER_S, cap_mb=Parameter(None, high=10_000, meaning="what it holds")),
        "gc_saw_tooth": _parameters(mb_per_s=_MB_PER_S, period=_every(least=1.0)),
        # process
        "fd_leak": _parameters(per_minute=_PER_MINUTE),
        "thread_leak": _parameters(per_minute=_PER_MINUTE),
        "crash_loop": _parameters(every=_every(least=1.0)),
        "worker_recycling": _parameters(
            requests=Parameter(None, low=10, high=1e9, meaning="requests after which a worker is replaced")
        ),
        # database
        "connection_leak": _parameters(per_minute=_PER_MINUTE),
        "long_transactions": _parameters(
            count=Parameter(1.0, low=1, high=1000, meaning="transactions open at any time"),
            hold=Parameter(math.inf, low=1.0, meaning="seconds each stays open"),
        ),
        "missing_index": _lasting(rows=Parameter(None, low=1, high=100_000, meaning="rows that each request adds")),
        "lock_contention": _lasting(ms=Parameter(None, high=5000, meaning="milliseconds each request holds the lock")),
        # redis
        "redis_busy": _lasting(
            ms=Parameter(None, low=1, high=4000, meaning="milliseconds of one command"), every=_every(1.0)
        ),
        "redis_evictions": _parameters(
            mb_per_s=_MB_PER_S, cap_mb=Parameter(None, low=2, high=10_000, meaning="maxmemory while it is on")
        ),
        # requests
        "cpu_creep": _lasting(
            ms_per_minute=Parameter(None, high=60_000, meaning="CPU milliseconds more for each request, per minute")
        ),
        "latency_creep": _lasting(
            ms_per_minute=Parameter(None, high=60_000, meaning="milliseconds more for each request, per minute")
        ),
        "slow_dashboard": _lasting(ms=Parameter(None, high=60_000, meaning="milliseconds that GET /dashboard waits")),
        "cpu_work": _lasting(ms=Parameter(None, high=60_000, meaning="CPU milliseconds more of each request")),
        "rare_wait": _lasting(
            requests=Parameter(None, low=1, high=1e9, meaning="one request of so many waits"),
            ms=Parameter(None, high=60_000, meaning="milliseconds that it waits"),
        ),
        "stall": _lasting(
            every=_every(30.0), pause=Parameter(2.0, high=60, meaning="seconds that nothing is answered")
        ),
        "error_burst": _lasting(ratio=Parameter(None, high=1.0, meaning="share of requests answered 500")),
    }
)


@dataclass(frozen=True)
class FaultSpec:
    """A fault with all its numbers, as ``name:key=value,key=value``."""

    name: str
    values: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, key: str) -> float:
        return self.values[key]

    def __str__(self) -> str:
        return self.name + ":" + ",".join(f"{key}={value!r}" for key, value in self.values.items())


def parse_fault(text: str, known: Mapping[str, Mapping[str, Parameter]] = FAULT_PARAMETERS) -> FaultSpec:
    """The fault that "memory_leak:mb_per_s=2,delay=30" means.

    Raises:
        ValueError: unknown fault or parameter, a value that is no number or out of bounds, one missing or given twice.
    """
    name, _, rest = text.strip().partition(":")
    parameters = known.get(name)
    if parameters is None:
        raise ValueError(f"unknown fault {name!r}; known: {', '.join(known)}")
    given: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        key, separator, raw = (piece.strip() for piece in part.partition("="))
        if key not in parameters or not separator:
            raise ValueError(f"fault {name}: {part!r} is not one of {', '.join(f'{p}=NUMBER' for p in parameters)}")
        if key in given:
            raise ValueError(f"fault {name}: {key} is given twice")
        given[key] = _number(name, key, raw, parameters[key])
    return FaultSpec(name, MappingProxyType(_complete(name, given, parameters)))


def _number(name: str, key: str, raw: str, parameter: Parameter) -> float:
    try:
        value = float(raw)
    except ValueError:
        raise ValueError(f"fault {name}: {key}={raw!r} is not a number") from None
    if not parameter.low <= value <= parameter.high:  # NaN is not within any bounds
        raise ValueError(f"fault {name}: {key}={raw} is not within {parameter.low:g} to {parameter.high:g}")
    return value


def _complete(name: str, given: Mapping[str, float], parameters: Mapping[str, Parameter]) -> dict[str, float]:
    complete = {}
    for key, parameter in parameters.items():
        value = given.get(key, parameter.default)
        if value is None:
            raise ValueError(f"fault {name} needs {key}=NUMBER ({parameter.meaning})")
        complete[key] = value
    return complete


def parse_faults(text: str, known: Mapping[str, Mapping[str, Parameter]] = FAULT_PARAMETERS) -> list[FaultSpec]:
    """The faults of "a:x=1;b:y=2"; an empty text is none.

    Raises:
        ValueError: as parse_fault, or when a fault is named twice.
    """
    specs = [parse_fault(part, known) for part in text.split(";") if part.strip()]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"fault {name} is given twice")
    return specs
