"""The faults of the reference target: what exists, how each is written, and how much of it is due when. Pure.

A rate is meant for the whole application. It is dealt out in units (256 KiB of memory, one connection): unit k belongs
to the worker process in slot k modulo n, so that n workers together hold the exact rate. A ratio of requests holds in
each worker alike. ``target.fault_runtime`` applies what is due.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MEMORY_UNIT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Parameter:
    """One number of a fault. ``default`` None: it must be given. Bounds are inclusive."""

    default: float | None
    low: float = 0.0
    high: float = math.inf
    meaning: str = ""


_DELAY = Parameter(0.0, high=7 * 86400, meaning="seconds from switching on to the first effect")

FAULT_PARAMETERS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "memory_leak": {
            "mb_per_s": Parameter(None, high=1000, meaning="megabytes (1e6 bytes) per second, all workers together"),
            "delay": _DELAY,
        },
        "connection_leak": {
            "per_minute": Parameter(None, high=60_000, meaning="pool connections per minute, all workers together"),
            "delay": _DELAY,
        },
        "error_burst": {
            "ratio": Parameter(None, high=1.0, meaning="share of requests answered 500"),
            "delay": _DELAY,
            "seconds": Parameter(math.inf, high=math.inf, meaning="length of the burst; without it until switched off"),
        },
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


def units_due(elapsed: float, delay: float, per_second: float) -> int:
    """Whole units the application should have lost, ``elapsed`` seconds after the fault was switched on."""
    # The nudge keeps a product that is a whole number but for rounding (0.3 x 10) from losing a unit.
    return max(0, math.floor((elapsed - delay) * per_second + 1e-9))


def share_of(total: int, slot: int, slots: int) -> int:
    """How many of units 0..total-1 belong to ``slot``: those k with k % slots == slot."""
    if not 0 <= slot < slots:
        raise ValueError(f"slot {slot} is not one of {slots}")
    return (total - slot + slots - 1) // slots if total > slot else 0


def burst_on(elapsed: float, delay: float, seconds: float) -> bool:
    """Whether the error burst is on."""
    return delay <= elapsed < delay + seconds


def request_fails(count: int, ratio: float) -> bool:
    """Whether request number ``count`` (from 0) fails: evenly spread, any n requests in a row have ratio x n, +-1."""
    return math.floor((count + 1) * ratio + 1e-9) > math.floor(count * ratio + 1e-9)
