"""The HTML report: one file that needs no network, light and dark, readable on a phone, printable."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from harness.assets import data_path
from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.report.comparison import compared_view
from harness.report.embed import csp_hash, packed, safe_json
from harness.report.evidence import Evidence
from harness.report.findings import finding_cards
from harness.report.layout import lay_out
from harness.report.legends import legend_entries
from harness.report.limiting import LIMITING_COLUMNS
from harness.report.payload import payload
from harness.report.plots import Plot
from harness.report.step_plots import PAGE
from harness.report.steps import STEP_COLUMNS
from harness.report.text import printable
from harness.report.view import make_view
from harness.run.record import RunRecord
from harness.units import format_duration

_PAGE = Path(__file__).parent / "page"
_TEMPLATE = "report.html.j2"
# In this order: each uses only what stands before it.
_SCRIPTS = ("data.js", "theme.js", "axis.js", "draw.js", "page.js")


def html(verdict: Verdict, record: RunRecord, plan: Plan, evidence: Evidence) -> str:
    """Everything that comes from the run is escaped; the page may run the two scripts in it and load nothing.

    Plotly's script (4.8 MB) stands in it compressed, so that most of a report's size is its data.
    """
    span = evidence.span

    def legend(plot: Plot) -> Sequence[dict[str, str]]:
        return legend_entries(plot, span) if span else ()

    plotting = span is not None
    ours = _own_script() if plotting else ""
    return _template().render(
        view=make_view(verdict, record, plan),
        cards=finding_cards(verdict, record, evidence, data_path("docs") / "runbooks"),
        compared=compared_view(verdict.comparison),
        evidence=evidence,
        legend=legend,
        lay_out=lay_out,
        plain=printable,
        step_columns=STEP_COLUMNS,
        limiting_columns=LIMITING_COLUMNS,
        curves=_curves(evidence),
        style=Markup(_read("report.css")),  # noqa: S704  (our own files, not the run's data)
        script=Markup(ours),  # noqa: S704
        policy=" ".join((csp_hash(ours), csp_hash(get_plotlyjs()))) if plotting else "'none'",
        library=_library() if plotting else "",
        library_version=get_plotlyjs_version(),
        data=Markup(safe_json(payload(evidence))),  # noqa: S704  (holds no character of markup)
        resolution=_resolution(evidence),
    )


def _curves(evidence: Evidence) -> Sequence[Plot]:
    """The plots that stand beside the table of steps; none where nothing could be drawn."""
    found = [section.rows[0][1] for section in evidence.sections if section.key == PAGE and section.rows]
    return found[0] if found and any(plot.drawn for plot in found[0]) else ()


def _resolution(evidence: Evidence) -> dict[str, Any]:
    """What one point of a plot stands for."""
    buckets = evidence.span.buckets if evidence.span else None
    return {"whole": buckets is None or buckets.whole, "step": buckets.step if buckets else 0.0}


@cache
def _library() -> str:
    return packed(get_plotlyjs())


@cache
def _own_script() -> str:
    return "\n".join(_read(f"{name}") for name in _SCRIPTS)


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = format_duration
    return environment.get_template(_TEMPLATE)
