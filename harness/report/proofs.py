"""The plot that proves a finding: the dashboards' panel of what moved, held to the finding's subject, with the limit
that it broke and the time in which it was broken."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboards import Dashboard, Panel, Query
from exporters.metric_names import Recorded
from harness.judge.verdict import Finding
from harness.plan.model import Plan
from harness.plan.objectives import SPECS
from harness.prom.promql import mentioned_names
from harness.report.fetch import Fetched, Span
from harness.report.limits import growth_allowed, own_limit
from harness.report.panels import MOST_LINES, legend, split_limits
from harness.report.plots import Line, Plot, axis_for
from harness.report.sampling import Buckets, Sampled
from harness.report.stretches import Stretch, beyond, held, inside, merged
from harness.report.text import one_line

MOST_PROOFS = 40  # more findings than anybody reads; the others stay in words
NO_SERIES = "this finding speaks of no series: it is about how the run was made"
_COMPARISON = re.compile(r"\s*(>|<|==|!=|>=|<=)\s*-?[\d.e+]+\s*$")
_PLAIN = re.compile(r'[a-zA-Z_:][\w:]*\s*(\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\})?')
_UNITS = (("bytes", "bytes"), ("seconds", "s"), ("ratio", "percentunit"), ("share", "percentunit"), ("cores", "cores"))


# What the judge counts by, and the share of it that panels show.
_SHOWN_AS = {Recorded.WITHIN: Recorded.WITHIN_SHARE, Recorded.ENDPOINT_WITHIN: Recorded.ENDPOINT_WITHIN_SHARE}


@dataclass(frozen=True)
class Proof:
    """What one finding is proved by.

    Attributes:
        queries: of the panel, those that show what moved, and its limits.
        true_when: an expression that has a value while the finding's condition holds; empty: told by the limit.
        samples: the queries count samples; the finding is about missing ones.
    """

    finding: Finding
    title: str
    unit: str
    queries: tuple[Query, ...]
    panel: Panel | None = None
    true_when: str = ""
    samples: bool = False


def proof_of(finding: Finding, dashboards: Sequence[Dashboard], buckets: Buckets) -> Proof | None:
    """None for a finding that no series shows, as one about the harness itself."""
    panels = [p for one in dashboards for p in one.panels() if p.kind == "timeseries"]
    if finding.check == "coverage":
        if not finding.query:
            return None
        query = Query(_arrived(finding.query, buckets), "arrived")
        return Proof(finding, "Share of the expected samples that arrived", "percentunit", (query,), samples=True)
    plain = _PLAIN.fullmatch(finding.query.strip()) is not None
    name = finding.query.split("{", 1)[0].strip()
    name = _SHOWN_AS.get(name, name)
    for panel in panels if plain else ():
        shown = [query for query in _values_of(panel) if name in mentioned_names(query.expr)]
        if shown:
            return _by_panel(finding, panel, shown)
    by_share = _by_share(finding, panels)
    if by_share is not None:
        return by_share
    of_alert = _panel_of_alert(finding, panels)
    if of_alert is not None:
        return _by_panel(finding, of_alert, _values_of(of_alert))
    if plain:
        unit = next((unit for word, unit in _UNITS if word in name), "short")
        return Proof(finding, name, unit, (Query(finding.query, ""),))
    return None


def _shows(panel: Panel, names: Collection[str]) -> bool:
    return any(not mentioned_names(query.expr).isdisjoint(names) for query in _values_of(panel))


def _values_of(panel: Panel) -> list[Query]:
    return [query for query in panel.queries if query.role == "value" and not query.instant]


def expressions(proof: Proof, span: Span) -> list[str]:
    """All that must be asked to draw it."""
    asked = [span.expand(query.expr) for query in proof.queries if not query.instant]
    return [*asked, proof.true_when] if proof.true_when else asked


def draw_proof(key: str, proof: Proof, fetched: Fetched, plan: Plan) -> Plot:
    """The plot of one finding; without data it says so."""
    finding, span = proof.finding, fetched.span
    plot = Plot(
        key=key,
        title=proof.title,
        width=24,
        unit=proof.unit,
        axis_min=0.0 if proof.samples else proof.panel.axis_min if proof.panel else None,
        axis_max=proof.panel.axis_max if proof.panel else None,
        query=one_line(span.expand(proof.queries[0].expr)),
    )
    problem = next(filter(None, (fetched.problem(query) for query in proof.queries)), "")
    if problem:
        return replace(plot, empty=f"could not be read: {one_line(problem)}")
    lines = _lines_of(proof, fetched, "value")[:MOST_LINES]
    if not lines and proof.samples:
        lines = [Line("arrived", "value", _nothing(span.buckets))]
    if not lines:
        return replace(plot, empty="the run holds no samples of it")
    limits = _lines_of(proof, fetched, "limit")[:2]
    limits += growth_allowed(finding, lines[0].data, plan, span)
    limits = limits or own_limit(finding, samples=proof.samples, buckets=span.buckets)
    near, far = split_limits(lines, limits, proof.unit)
    shown = [*lines, *near]
    moved = finding.onset if finding.onset is not None else finding.first_seen
    return replace(
        plot,
        lines=tuple(shown),
        axis=axis_for(proof.unit, [one.data.high for one in shown]),
        far=far,
        shades=tuple(_shades(proof, fetched, lines, limits)),
        marks=() if moved is None else ((moved, "moved" if finding.onset is not None else "first seen"),),
    )


def _by_panel(finding: Finding, panel: Panel, shown: Sequence[Query]) -> Proof:
    limits = [query for query in panel.queries if query.role == "limit"]
    true_when = finding.query if finding.check == "alerts" else ""
    return Proof(finding, panel.title, panel.unit, (*shown, *limits), panel, true_when)


def _by_share(finding: Finding, panels: Sequence[Panel]) -> Proof | None:
    """Of an alert that counts requests within a limit, the panel of their share.

    Failed requests count against it, while the latency of those that succeeded may be as ever.
    """
    read = mentioned_names(finding.query) if finding.check == "alerts" else frozenset[str]()
    for counted, share in _SHOWN_AS.items():
        if not read & {counted, share} or (counted == Recorded.ENDPOINT_WITHIN) != ("name" in finding.subject):
            continue
        for panel in panels:
            shown = [query for query in _values_of(panel) if share in mentioned_names(query.expr)]
            if shown:
                return _by_panel(finding, panel, shown)
    return None


def _panel_of_alert(finding: Finding, panels: Sequence[Panel]) -> Panel | None:
    """The panel that names the finding's runbook: best one of what the alert reads first, then the earlier in its list
    the better; else the signal's first."""
    alert = finding.runbook.rsplit("/", 1)[-1].removesuffix(".md")
    naming = [panel for panel in panels if alert in panel.runbooks]
    query = finding.query if finding.check == "alerts" else ""
    read = sorted((name for name in mentioned_names(query) if ":" in name), key=query.find)
    if naming:
        return min(naming, key=lambda panel: (not _shows(panel, read[:1]), panel.runbooks.index(alert)))
    if finding.check != "alerts":
        return None
    return next((panel for panel in panels if panel.signal == finding.signal), None)


