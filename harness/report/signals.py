"""The dashboard's signals over time with what the judge found: alerts need hours for what the judge sees at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.judge.verdict import Finding, Outcome
from harness.report.fetch import Span
from harness.report.plots import Line, Plot
from harness.report.sampling import Sampled

SIGNALS = "panel-run-signals"
# The panel's own values (dashboards.queries.run): 2 critical, 1 warning. What is not known stands between them, as in
# the order of outcomes.
UNKNOWN = 1.5
_LEVELS = {Outcome.FAIL: 2.0, Outcome.ERROR: UNKNOWN, Outcome.INCONCLUSIVE: UNKNOWN, Outcome.WARN: 1.0}


def with_findings(plot: Plot, findings: Sequence[Finding], span: Span) -> Plot:
    """The panel with each finding's signal at its level while its condition held. Pure.

    What decided without a date decided over the whole judged window, and stands over all of it: no signal that failed
    the run, or left it inconclusive, is green from end to end. A signal of which nothing was measured gets a row.
    """
    if plot.empty:
        return plot
    middles = span.buckets.middles
    lines = list(plot.lines)
    for finding in findings:
        begun = finding.onset if finding.onset is not None else finding.first_seen
        level = _LEVELS.get(finding.outcome)
        if level is None or not finding.signal or (begun is None and finding.outcome is Outcome.WARN):
            continue
        if begun is None:
            begun, end = span.judged
        else:
            end = begun + max(finding.for_seconds, span.buckets.step)
        during = (middles + span.buckets.step / 2 > begun) & (middles - span.buckets.step / 2 < end)
        if all(line.name != finding.signal for line in lines):
            nothing = np.full(middles.size, np.nan)
            lines.append(Line(finding.signal, "value", Sampled({}, nothing, nothing, nothing)))
        for number, line in enumerate(lines):
            if line.name == finding.signal:
                values = np.where(during, np.fmax(line.data.value, level), line.data.value)
                lines[number] = Line(line.name, line.role, Sampled(line.data.labels, values, values, values))
    words = (*plot.words, (UNKNOWN, "not known", "unknown"))
    return replace(plot, lines=tuple(lines), words=words, note="Alerts, and what the judge found.")
