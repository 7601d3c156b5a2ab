"""Panels in the terms of the Grafana Foundation SDK: one function per kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models import prometheus as prometheus_model
from grafana_foundation_sdk.models import xychart as xychart_model

from dashboards.levels import BAND_COLOUR, COLOURS, LIMIT_COLOUR, NEUTRAL, QUANTILE_COLOURS
from dashboards.model import Kind, Mapping, Panel, Query, Threshold

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="harness-prometheus")
_CALCS = {"last": "lastNotNull", "max": "max", "min": "min", "mean": "mean"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def panel_builder(panel: Panel) -> Any:
    """The SDK's builder of a panel: queries, unit, levels, description and links; without id and place."""
    built = _KINDS[panel.kind](panel)
    built.title(panel.title).description(panel.description).datasource(DATASOURCE)
    built.unit(panel.unit).thresholds(_thresholds(panel.thresholds or NEUTRAL))
    built.targets([_target(panel, query, ref) for ref, query in _refs(panel)])
    if panel.decimals is not None:
        built.decimals(panel.decimals)
    if panel.axis_min is not None:
        built.min(panel.axis_min)
    if panel.axis_max is not None:
        built.max(panel.axis_max)
    if panel.mappings:
        built.mappings([_mapping(panel.mappings)])
    if panel.runbooks:
        built.links([_runbook(name) for name in panel.runbooks])
    return built


def _refs(panel: Panel) -> list[tuple[str, Query]]:
    return list(zip(_LETTERS, panel.queries, strict=False))


def _target(panel: Panel, query: Query, ref: str) -> prometheus.Dataquery:
    formats = {"table": prometheus_model.PromQueryFormat.TABLE, "heatmap": prometheus_model.PromQueryFormat.HEATMAP}
    target = (
        prometheus.Dataquery()
        .ref_id(ref)
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .format(formats.get(panel.kind, prometheus_model.PromQueryFormat.TIME_SERIES))
        .editor_mode(prometheus_model.QueryEditorMode.CODE)
    )
    # A big number is the value now or "no data", never the last that was seen in the range.
    return target.instant() if query.instant or panel.kind == "stat" else target.range()


def _thresholds(thresholds: Sequence[Threshold]) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(value=one.value, color=COLOURS[one.level]) for one in thresholds]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(mappings: Sequence[Mapping]) -> model.ValueMap:
    return model.ValueMap(
        options={
            f"{one.value:g}": model.ValueMappingResult(text=one.text, color=COLOURS[one.level], index=index)
            for index, one in enumerate(mappings)
        }
    )


def _runbook(name: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(f"Runbook: {name}").type(model.DashboardLinkType.LINK)
    return link.url(f"${{runbooks}}/{name}.md").target_blank(True)


def _value(name: str, value: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=value)


def _fixed(colour: str) -> model.DynamicConfigValue:
    return _value("color", {"mode": "fixed", "fixedColor": colour})


def _reduce(panel: Panel) -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs([_CALCS[panel.reduce]]).fields("").values(False)


def _colour(mode: model.FieldColorModeId) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(mode)


def _timeseries(panel: Panel) -> timeseries.Panel:
    off, dashed = common_model.GraphThresholdsStyleMode.OFF, common_model.GraphThresholdsStyleMode.DASHED
    built = (
        timeseries.Panel()
        .color_scheme(_colour(model.FieldColorModeId.PALETTE_CLASSIC))
        .line_width(1.5)
        .fill_opacity(40 if panel.stacked else 6)
        .gradient_mode(common_model.GraphGradientMode.NONE)
        .show_points(common_model.VisibilityMode.AUTO)
        .span_nulls(False)  # a gap is evidence: it stays a gap
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed if panel.thresholds else off))
        .tooltip(_tooltip())
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_model.LegendDisplayMode.LIST)
            .placement(common_model.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"] if panel.width >= 8 else [])
        )
    )
    if panel.stacked:
        built.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL).group("A"))
    if panel.log:
        scale = common.ScaleDistributionConfig().type(common_model.ScaleDistribution.LOG).log(10)
        built.scale_distribution(scale)
    for ref, query in _refs(panel):
        properties = _style(query)
        if properties:
            built.override_by_query(ref, properties)
    return built