def _arrived(selector: str, buckets: Buckets) -> str:
    """Share of the expected samples of a need that were there, over a bucket or ten samples."""
    seconds = max(10 * buckets.interval, buckets.step)
    counted = _COMPARISON.sub("", selector.strip())
    if not _PLAIN.fullmatch(counted):
        counted = f"({counted})"
        window = f"[{round(seconds * 1000)}ms:{round(buckets.interval * 1000)}ms]"
    else:
        window = f"[{round(seconds * 1000)}ms]"
    return f"clamp_max(max(count_over_time({counted}{window})) / {seconds / buckets.interval:g}, 1)"


def _nothing(buckets: Buckets) -> Sampled:
    zero = np.zeros(buckets.count)
    return Sampled({}, zero, zero, zero)


def _lines_of(proof: Proof, fetched: Fetched, role: str) -> list[Line]:
    """The series of the finding's subject; where none bears its labels, all."""
    finding = proof.finding
    found: list[Line] = []
    for query in proof.queries:
        if query.role != role:
            continue
        series = fetched.course(query)
        mine = [one for one in series if _is_of(one.labels, finding.subject, finding.objective)]
        found += [Line(legend(query.legend, one.labels), query.role, one) for one in mine]
    return found


def _is_of(labels: Mapping[str, str], subject: Mapping[str, str], objective: str) -> bool:
    """Whether a series is about a subject: no label of both differs. A limit of another objective is not."""
    if objective and labels.get("objective", objective) != objective:
        return False
    return all(labels[key] == value for key, value in subject.items() if key in labels)


def _shades(proof: Proof, fetched: Fetched, lines: Sequence[Line], limits: Sequence[Line]) -> list[Stretch]:
    """Stretches in which the finding's condition held."""
    finding, span = proof.finding, fetched.span
    buckets = span.buckets
    begun = finding.onset if finding.onset is not None else finding.first_seen
    spec = SPECS.get(finding.objective)
    if proof.true_when:
        where = np.zeros(buckets.count, dtype=np.bool_)
        for one in fetched.courses.get(proof.true_when, []):
            if _is_of(one.labels, finding.subject, ""):
                where |= ~np.isnan(one.high)
        found = held(where, buckets)
        if begun is not None:  # an alert shorter than a bucket
            found.append((begun, max(finding.first_seen or begun, begun + buckets.step)))
        return merged(found)
    if begun is not None and (not limits or spec is None or spec.family == "growth"):
        return [(begun, min(span.end, begun + max(finding.for_seconds, buckets.step)))]
    if not limits:
        return []
    below = proof.samples or (spec is not None and (spec.op == ">=" or spec.family == "latency"))
    where = np.zeros(buckets.count, dtype=np.bool_)
    for line in lines:
        where |= beyond(line.data.low if below else line.data.high, limits[0].data.value, below=below)
    first, last = span.judged
    broken = merged(held(where & inside(span.judged, buckets), buckets))
    return [(max(start, first), min(end, last)) for start, end in broken]
