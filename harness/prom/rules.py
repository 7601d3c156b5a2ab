"""Prometheus rule files as frozen types, and the order in which recording rules can be evaluated. Pure but for files.

Strict: an unknown key is an error that names file, group and rule, because a rule that is misread judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import HarnessError
from harness.prom.promql import names_read

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_DURATION_UNITS = (365 * 86400.0, 7 * 86400.0, 86400.0, 3600.0, 60.0, 1.0, 0.001)


@dataclass(frozen=True)
class RecordingRule:
    """One recording rule; ``group`` and ``file`` say where it stands, ``interval`` is the group's own, or None."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    interval: float | None = None
    file: str = ""


@dataclass(frozen=True)
class AlertRule:
    """One alert rule. ``for_seconds``: how long its expression must hold; ``interval``: the group's own, or None."""

    name: str
    expr: str
    for_seconds: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    interval: float | None = None
    file: str = ""


@dataclass(frozen=True)
class RuleSet:
    """All rules of some files, in file order."""

    recording: tuple[RecordingRule, ...] = ()
    alerts: tuple[AlertRule, ...] = ()

    @property
    def recorded_names(self) -> frozenset[str]:
        return frozenset(rule.name for rule in self.recording)


def load_rules(folder: Path) -> RuleSet:
    """Every *.yml and *.yaml of a folder, in name order.

    Raises:
        HarnessError: no rule file there, or one that cannot be read or is no valid rule file.
    """
    files = sorted(p for pattern in ("*.yml", "*.yaml") for p in folder.glob(pattern))
    if not files:
        raise HarnessError(f"there are no rule files (*.yml) in {folder}", remedy="reinstall the harness")
    recording: list[RecordingRule] = []
    alerts: list[AlertRule] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HarnessError(f"the rule file {path} cannot be read: {error}") from error
        rules = parse_rules(text, path.name)
        recording.extend(rules.recording)
        alerts.extend(rules.alerts)
    return RuleSet(tuple(recording), tuple(alerts))


def parse_rules(text: str, file: str) -> RuleSet:
    """The rules of one file's text. Raises HarnessError that names file, group and rule."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise HarnessError(f"{file} is not valid YAML: {error}") from error
    top = _mapping(document, file, {"groups"})
    recording: list[RecordingRule] = []
    alerts: list[AlertRule] = []
    for group in _list(top.get("groups"), f"{file}: groups"):
        entry = _mapping(group, f"{file}: group", {"name", "interval", "limit", "rules"})
        name = _text(entry.get("name"), f"{file}: a group's name")
        where = f"{file}: group {name}"
        interval = parse_prometheus_duration(entry["interval"], where) if "interval" in entry else None
        for number, rule in enumerate(_list(entry.get("rules"), f"{where}: rules"), 1):
            if isinstance(rule, dict) and "alert" in rule:
                alerts.append(_alert(rule, where, name, interval, file))
            elif isinstance(rule, dict) and "record" in rule:
                recording.append(_record(rule, where, name, interval, file))
            else:
                raise HarnessError(f"{where}: rule {number} has neither 'record' nor 'alert'")
    return RuleSet(tuple(recording), tuple(alerts))


def depths(rules: Sequence[RecordingRule]) -> list[list[RecordingRule]]:
    """Recording rules by dependency: those of one depth read only raw series and names recorded at smaller depths.

    A name that several rules record is complete only when all of them are, so they all count as its inputs.

    Raises:
        HarnessError: rules that read each other in a circle.
    """
    known = {rule.name for rule in rules}
    reads: dict[str, set[str]] = {name: set() for name in known}
    for rule in rules:
        reads[rule.name] |= names_read(rule.expr, known)
    level: dict[str, int] = {}
    while len(level) < len(known):
        ready = [name for name in known - level.keys() if reads[name] <= level.keys()]
        if not ready:
            circle = ", ".join(sorted(known - level.keys()))
            raise HarnessError(f"recording rules read each other in a circle: {circle}")
        level.update(dict.fromkeys(ready, max(level.values(), default=-1) + 1))
    return [[r for r in rules if level[r.name] == d] for d in range(max(level.values(), default=-1) + 1)]


def with_inputs(names: Iterable[str], rules: Sequence[RecordingRule]) -> frozenset[str]:
    """Those recorded names and, transitively, every recorded name they read."""
    known = {rule.name for rule in rules}
    wanted: set[str] = set()
    pending = [name for name in names if name in known]
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += [n for rule in rules if rule.name == name for n in names_read(rule.expr, known)]
    return frozenset(wanted)


def parse_prometheus_duration(value: Any, where: str) -> float:
    """Seconds of Prometheus' own notation ("1h30m", "250ms", "0"). Raises HarnessError otherwise."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if match is None or not text:
        raise HarnessError(f"{where}: {value!r} is not a duration; write for example 30s or 5m")
    return sum(float(n) * unit for n, unit in zip(match.groups(), _DURATION_UNITS, strict=True) if n)


def _record(rule: dict[str, Any], where: str, group: str, interval: float | None, file: str) -> RecordingRule:
    where = f"{where}: record {rule.get('record')}"
    _mapping(rule, where, {"record", "expr", "labels"})
    name = _text(rule["record"], where)
    if not _METRIC.fullmatch(name):
        raise HarnessError(f"{where}: not a metric name")
    expr = _text(rule.get("expr"), f"{where}: expr")
    return RecordingRule(name, expr, _labels(rule, "labels", where), group, interval, file)


def _alert(rule: dict[str, Any], where: str, group: str, interval: float | None, file: str) -> AlertRule:
    where = f"{where}: alert {rule.get('alert')}"
    _mapping(rule, where, {"alert", "expr", "for", "labels", "annotations"})
    return AlertRule(
        name=_text(rule["alert"], where),
        expr=_text(rule.get("expr"), f"{where}: expr"),
        for_seconds=parse_prometheus_duration(rule.get("for", "0s"), f"{where}: for"),
        labels=_labels(rule, "labels", where),
        annotations=_labels(rule, "annotations", where),
        group=group,
        interval=interval,
        file=file,
    )


def _mapping(value: Any, where: str, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HarnessError(f"{where}: must be a mapping")
    unknown = sorted(str(key) for key in value if key not in allowed)
    if unknown:
        raise HarnessError(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(sorted(allowed))}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise HarnessError(f"{where}: must be a list")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise HarnessError(f"{where}: must be a text that is not empty")
    return value


def _labels(rule: dict[str, Any], key: str, where: str) -> dict[str, str]:
    value = rule.get(key, {})
    if not isinstance(value, dict):
        raise HarnessError(f"{where}: {key} must be a mapping")
    for name, text in value.items():
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or not isinstance(text, str):
            raise HarnessError(f"{where}: {key}: {name!r} must be a label name with a text; quote numbers")
    return dict(value)
