"""Check "alerts": every alert rule, evaluated again over the archive (DESIGN: rules), `for` applied by our own code.

Abort alerts are looked at over the whole load, the others over the steady window. So that there are no two truths:
- an alert of an objective that the plan does not name is a WARN;
- an abort alert that fired FAILs its objective: it is the hard limit, whatever the run's average says;
- any other alert with `verdict: fail` is the live twin of an objective that is also judged at the end of the run. Where
  that was judged and met (a burst within the tolerated 1 % of the windows, growth that the end-of-run test refutes),
  the alert is a WARN; growth alerts never FAIL alone;
- alerts with `verdict: inconclusive` are the live twins of the coverage and generator checks, which decide:
  INCONCLUSIVE where those found the same, else a WARN (a sidecar that was away for two minutes of a day).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exporters.metric_names import Recorded
from harness.judge.context import AlertDefinition, Context
from harness.judge.firing import Firing, firings, first_evaluation
from harness.judge.verdict import Finding, Outcome
from harness.judge.windows import Window
from harness.plan.objectives import SPECS
from harness.prom.series import Series
from harness.units import parse_duration

CHECK = "alerts"
_OWN_LABELS = frozenset({"__name__", "alertname", "severity", "verdict", "signal", "objective", "abort", "harness"})
_LABEL = re.compile(r"\{\{\s*\$labels\.(\w+)\s*\}\}")
_VALUE = re.compile(r"\{\{\s*(?:printf\s+\"[^\"]*\"\s+)?\$value\s*(?:\|\s*(\w+)(?:\s+\"[^\"]*\")?\s*)?\}\}")
_LOOKS_BACK = re.compile(r"[a-z_]1m\b|\b(?:rate|irate|increase|delta|deriv)\(|_over_time\(")
_HOURS = re.compile(r"\[\d+[hdwy]")
LONG_LOOKBACK_STEP = 60.0
_AGES = (Recorded.DB_OLDEST_TRANSACTION,)  # in seconds: what is told began so long before
_RANGE = re.compile(r"\[((?:\d+[smhdw])+)(?::\w*)?\]")  # of a subquery too: [1h30m:3m]
LONGEST_AFTER = 1800.0  # what looks back hours moves little by what was set aside; longer would blind it for long
_REST = re.compile(r"\s*\{\{.*?\}\}")


@dataclass(frozen=True)
class Known:
    """What the other checks found, for deciding what an alert means.

    Attributes:
        objectives: worst outcome of each objective that the plan names and that was judged.
        coverage, generator: the worst outcome of those checks.
        generator_fault: why the load generator was the bottleneck; empty when it was not.
    """

    objectives: Mapping[str, Outcome]
    coverage: Outcome
    generator: Outcome
    generator_fault: str


def check_alerts(context: Context, known: Known) -> list[Finding]:
    """One finding for each alert and label set that fired."""
    asked: list[tuple[AlertDefinition, float, float, float]] = []
    for alert in context.alerts:
        window = _window(context, alert)
        if window is None:
            continue
        step = evaluation_step(alert.expr, alert.interval or context.interval)
        start = first_evaluation(window.start, step, context.offset)
        if start <= window.end:
            asked.append((alert, start, window.end, step))
    answers = context.api.query_ranges([(alert.expr, start, end, step) for alert, start, end, step in asked])
    findings = []
    for (alert, start, end, step), found in zip(asked, answers, strict=True):
        aside = Window(start, end).without(context.load.holes, after=look_back(alert.expr))
        for series in sorted(found, key=lambda s: sorted(s.labels.items())):
            if series.labels.get("harness", context.stack) != context.stack:
                continue
            counts = aside.counts(series.times)
            fired = firings(series.times[counts], series.values[counts], step, alert.for_seconds)
            if fired:
                findings.append(_finding(context, alert, series, fired, outcome_of(alert.labels, known), start))
    return findings


def evaluation_step(expr: str, interval: float) -> float:
    """Seconds between evaluations: the group's interval, or up to a minute for what looks back an hour or more.

    What looks back hours changes slowly, and twelve hours of look-back at each of 17,280 evaluations costs minutes. The
    step stays a multiple of the interval, so that evaluations lie on the group's grid; they are then off by at most a
    minute.
    """
    if not _HOURS.search(expr):
        return interval
    return interval * max(1, int(LONG_LOOKBACK_STEP // interval))


def look_back(expr: str) -> float:
    """Seconds for which an expression still sees what was before; at least the minute of the recorded rates. Pure."""
    ranges = [parse_duration(span) for span in _RANGE.findall(expr)]
    return min(LONGEST_AFTER, max(ranges, default=0.0) + 60.0)


def outcome_of(labels: Mapping[str, str], known: Known) -> Outcome:
    """What an alert that fired means for the verdict; see the module."""
    verdict, objective = labels.get("verdict", "warn"), labels.get("objective", "")
    if verdict == "inconclusive":
        twin = known.generator if labels.get("signal") == "generator" else known.coverage
        return Outcome.INCONCLUSIVE if twin >= Outcome.INCONCLUSIVE else Outcome.WARN
    if verdict != "fail" or objective not in known.objectives:
        return Outcome.WARN
    if labels.get("abort") == "true":
        return Outcome.FAIL
    judged = known.objectives[objective]
    if objective in SPECS and SPECS[objective].family == "growth":
        return Outcome.FAIL if judged is Outcome.FAIL else Outcome.WARN
    if judged <= Outcome.WARN:
        return Outcome.WARN
    if judged is Outcome.INCONCLUSIVE and known.generator_fault and labels.get("signal") in ("latency", "throughput"):
        return Outcome.INCONCLUSIVE
    return Outcome.FAIL


def age(expr: str, series: Series, at: float) -> float:
    """How long before ``at`` what an alert speaks of began: its value where that is an age, else 0. Pure."""
    if not expr.lstrip("( \n").startswith(_AGES):
        return 0.0
    return max(0.0, float(series.values[int(np.searchsorted(series.times, at))]))


def render(template: str, labels: Mapping[str, str], value: float) -> str:
    """An annotation with its labels and value; other template actions are left out."""
    text = _LABEL.sub(lambda m: labels.get(m[1], ""), template)
    return re.sub(r"\s+", " ", _REST.sub("", _VALUE.sub(lambda m: _value(value, m[1] or ""), text))).strip()


def runbook(annotations: Mapping[str, str]) -> str:
    """Path below docs/ of a rule's runbook_url; empty when it has none."""
    url = annotations.get("runbook_url", "")
    return f"runbooks/{url.split('runbooks/', 1)[1]}" if "runbooks/" in url else ""


