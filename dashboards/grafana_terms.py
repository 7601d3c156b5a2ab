"""Words of the Grafana Foundation SDK that panels of several kinds use."""

from __future__ import annotations

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
)
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from dashboards.model import Panel, Query

_CALCS = {"last": "lastNotNull", "max": "max", "min": "min", "mean": "mean"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def refs(panel: Panel) -> list[tuple[str, Query]]:
    """Each query with its letter."""
    return list(zip(_LETTERS, panel.queries, strict=False))


def value(name: str, value: object) -> model.DynamicConfigValue:
    """One property of an override."""
    return model.DynamicConfigValue(id_val=name, value=value)


def fixed(colour: str) -> model.DynamicConfigValue:
    """A colour that levels do not change."""
    return value("color", {"mode": "fixed", "fixedColor": colour})


def reduced(panel: Panel) -> common.ReduceDataOptions:
    """What of a series a single number is."""
    return common.ReduceDataOptions().calcs([_CALCS[panel.reduce]]).fields("").values(False)


def colour_mode(mode: model.FieldColorModeId) -> dashboard.FieldColor:
    """How values get their colours."""
    return dashboard.FieldColor().mode(mode)


def tooltip() -> common.VizTooltipOptions:
    """All series at the pointer, the highest first."""
    options = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    return options.sort(common_model.SortOrder.DESCENDING)


def legend(*calcs: str) -> common.VizLegendOptions:
    """A list below the plot, with these figures of each series."""
    options = common.VizLegendOptions().show_legend(True).display_mode(common_model.LegendDisplayMode.LIST)
    return options.placement(common_model.LegendPlacement.BOTTOM).calcs(list(calcs))
