"""A finding and an objective's result in words, the same in every format. Pure."""

from __future__ import annotations

import math
import re

from harness.judge.verdict import Finding, ObjectiveResult, Outcome
from harness.report.text import clean
from harness.units import format_value

WHOLE_RUN = "whole run"


def in_order_of_onset(findings: tuple[Finding, ...]) -> list[Finding]:
    """Earliest first; those about the whole window last, the worst of them leading. Stable."""
    return sorted(findings, key=lambda f: (moment_or_never(f), -f.outcome))


def subject_text(finding: Finding) -> str:
    """ "process web", "POST /login", "pool main", or further labels as name=value."""
    labels = {k: v for k, v in finding.subject.items() if v and k not in ("__name__", "harness")}
    parts: list[str] = []
    if "subject" in labels:
        parts.append(" ".join(filter(None, (labels.pop("kind", ""), labels.pop("subject")))))
    if "name" in labels:
        parts.append(" ".join(filter(None, (labels.pop("method", ""), labels.pop("name")))))
    named = [label for label in ("pool", "database", "redis", "collector", "instance", "job") if label in labels]
    parts += [f"{label} {labels.pop(label)}" for label in named]
    parts += [f"{name}={value}" for name, value in sorted(labels.items())]
    return clean(", ".join(parts))


def measured_text(finding: Finding) -> str:
    """ "812ms (limit 800ms)"; empty when the finding has no number."""
    if finding.value is None and finding.limit is None:
        return ""
    value = value_text(finding.value, finding.limit, finding.unit, finding.outcome)
    return value if finding.limit is None else f"{value} (limit {format_value(finding.limit, finding.unit)})"


def value_text(value: float | None, limit: float | None, unit: str, outcome: Outcome) -> str:
    """The value; where so many requests failed that a broken quantile has none, that it is above its limit."""
    if value is None and limit is not None and unit == "seconds" and outcome is Outcome.FAIL:
        return f"> {format_value(limit, unit)}"
    return format_value(value, unit)


def limit_text(result: ObjectiveResult) -> str:
    return "none" if result.limit is None else f"{result.op} {format_value(result.limit, result.unit)}"


def result_subject(result: ObjectiveResult) -> str:
    """ "process:web" of the file is "process web" to a reader, as in findings."""
    if result.subject in ("all", ""):
        return WHOLE_RUN
    return re.sub(r"^(process|container|pool|database|redis|worker):", r"\1 ", result.subject)


def moment_of(finding: Finding) -> float | None:
    """Unix seconds of its onset, else of when it was first seen; None when it is about the whole window."""
    moment = moment_or_never(finding)
    return moment if math.isfinite(moment) else None


def moment_or_never(finding: Finding) -> float:
    """As ``moment_of``; infinity when it is about the whole window."""
    moved = finding.onset if finding.onset is not None else finding.first_seen
    return moved if moved is not None and math.isfinite(moved) else math.inf
