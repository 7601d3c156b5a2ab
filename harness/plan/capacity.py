"""The plan's ``capacity:`` section: how the highest load that a service sustains is searched for. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.units import parse_duration, parse_rate, parse_ratio

Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Share = Annotated[float, BeforeValidator(parse_ratio)]
Amount = Annotated[float, BeforeValidator(parse_rate), Field(gt=0, le=1_000_000)]
DEFAULT_LONGEST = 45 * 60.0


class Capacity(BaseModel):
    """See docs/plan.md, ``capacity``. Loads are users of the closed model, arrivals per second of the open one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: Amount
    max: Amount
    tolerance: Annotated[Share, Field(ge=0.01, le=0.5)] = 0.1
    confidence: Annotated[Share, Field(ge=0.5, le=0.999)] = 0.95
    settle: Seconds = 10.0
    hold: Seconds = 15.0
    confirm: Seconds = 45.0
    confirmations: Annotated[int, Field(ge=1, le=20)] = 3
    back_off: Seconds = 120.0
    ramp: Annotated[float, BeforeValidator(parse_duration), Field(ge=0)] = 60.0
    longest: Seconds = DEFAULT_LONGEST

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max <= self.start:
            raise ValueError(f"max ({self.max:g}) must be above start ({self.start:g})")
        if self.confirm < self.hold:
            raise ValueError("confirm, the hold near the edge, must not be shorter than hold")
        return self


def with_stages(data: Any) -> Any:
    """A capacity plan's stages follow from its search: one that begins with its first load and lasts ``longest``.

    What does not look like a plan is left to the validation.
    """
    section = data.get("capacity") if isinstance(data, Mapping) else None
    load = data.get("load") if isinstance(data, Mapping) else None
    if not isinstance(load, Mapping) or "stages" in load:
        return data
    if not isinstance(section, Mapping):
        if section is not None or data.get("kind") != "capacity":
            return data
        section = {"start": 1}  # that it is missing is told by the checks, not that the stages are
    try:
        start = parse_rate(section.get("start", 0))
        duration = parse_duration(section.get("longest", DEFAULT_LONGEST))
    except (ValueError, TypeError):
        return data
    key, first = ("rate", start) if load.get("model") == "open" else ("users", math.ceil(start))
    return {**data, "load": {**load, "stages": [{"duration": duration, key: first}]}}