def _style(query: Query) -> list[model.DynamicConfigValue]:
    """How the lines of a role look: limits red and dashed, trends dotted, context grey; quantiles in their colours."""
    alone = [_value("custom.stacking", {"mode": "none", "group": "A"}), _value("custom.fillOpacity", 0)]
    if query.role == "limit":
        dash = _value("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
        return [_fixed(LIMIT_COLOUR), dash, _value("custom.lineWidth", 1), *alone]
    if query.role == "trend":
        return [_value("custom.lineStyle", {"fill": "dot", "dash": [0, 8]}), _value("custom.lineWidth", 1), *alone]
    if query.role == "band":
        return [_fixed(BAND_COLOUR), _value("custom.lineWidth", 1), *alone]
    colour = QUANTILE_COLOURS.get(query.legend.rpartition(" ")[2])
    return [_fixed(colour)] if colour else []


def _tooltip() -> common.VizTooltipOptions:
    options = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    return options.sort(common_model.SortOrder.DESCENDING)


def _stat(panel: Panel) -> stat.Panel:
    text = common_model.BigValueTextMode
    return (
        stat.Panel()
        .color_scheme(_colour(model.FieldColorModeId.THRESHOLDS))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .justify_mode(common_model.BigValueJustifyMode.AUTO)
        .orientation(common_model.VizOrientation.AUTO)
        .text_mode(text.NAME if panel.show_name else text.AUTO)
        .reduce_options(_reduce(panel))
        .no_value("no data")
    )


def _bargauge(panel: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .color_scheme(_colour(model.FieldColorModeId.THRESHOLDS))
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .value_mode(common_model.BarGaugeValueMode.COLOR)
        .name_placement(common_model.BarGaugeNamePlacement.LEFT)
        .show_unfilled(True)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .reduce_options(_reduce(panel))
        .no_value("no data")
    )


def _state(panel: Panel) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .color_scheme(_colour(model.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common_model.VisibilityMode.NEVER)
        .row_height(0.85)
        .fill_opacity(80)
        .line_width(0)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_model.LegendDisplayMode.LIST)
            .placement(common_model.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .tooltip(_tooltip())
    )


def _heatmap(panel: Panel) -> heatmap.Panel:
    colours = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_model.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .scale(heatmap_model.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
        .reverse(False)
        .fill("dark-blue")
    )
    return (
        heatmap.Panel()
        .calculate(False)
        .color(colours)
        .cell_gap(1)
        .filter_values(heatmap.FilterValueRange().le(1e-9))  # empty bands stay background
        .y_axis(heatmap.YAxisConfig().unit(panel.unit).axis_placement(common_model.AxisPlacement.LEFT))
        .cell_values(heatmap.CellValues().unit("reqps").decimals(2))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(common_model.HeatmapCellLayout.AUTO))
        .mode(common_model.TooltipDisplayMode.SINGLE)
        .show_y_histogram()
        .hide_legend()
    )


def _table(panel: Panel) -> table.Panel:
    """Rows joined over the labels; each query a column, named by its legend."""
    titles = {column.label: column.title for column in panel.columns}
    for ref, query in _refs(panel):
        titles |= {f"Value #{ref}": query.legend} | ({"Value": query.legend} if len(panel.queries) == 1 else {})
    hidden = dict.fromkeys(("Time", "harness", "run_id", "__name__"), True)
    order = {name: index for index, name in enumerate(titles)}
    built = (
        table.Panel()
        .color_scheme(_colour(model.FieldColorModeId.THRESHOLDS))
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
        built.override_by_name(panel.columns[0].title, [_value("links", links)])
    return built


def _column(panel: Panel, query: Query) -> list[model.DynamicConfigValue]:
    properties = []
    if query.unit is not None:
        properties.append(_value("unit", query.unit))
    if query.decimals is not None:
        properties.append(_value("decimals", query.decimals))
    if query.thresholds:
        steps = [{"value": one.value, "color": COLOURS[one.level]} for one in query.thresholds]
        properties.append(_value("thresholds", {"mode": "absolute", "steps": steps}))
    if query.thresholds or panel.mappings:
        properties.append(_value("custom.cellOptions", {"type": "color-text"}))
    return properties


def _xy(panel: Panel) -> xychart.Panel:
    """Moments as points: all queries joined over time, the first one across."""
    across, *above = panel.queries
    built = (
        xychart.Panel()
        .color_scheme(_colour(model.FieldColorModeId.PALETTE_CLASSIC))
        .mapping(xychart_model.SeriesMapping.AUTO)
        .series([])
        .show(xychart_model.XYShowMode.POINTS)
        .point_size(xychart.XychartFieldConfigPointSize().fixed(5))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_model.LegendDisplayMode.LIST)
            .placement(common_model.LegendPlacement.BOTTOM)
            .calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.SINGLE))
        .with_transformation(
            model.DataTransformerConfig(id_val="joinByField", options={"byField": "Time", "mode": "inner"})
        )
    )
    built.override_by_name(across.legend, [_value("unit", across.unit or "short")])
    for query in above:
        if query.role == "limit":
            built.override_by_name(query.legend, [_fixed(LIMIT_COLOUR)])
    return built


_KINDS: dict[Kind, Callable[[Panel], Any]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "bargauge": _bargauge,
    "table": _table,
    "heatmap": _heatmap,
    "state": _state,
    "xy": _xy,
}
