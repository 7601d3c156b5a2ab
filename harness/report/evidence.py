"""What the HTML report shows of a run's series: read from the opened archive once, after the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dashboards import Dashboard, Panel, Query, Row, all_dashboards
from harness.judge.verdict import Finding, Verdict
from harness.plan.model import Plan
from harness.report.fetch import Fetched, QueryApi, Span, fetch
from harness.report.finding_text import in_order_of_onset
from harness.report.panels import draw
from harness.report.plots import Plot
from harness.report.proofs import MOST_PROOFS, NO_SERIES, Proof, draw_proof, expressions, proof_of
from harness.report.regression_plots import regression_plot
from harness.report.sampling import Buckets, How
from harness.report.signals import SIGNALS, with_findings
from harness.report.step_plots import PAGE, with_steps
from harness.run.record import RunRecord

COMPARE = "harness-compare"  # speaks of several runs; one run's report has one
LIVE = "run-live-"  # panels that speak of a run that is still on
REGRESSION = "regression"  # the check that compares with earlier runs
_TITLES = {"Now": "At the end"}  # a report is about a run that is over


class OpenedRun(Protocol):
    """What is asked of harness.prom.private.RunData."""

    @property
    def api(self) -> QueryApi: ...
    @property
    def record(self) -> RunRecord: ...
    @property
    def interval(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def stack(self) -> str: ...


@dataclass(frozen=True)
class Section:
    """One dashboard: rows of panels, each with its title."""

    key: str
    title: str
    description: str
    rows: tuple[tuple[str, tuple[Plot, ...]], ...]


@dataclass(frozen=True)
class Evidence:
    """Plots of one run.

    Attributes:
        span: None when there was nothing to open.
        missing: why there are no plots at all; empty when there are.
        set_aside: windows that were left out of the judgement.
        warmup: seconds of load that the plan leaves out at first; before them the parts are started.
        proofs: one for each finding, in the order of onset.
    """

    span: Span | None = None
    missing: str = ""
    proofs: tuple[Plot, ...] = ()
    set_aside: tuple[tuple[float, float], ...] = ()
    sections: tuple[Section, ...] = field(default_factory=tuple)
    warmup: float = 0.0


def collect(data: OpenedRun, verdict: Verdict, plan: Plan, dashboards: Sequence[Dashboard] | None = None) -> Evidence:
    """All plots of a run that is open, after it was judged: series that were put off are computed coarsely from here
    on."""
    shown = [one for one in (all_dashboards() if dashboards is None else dashboards) if one.uid != COMPARE]
    if not verdict.steps:  # a run without steps has nothing to say there
        shown = [one for one in shown if one.uid != PAGE]
    span = _span(data)
    findings = in_order_of_onset(verdict.findings)
    proofs = [
        None if finding.check == REGRESSION else proof_of(finding, shown, span.buckets)
        for finding in findings[:MOST_PROOFS]
    ]
    courses: dict[str, How] = {}
    moments: list[str] = []
    for proof in filter(None, proofs):
        courses |= dict.fromkeys(expressions(proof, span), "band")
        moments += [span.expand(query.expr) for query in proof.queries if query.instant]
    for dashboard in shown:
        for panel in dashboard.panels():
            if panel.key.startswith(LIVE):
                continue
            for query in panel.queries:
                expr = span.expand(query.expr)
                if query.instant:
                    moments.append(expr)
                elif courses.get(expr) != "band":
                    courses[expr] = _how(panel, query)
    names = [finding.subject["name"] for finding in findings if "name" in finding.subject]
    fetched = fetch(data.api, span, courses, moments, names)
    return Evidence(
        span=span,
        warmup=plan.load.warmup,
        set_aside=_set_aside(verdict),
        proofs=tuple(
            draw_proof(f"proof-{number}", proof, fetched, plan) if proof else _other(number, findings[number], verdict)
            for number, proof in enumerate([*proofs, *[None] * (len(findings) - len(proofs))])
        ),
        sections=tuple(
            Section(
                one.uid,
                one.title,
                one.description,
                tuple(_row(row, fetched, verdict) for row in one.rows),
            )
            for one in shown
        ),
    )


def _how(panel: Panel, query: Query) -> How:
    """What a bucket shows of a panel's query."""
    if panel.kind == "heatmap":
        return "mean"
    if panel.kind == "state":
        return "highest"
    return "middle" if query.role == "limit" else "band"


def _row(row: Row, fetched: Fetched, verdict: Verdict) -> tuple[str, tuple[Plot, ...]]:
    plots = [draw(panel, fetched) for panel in row.panels if not panel.key.startswith(LIVE)]
    return _TITLES.get(row.title, row.title), tuple(
        with_findings(plot, verdict.findings, fetched.span) if plot.key == SIGNALS else with_steps(plot, verdict)
        for plot in plots
    )


def _set_aside(verdict: Verdict) -> tuple[tuple[float, float], ...]:
    """(start, end) in unix seconds of each."""
    told = verdict.coverage.get("set_aside") or {"windows": ()}
    return tuple(
        (datetime.fromisoformat(one["from"]).timestamp(), datetime.fromisoformat(one["to"]).timestamp())
        for one in told["windows"]
    )


def _span(data: OpenedRun) -> Span:
    record = data.record
    steady = None
    if record.steady_from is not None:
        steady = (record.steady_from, record.steady_to if record.steady_to is not None else data.end)
    return Span(
        start=record.started_at,
        end=data.end,
        judged=steady or (record.started_at, max(data.end, record.started_at + data.interval)),
        steady=steady,
        stack=data.stack,
        buckets=Buckets.over(record.started_at, data.end, data.interval),
    )


def _other(number: int, finding: Finding, verdict: Verdict) -> Plot:
    """Of a finding that no series of this run alone can show."""
    key = f"proof-{number}"
    if number >= MOST_PROOFS:
        return Plot(key=key, title="", empty=f"only the first {MOST_PROOFS} findings are drawn")
    if finding.check == REGRESSION:
        return regression_plot(key, finding, verdict.comparison)
    return Plot(key=key, title="", empty=NO_SERIES)


__all__ = ["Evidence", "OpenedRun", "Proof", "Section", "collect"]
