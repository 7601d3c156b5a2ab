"""Whether two runs may be compared: the same load, really made, on the same class of machine. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.judge.regression_values import RunValues
from harness.plan.model import Plan
from harness.run.record import RunRecord
from harness.units import format_duration, parse_bytes

LOAD_TOLERANCE = 0.03  # DESIGN: achieved below 97 % of the intended load is another load
LENGTH_TOLERANCE = 0.10
MEMORY_TOLERANCE = 0.02
# Of ``versions`` in run.json: what makes a machine of another class, and what makes another load.
_MACHINE = {"cpu": "processor", "cpus": "number of cores", "memory": "memory"}
_UNKNOWN = ("", "unknown")


@dataclass(frozen=True)
class Ran:
    """One run as far as comparing goes."""

    record: RunRecord
    plan: Plan
    values: RunValues
    generator_fault: str = ""


def reasons(run: Ran, baseline: Ran) -> list[str]:
    """Why ``baseline`` cannot be compared with; empty when it can. Each names what differs."""
    return [
        *same_setting(run.record, run.plan, baseline.record, baseline.plan),
        *_loads(run, baseline),
        *([f"its load generator was the bottleneck: {baseline.generator_fault}"] if baseline.generator_fault else []),
        *([] if run.values.digest == baseline.values.digest else ["other queries were asked of it"]),
    ]


def same_setting(record: RunRecord, plan: Plan, old_record: RunRecord, old_plan: Plan) -> list[str]:
    """Why two runs were not the same work on the same class of machine, both to their end; empty when they were."""
    return [
        *_ending(record, "this run"),
        *_ending(old_record, "it"),
        *_plans(plan, old_plan),
        *_machines(record.versions, old_record.versions),
    ]


def _ending(record: RunRecord, who: str) -> list[str]:
    return [] if record.ended_by == "completed" else [f"{who} did not complete: {record.ended_by}"]


def _plans(one: Plan, other: Plan) -> list[str]:
    """Objectives and thresholds may differ; what is run may not. A locustfile counts by its content, see run.json."""
    found = []
    if one.kind != other.kind:
        found.append(f"another kind of plan: {other.kind}, not {one.kind}")
    # The stages of a capacity plan follow from where its search begins and how long it may last.
    aside = {"locustfile", "stages"} if one.capacity and other.capacity else {"locustfile"}
    first, second = (plan.load.model_dump(exclude=aside) for plan in (one, other))
    differing = [key for key in first if first[key] != second[key]]
    if differing:
        found.append(f"another load was planned: load.{', load.'.join(differing)} differ")
    if one.scrape_interval != other.scrape_interval:
        old, new = format_duration(other.scrape_interval), format_duration(one.scrape_interval)
        found.append(f"another scrape interval: {old}, not {new}")
    if one.latency_limits != other.latency_limits:
        found.append("other latency limits, so other histogram edges")
    return found


def _machines(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    found = []
    for key, words in {**_MACHINE, "locustfile": "locustfile"}.items():
        new, old = one.get(key, ""), other.get(key, "")
        if new in _UNKNOWN or old in _UNKNOWN:
            found.append(f"run.json does not tell the {words}")
        elif new != old and not (key == "memory" and _about_the_same(new, old)):
            found.append(f"another {words}: {old}, not {new}")
    return found


def _about_the_same(one: str, other: str) -> bool:
    """Of two sizes: what a kernel keeps for itself differs with its version."""
    try:
        sizes = sorted((parse_bytes(one), parse_bytes(other)))
    except ValueError:
        return False
    return sizes[1] - sizes[0] <= MEMORY_TOLERANCE * sizes[1]


def _loads(run: Ran, baseline: Ran) -> list[str]:
    new, old = run.values.load, baseline.values.load
    if not math.isfinite(new) or not math.isfinite(old) or min(new, old) <= 0:
        return ["the load that was achieved is not known"]
    if abs(new - old) > LOAD_TOLERANCE * old:
        return [f"another load was achieved: {old:.4g} in its mean, not {new:.4g}"]
    long, short = run.record, baseline.record
    if None in (long.steady_from, long.steady_to, short.steady_from, short.steady_to):
        return ["it has no steady state from its beginning to its end"]
    lengths = [float(r.steady_to or 0) - float(r.steady_from or 0) for r in (long, short)]
    if abs(lengths[0] - lengths[1]) > LENGTH_TOLERANCE * max(lengths):
        return [f"its steady state lasted {format_duration(lengths[1])}, not {format_duration(lengths[0])}"]
    return []
