"""The one colour language: levels, and the values from which they hold where the plan gives no limit."""

from __future__ import annotations

from dashboards.model import Level, Mapping, Threshold

COLOURS: dict[Level, str] = {"ok": "green", "warning": "orange", "breach": "red", "neutral": "text"}
LIMIT_COLOUR = COLOURS["breach"]
BAND_COLOUR = COLOURS["neutral"]
# The same quantile has the same colour everywhere: the further out, the darker.
QUANTILE_COLOURS = {"p50": "super-light-blue", "p95": "blue", "p99": "dark-purple"}


def rising(warning: float | None, breach: float | None) -> tuple[Threshold, ...]:
    """Good below, bad from these values on."""
    steps = [Threshold(None, "ok")]
    if warning is not None:
        steps.append(Threshold(warning, "warning"))
    if breach is not None:
        steps.append(Threshold(breach, "breach"))
    return tuple(steps)


def falling(breach: float, warning: float) -> tuple[Threshold, ...]:
    """Bad below ``breach``, good from ``warning`` on."""
    return (Threshold(None, "breach"), Threshold(breach, "warning"), Threshold(warning, "ok"))


NEUTRAL = (Threshold(None, "neutral"),)
SIGNAL_STATES = (Mapping(0, "ok", "ok"), Mapping(1, "warning", "warning"), Mapping(2, "critical", "breach"))
UP_STATES = (Mapping(0, "down", "breach"), Mapping(1, "up", "ok"))
ALERT_STATES = (Mapping(0, "fired earlier", "warning"), Mapping(1, "firing", "breach"))
