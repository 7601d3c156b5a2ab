"""A plan as YAML that ``load_plan`` reads to an equal plan: a run's ``plan.yml``, and what reports show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from harness.plan.environment import escape
from harness.plan.model import Plan
from harness.plan.objectives import Objective, parse_limit
from harness.plan.secrets import MASK, mask_hook, mask_url
from harness.units import format_bytes, format_duration, format_value, parse_duration

# Keys whose value is a length of time, in seconds in the model.
_DURATIONS = frozenset(
    {
        *("duration", "warmup", "timeout", "scrape_interval", "horizon", "at", "period", "least_window"),
        *("settle", "hold", "confirm", "back_off", "ramp", "longest"),
    }
)

_EMPTY_BY_DEFAULT = frozenset(
    {"headers", "metrics", "processes", "containers", "databases", "redis", "user_classes", "set_aside", "queries"}
)


def dump_plan(plan: Plan, *, mask: bool) -> str:
    """YAML of the plan as resolved.

    Args:
        mask: replace secrets by ``***``: passwords and tokens in URLs, and all header values. What is masked is lost:
            the file can be judged again, but not run as it is.
    """
    data = _without_empty(plan.model_dump(exclude_none=True, exclude={"objectives", "objectives_off"}))
    if mask:
        data = _masked(data)
    body = _written(data)
    body["objectives"] = _objectives(plan)
    inherited = [f"# inherited: {o.name}: {_limit(o)}" for o in plan.objectives if o.inherited]
    text = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text + "".join(f"{line}\n" for line in inherited)


class _Dumper(yaml.SafeDumper):
    """Without aliases: a person reads this."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """Defaults are written out, since a later version may have others; only what is empty by default stays away."""
    return {
        key: _without_empty(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if key not in _EMPTY_BY_DEFAULT or value
    }


def _masked(data: dict[str, Any]) -> dict[str, Any]:
    def walk(value: Any, key: str) -> Any:
        if isinstance(value, Mapping):
            if key == "headers":
                return dict.fromkeys(value, MASK)
            return {k: walk(v, str(k)) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [walk(item, key) for item in value]
        if key == "webhook":
            return mask_hook(value)
        return mask_url(value) if isinstance(value, str) else value

    masked: dict[str, Any] = walk(data, "")
    return masked


def _written(value: Any, key: str = "") -> Any:
    """Plain YAML values: durations as people write them, texts with ``${`` escaped."""
    if isinstance(value, Mapping):
        return {k: _written(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, key) for item in value]
    if isinstance(value, float) and key in _DURATIONS:
        return _duration(value)
    return escape(value) if isinstance(value, str) else value


def _duration(seconds: float) -> str | float:
    text = format_duration(seconds)
    try:
        return text if parse_duration(text) == seconds else seconds
    except ValueError:  # a length too small to be written with a unit
        return seconds


def _objectives(plan: Plan) -> dict[str, Any]:
    section: dict[str, Any] = {}
    endpoints: dict[str, dict[str, Any]] = {}
    for objective in plan.objectives:
        if objective.inherited:
            continue
        place = endpoints.setdefault(objective.subject, {}) if objective.endpoint else section
        place[objective.name] = _limit(objective)
    for removed in plan.objectives_off:
        endpoint, _, name = removed.rpartition(" ")
        place = endpoints.setdefault(endpoint, {}) if endpoint else section
        place[name] = "off"
    if endpoints:
        section["endpoints"] = endpoints
    return section


def _limit(objective: Objective) -> str | float | int:
    """As a person writes it where that is exact, else the number in base units."""
    spec, limit = objective.spec, objective.limit
    if objective.measured_in:
        return f"{objective.op} {limit:.0f} {objective.measured_in}"
    text = format_bytes(limit) if spec.unit == "bytes" else format_value(limit, spec.unit)
    for candidate in (f">= {text}" if objective.op == ">=" else text, text):
        try:
            if parse_limit(spec, candidate) == (limit, objective.op):
                return int(limit) if spec.unit == "count" else candidate
        except ValueError:
            continue
    # A bare 1.15 is asked back for (parse_limit: 1.15 % is more likely meant), 1.150 is not.
    exact = f"{limit:.3f}"
    return exact if spec.unit == "ratio" and float(exact) == limit else limit
