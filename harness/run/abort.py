"""Whether the alerts that fire now end the run early (DESIGN: rules). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

# What broke, as every reason of an abort begins: nobody has to know the alerts to tell them apart.
TARGET, GENERATOR, TELEMETRY = "target broke", "generator broke", "telemetry lost"
_BROKEN = {"generator": GENERATOR, "telemetry": TELEMETRY}
_HIDDEN_LABELS = frozenset({"alertname", "severity", "verdict", "signal", "objective", "abort", "harness"})


@dataclass(frozen=True)
class FiringAlert:
    """One alert that fires on the live Prometheus."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    @property
    def subject(self) -> str:
        """The labels that tell one instance of the alert from another, as text; empty when there are none."""
        return ", ".join(f"{k}={v}" for k, v in sorted(self.labels.items()) if k not in _HIDDEN_LABELS)

    def describe(self) -> str:
        where = f" ({self.subject})" if self.subject else ""
        return f"{self.name}{where}" + (f": {self.summary}" if self.summary else "")


def abort_reason(alert: FiringAlert) -> str:
    """Why an alert ended the run, as ``run.json`` says it: what broke, then the alert.

    Every signal but the generator's and the telemetry's own is the target's.
    """
    return f"{_BROKEN.get(alert.labels.get('signal', ''), TARGET)}: alert {alert.describe()}"


def deciding_alert(alerts: Iterable[FiringAlert], abort_on: Collection[str], stack: str) -> FiringAlert | None:
    """The alert that ends the run, or None.

    ``abort_on`` holds severities and names. A severity picks the few rules made for it (label ``abort="true"``):
    growth, telemetry and generator alerts must not end a run by their severity alone. A name picks that alert
    whatever its labels: the plan asked for it. Alerts of another stack on the same Prometheus never end this run.
    """
    for alert in sorted(alerts, key=lambda a: (a.name, a.subject)):
        if alert.labels.get("harness", stack) != stack:
            continue
        by_severity = alert.labels.get("abort") == "true" and alert.severity in abort_on
        if by_severity or alert.name in abort_on:
            return alert
    return None
