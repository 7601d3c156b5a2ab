"""The limit of a finding as a line, where no panel has one. Pure."""

from __future__ import annotations

import numpy as np

from harness.judge.verdict import Finding
from harness.plan.model import Plan
from harness.plan.objectives import SPECS
from harness.prom.series import FloatArray
from harness.report.fetch import Span
from harness.report.plots import Line
from harness.report.sampling import Buckets, Sampled
from harness.report.stretches import inside
from harness.units import format_duration, format_value

ENOUGH = 0.95  # of the expected samples (DESIGN: coverage)
EARLY_SHARE = 0.05  # of the judged window: where growth is measured from


def growth_allowed(finding: Finding, data: Sampled, plan: Plan, span: Span) -> list[Line]:
    """The fastest growth that a growth objective allows, from where the judged window begins."""
    spec = SPECS.get(finding.objective)
    if spec is None or spec.family != "growth" or finding.check == "coverage":
        return []
    if finding.limit is None or span.steady is None:
        return []
    judged = inside(span.steady, span.buckets)
    seen = data.value[judged & ~np.isnan(data.value)]
    early = seen[: max(3, int(seen.size * EARLY_SHARE))]
    if early.size == 0:
        return []
    elapsed = span.buckets.middles - span.steady[0]
    allowed = float(np.median(early)) * (1 + finding.limit * elapsed / plan.horizon)
    name = f"limit {format_value(finding.limit, 'ratio')} in {format_duration(plan.horizon)}"
    return [_line(name, np.where(judged, allowed, np.nan))]


def own_limit(finding: Finding, *, samples: bool, buckets: Buckets) -> list[Line]:
    """The finding's own limit; of a share of requests within a latency limit, the objective's quantile."""
    spec = SPECS.get(finding.objective)
    if samples:
        limit, unit = ENOUGH, "ratio"
    elif spec is not None and spec.quantile is not None:
        limit, unit = spec.quantile, "ratio"
    elif spec is None or spec.family in ("growth", "count") or finding.limit is None or finding.check == "alerts":
        return []
    else:
        limit, unit = finding.limit, finding.unit
    return [_line(f"limit {format_value(limit, unit)}", np.full(buckets.count, limit))]


def _line(name: str, values: FloatArray) -> Line:
    return Line(name, "limit", Sampled({}, values, values, values))
