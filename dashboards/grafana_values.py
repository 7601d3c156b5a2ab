"""Panels of values at one moment, in the terms of the Grafana Foundation SDK."""

from __future__ import annotations

from grafana_foundation_sdk.builders import (
    bargauge,
    stat,
    table,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana_terms import colour_mode, reduced, refs, value
from dashboards.levels import COLOURS
from dashboards.model import Panel, Query


def stat_panel(panel: Panel) -> stat.Panel:
    """One large number."""
    text = common_model.BigValueTextMode
    return (
        stat.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .justify_mode(common_model.BigValueJustifyMode.AUTO)
        .orientation(common_model.VizOrientation.AUTO)
        .text_mode(text.NAME if panel.show_name else text.AUTO)
        .reduce_options(reduced(panel))
        .no_value("no data")
    )


def bargauge_panel(panel: Panel) -> bargauge.Panel:
    """A bar for each series."""
    return (
        bargauge.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.THRESHOLDS))
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .value_mode(common_model.BarGaugeValueMode.COLOR)
        .name_placement(common_model.BarGaugeNamePlacement.LEFT)
        .show_unfilled(True)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .reduce_options(reduced(panel))
        .no_value("no data")
    )


def table_panel(panel: Panel) -> table.Panel:
    """Rows joined over the labels; each query a column, named by its legend."""
    titles = {column.label: column.title for column in panel.columns}
    for ref, query in refs(panel):
        titles |= {f"Value #{ref}": query.legend} | ({"Value": query.legend} if len(panel.queries) == 1 else {})
    hidden = dict.fromkeys(("Time", "harness", "run_id", "__name__"), True)
    order = {name: index for index, name in enumerate(titles)}
    built = (
        table.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.THRESHOLDS))
        .show_header(True)
        .cell_height(common_model.TableCellHeight.SM)
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {name: hide for name, hide in hidden.items() if name not in titles},
                    "indexByName": order,
                    "renameByName": titles,
                },
            )
        )
    )
    for query in panel.queries:
        properties = _column(panel, query)
        if properties:
            built.override_by_name(query.legend, properties)
    if panel.links:
        links = [{"title": link.title, "url": link.url} for link in panel.links]
        built.override_by_name(panel.columns[0].title, [value("links", links)])
    return built


def _column(panel: Panel, query: Query) -> list[model.DynamicConfigValue]:
    properties = []
    if query.unit is not None:
        properties.append(value("unit", query.unit))
    if query.decimals is not None:
        properties.append(value("decimals", query.decimals))
    if query.thresholds:
        steps = [{"value": one.value, "color": COLOURS[one.level]} for one in query.thresholds]
        properties.append(value("thresholds", {"mode": "absolute", "steps": steps}))
    if query.thresholds or panel.mappings:
        properties.append(value("custom.cellOptions", {"type": "color-text"}))
    return properties
