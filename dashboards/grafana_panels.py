"""Panels in the terms of the Grafana Foundation SDK: what all kinds have; each kind stands in its own function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from grafana_foundation_sdk.builders import (
    dashboard,
    prometheus,
)
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model

from dashboards.grafana_charts import heatmap_panel, state_panel, timeseries_panel, xy_panel
from dashboards.grafana_terms import refs
from dashboards.grafana_values import bargauge_panel, stat_panel, table_panel
from dashboards.levels import COLOURS, NEUTRAL
from dashboards.model import Kind, Mapping, Panel, Query, Threshold

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="harness-prometheus")


def panel_builder(panel: Panel) -> Any:
    """The SDK's builder of a panel: queries, unit, levels, description and links; without id and place."""
    built = _KINDS[panel.kind](panel)
    built.title(panel.title).description(panel.description).datasource(DATASOURCE)
    built.unit(panel.unit).thresholds(_thresholds(panel.thresholds or NEUTRAL))
    built.targets([_target(panel, query, ref) for ref, query in refs(panel)])
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


_KINDS: dict[Kind, Callable[[Panel], Any]] = {
    "timeseries": timeseries_panel,
    "stat": stat_panel,
    "bargauge": bargauge_panel,
    "table": table_panel,
    "heatmap": heatmap_panel,
    "state": state_panel,
    "xy": xy_panel,
}
