"""Panels over time, or of one value against another, in the terms of the Grafana Foundation SDK."""

from __future__ import annotations

from grafana_foundation_sdk.builders import (
    common,
    heatmap,
    statetimeline,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models import xychart as xychart_model

from dashboards.grafana_terms import colour_mode, fixed, legend, refs, tooltip, value
from dashboards.levels import BAND_COLOUR, LIMIT_COLOUR, QUANTILE_COLOURS
from dashboards.model import Panel, Query


def timeseries_panel(panel: Panel) -> timeseries.Panel:
    """Lines over time, gaps left open."""
    off, dashed = common_model.GraphThresholdsStyleMode.OFF, common_model.GraphThresholdsStyleMode.DASHED
    built = (
        timeseries.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.PALETTE_CLASSIC))
        .line_width(1.5)
        .fill_opacity(40 if panel.stacked else 6)
        .gradient_mode(common_model.GraphGradientMode.NONE)
        .show_points(common_model.VisibilityMode.AUTO)
        .span_nulls(False)  # a gap is evidence: it stays a gap
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed if panel.thresholds else off))
        .tooltip(tooltip())
        .legend(legend(*(("lastNotNull", "max") if panel.width >= 8 else ())))
    )
    if panel.stacked:
        built.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL).group("A"))
    if panel.log:
        scale = common.ScaleDistributionConfig().type(common_model.ScaleDistribution.LOG).log(10)
        built.scale_distribution(scale)
    for ref, query in refs(panel):
        properties = _style(query)
        if properties:
            built.override_by_query(ref, properties)
    return built


def _style(query: Query) -> list[model.DynamicConfigValue]:
    """How the lines of a role look: limits red and dashed, trends dotted, context grey; quantiles in their colours."""
    alone = [value("custom.stacking", {"mode": "none", "group": "A"}), value("custom.fillOpacity", 0)]
    if query.role == "limit":
        dash = value("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
        return [fixed(LIMIT_COLOUR), dash, value("custom.lineWidth", 1), *alone]
    if query.role == "trend":
        return [value("custom.lineStyle", {"fill": "dot", "dash": [0, 8]}), value("custom.lineWidth", 1), *alone]
    if query.role == "band":
        return [fixed(BAND_COLOUR), value("custom.lineWidth", 1), *alone]
    colour = QUANTILE_COLOURS.get(query.legend.rpartition(" ")[2])
    return [fixed(colour)] if colour else []


def state_panel(panel: Panel) -> statetimeline.Panel:
    """A row for each series, coloured by its state."""
    return (
        statetimeline.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common_model.VisibilityMode.NEVER)
        .row_height(0.85)
        .fill_opacity(80)
        .line_width(0)
        .legend(legend())
        .tooltip(tooltip())
    )


def heatmap_panel(panel: Panel) -> heatmap.Panel:
    """Counts in bands over time."""
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


def xy_panel(panel: Panel) -> xychart.Panel:
    """Moments as points: all queries joined over time, the first one across."""
    across, *above = panel.queries
    built = (
        xychart.Panel()
        .color_scheme(colour_mode(model.FieldColorModeId.PALETTE_CLASSIC))
        .mapping(xychart_model.SeriesMapping.AUTO)
        .series([])
        .show(xychart_model.XYShowMode.POINTS)
        .point_size(xychart.XychartFieldConfigPointSize().fixed(5))
        .legend(legend())
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.SINGLE))
        .with_transformation(
            model.DataTransformerConfig(id_val="joinByField", options={"byField": "Time", "mode": "inner"})
        )
    )
    built.override_by_name(across.legend, [value("unit", across.unit or "short")])
    for query in above:
        if query.role == "limit":
            built.override_by_name(query.legend, [fixed(LIMIT_COLOUR)])
    return built
