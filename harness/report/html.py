"""The HTML report: one file that needs no network, light and dark, readable on a phone. Pure but for its template."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from harness.judge.verdict import Verdict
from harness.plan.model import Plan
from harness.report.text import printable
from harness.report.view import make_view
from harness.run.record import RunRecord

_TEMPLATE = "report.html.j2"


def html(verdict: Verdict, record: RunRecord, plan: Plan) -> str:
    """Everything that comes from the run is escaped by the template engine; the page allows no script at all."""
    return _template().render(view=make_view(verdict, record, plan), plain=printable)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE)