def _window(context: Context, alert: AlertDefinition) -> Window | None:
    """Abort alerts may fire at any time under load; what looks back a minute would see the warm-up in the first one."""
    if alert.labels.get("abort") == "true":
        return context.load
    return context.rates if _LOOKS_BACK.search(alert.expr) else context.steady


def _finding(
    context: Context, alert: AlertDefinition, series: Series, fired: list[Firing], outcome: Outcome, start: float
) -> Finding:
    labels, first = alert.labels, fired[0]
    objective = context.plan.objective(labels.get("objective", ""))
    extreme = max(fired, key=lambda f: abs(f.value)).value
    said = render(alert.annotations.get("summary", ""), series.labels, extreme)
    times = f" ({len(fired)} times)" if len(fired) > 1 else ""
    # True from the first evaluation on: it did not move, it always was so. And lost data tell of no move.
    moved = first.active > start + 1e-3 and labels.get("verdict") != "inconclusive"
    began = first.active - age(alert.expr, series, first.active)
    return Finding(
        check=CHECK,
        signal=labels.get("signal", "telemetry"),
        outcome=outcome,
        summary=f"{alert.name} fired{times}" + (f": {said}" if said else ""),
        objective=labels.get("objective", ""),
        severity=labels.get("severity", "warning"),
        subject={k: v for k, v in sorted(series.labels.items()) if k not in _OWN_LABELS},
        onset=began if moved else None,
        first_seen=first.start,
        for_seconds=sum(f.seconds for f in fired),
        value=extreme,
        limit=objective.limit if objective else None,
        unit=objective.spec.unit if objective else "",
        query=alert.expr,
        runbook=runbook(alert.annotations),
    )


def _value(value: float, function: str) -> str:
    if function == "humanizePercentage":
        return f"{value * 100:.4g}%"
    return f"{value:.4g}"
