"""Which runbook page helps with a finding that no alert made. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.judge.alerts import runbook
from harness.judge.context import AlertDefinition
from harness.judge.verdict import Finding, Outcome
from harness.plan.objectives import SPECS
from harness.prom.promql import mentioned_names, names_read


def with_runbook(finding: Finding, alerts: Sequence[AlertDefinition]) -> Finding:
    """The finding with the page of the alert that tells the same; as it was where there is none or it has one."""
    if finding.runbook:
        return finding
    found = next(iter(_candidates(finding, alerts)), None)
    return replace(finding, runbook=runbook(found.annotations)) if found else finding


def _candidates(finding: Finding, alerts: Sequence[AlertDefinition]) -> list[AlertDefinition]:
    """The most telling first."""
    spec = SPECS.get(finding.objective)
    signal = spec.signal if spec else finding.signal
    alike = [a for a in alerts if a.labels.get("signal") == signal]
    if finding.check == "coverage" or (finding.outcome is Outcome.INCONCLUSIVE and finding.value is None and spec):
        missing = [a for a in alike if a.name.endswith("DataMissing")]
        return missing or [a for a in alerts if a.name == "ScrapeTargetsMissing"]
    if spec is not None and spec.family == "growth":
        return [a for a in alike if a.name.endswith("Growing")]
    if spec is not None:
        watching = [a for a in alerts if a.labels.get("objective") == finding.objective]
        # Abort alerts tell of the extreme; the others of what an objective is about.
        return sorted(watching, key=lambda a: a.labels.get("abort") == "true")
    names = {name for name in mentioned_names(finding.query) if "_" in name}
    return [a for a in alike if names and names_read(a.expr, names)]
