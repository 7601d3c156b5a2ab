"""Dashboards as Grafana's v1 JSON (11.6 line; loads on 11 to 13), through the Grafana Foundation SDK."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.annotations import ANNOTATIONS
from dashboards.grafana_panels import DATASOURCE, panel_builder
from dashboards.layout import place
from dashboards.levels import COLOURS
from dashboards.model import Annotation, Choice, Dashboard, Variable

TAG = "harness"
# Where Grafana serves the pages of docs/runbooks: provisioning mounts them below its own public folder.
RUNBOOKS = "/public/runbooks"
ANNOTATION_STEP = "15s"

T = TypeVar("T")


class Built(Builder[T], Generic[T]):
    """What is built already, for a builder that wants builders."""

    def __init__(self, value: T) -> None:
        self._value = value

    def build(self) -> T:
        return self._value


def to_json(dashboard: Dashboard) -> str:
    """The dashboard's JSON text, with a newline at its end; the same input gives the same text."""
    encoded: dict[str, Any] = json.loads(json.dumps(grafana(dashboard).build(), cls=JSONEncoder))
    # The SDK's annotation has no place for the Prometheus data source's own fields.
    for query, annotation in zip(encoded["annotations"]["list"], ANNOTATIONS, strict=True):
        query |= {
            "titleFormat": annotation.title, "tagKeys": ",".join(annotation.labels), "step": ANNOTATION_STEP,
        }  # fmt: skip
    # The SDK writes an interval variable's fields into every variable; Grafana's types know them nowhere else.
    for variable in encoded["templating"]["list"]:
        for name in ("auto", "auto_count", "auto_min"):
            variable.pop(name, None)
    return json.dumps(encoded, indent=2, sort_keys=True) + "\n"


def grafana(dashboard: Dashboard) -> build.Dashboard:
    """The dashboard in the SDK's terms, every panel on its place."""
    built = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags([TAG])
        .timezone("browser")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .refresh(dashboard.refresh)
        .time(f"now-{dashboard.hours}h", "now")
        .variables([_variable(one) for one in dashboard.variables] + [_runbooks()])
        .annotations([_annotation(one) for one in ANNOTATIONS])
        .links([_dashboards()])
    )
    number, top = 0, 0
    for row in dashboard.rows:
        number += 1
        heading = build.Row(row.title).id(number).grid_pos(model.GridPos(h=1, w=24, x=0, y=top)).collapsed(False)
        built.with_row(heading)
        places, below = place(row.panels, top + 1)
        for panel, at in zip(row.panels, places, strict=True):
            number += 1
            grid = model.GridPos(h=panel.height, w=panel.width, x=at.x, y=at.y)
            built.with_panel(panel_builder(panel).id(number).grid_pos(grid))
        top = below
    return built


def _dashboards() -> build.DashboardLink:
    """Buttons to the other dashboards, with the same time and choices."""
    return (
        build.DashboardLink("Dashboards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )


def _variable(variable: Variable | Choice) -> Builder[model.VariableModel]:
    if isinstance(variable, Choice):
        first = variable.values[0]
        return (
            build.CustomVariable(variable.name)
            .label(variable.title)
            .values(",".join(variable.values))
            .current(model.VariableOption(selected=True, text=first, value=first))
            .options([model.VariableOption(selected=v == first, text=v, value=v) for v in variable.values])
        )
    built = (
        build.QueryVariable(variable.name)
        .label(variable.title)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({variable.selector}, {variable.label})", "refId": variable.name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(variable.many)
        .include_all(variable.many)
    )
    if variable.many:
        # Everything, the series without this label included: a live run has no run_id.
        everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
        built = built.all_value(".*").current(everything)
    return built


def _runbooks() -> Builder[model.VariableModel]:
    """The address of the runbooks, in one place for whoever serves them elsewhere."""
    built = build.ConstantVariable("runbooks").label("Runbooks").value(RUNBOOKS).build()
    built.hide = model.VariableHide.HIDE_VARIABLE
    built.current = model.VariableOption(selected=True, text=RUNBOOKS, value=RUNBOOKS)
    return Built(built)


def _annotation(annotation: Annotation) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(annotation.name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(COLOURS[annotation.level])
        .expr(annotation.expr)
    )
