"""The steps of a run, drawn into the panels of the dashboard *Stress*. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dashboards.steps import COURSES, LATENCY_CURVE, THROUGHPUT_CURVE
from harness.judge.steps import Step
from harness.judge.verdict import Verdict
from harness.plan.holds import peak_index
from harness.report.plots import Plot, Point, largest_of
from harness.report.scalability import scalability_curve
from harness.report.steps import LEVELS
from harness.units import format_value

PAGE = "harness-stress"
_CURVES = {"panel-" + THROUGHPUT_CURVE: "achieved_rps", "panel-" + LATENCY_CURVE: "p95"}
_COURSES = {"panel-" + key for key in COURSES}


def with_steps(plot: Plot, verdict: Verdict) -> Plot:
    """A curve with its steps, a course with its break; any other plot as it is."""
    told = verdict.stress or {}
    if plot.key in _COURSES and plot.drawn:
        return replace(plot, marks=_moments(told))
    measured = _CURVES.get(plot.key)
    if measured is None or not plot.drawn or not verdict.steps:
        return plot
    # The way up only: what the service did after the drop is recovery, at another place of the same curve. A search
    # goes up and down by itself.
    peak = peak_index([step.load for step in verdict.steps])
    rising = verdict.steps[: peak + 1] if verdict.stress is not None else verdict.steps
    top = largest_of([line.data.high for line in plot.lines if line.role != "limit"])
    points = [_point(plot, step, getattr(step, measured), top) for step in sorted(rising, key=lambda s: s.load)]
    unit = verdict.steps[0].unit
    return replace(
        plot,
        points=tuple(point for point in points if point is not None),
        across_title="users" if unit == "users" else "arrivals per second",
        fitted=scalability_curve(verdict) if measured == "achieved_rps" else (),
        uprights=(*_uprights(told), *_edge(verdict.capacity or {}, knee=measured == "achieved_rps")),
    )


def _point(plot: Plot, step: Step, value: float | None, top: float) -> Point | None:
    """A p95 that lies among failed requests has no value: it stands as high as anything that was seen."""
    load = f"{format_value(step.load, step.unit)} {step.outcome}"
    if value is None and step.error_ratio:
        return Point(step.load, top * plot.axis.factor, LEVELS[step.outcome], f"{load}: among the failed requests")
    if value is None:
        return None
    said = f"{load}: {plot.axis.text(value)}"
    return Point(step.load, value * plot.axis.factor, LEVELS[step.outcome], said)


def _uprights(told: Mapping[str, Any]) -> tuple[tuple[float, str, str], ...]:
    """The highest load that was held, and the break."""
    marks = (("held", "ok", "held"), ("break", "breach", "broke"))
    found = [(told.get(key), level, word) for key, level, word in marks]
    return tuple(
        (one["load"], f"{word} {format_value(one['load'], one['unit'])}", level) for one, level, word in found if one
    )


def _edge(answer: Mapping[str, Any], *, knee: bool) -> tuple[tuple[float, str, str], ...]:
    """The interval in which a search found the capacity, and the knee of its throughput."""
    unit = answer.get("unit", "")
    ends = (("low", "ok", "at least"), ("high", "breach", "at most"))
    found = [(answer[k], f"{w} {format_value(answer[k], unit)}", v) for k, v, w in ends if answer.get(k) is not None]
    bend = answer.get("knee") if knee else None
    return (*found, (bend["load"], f"knee {format_value(bend['load'], unit)}", "neutral")) if bend else tuple(found)


def _moments(told: Mapping[str, Any]) -> tuple[tuple[float, str], ...]:
    """When it broke, when the load dropped, and when it had recovered; unix seconds."""
    broken, recovery = told.get("break"), told.get("recovery") or {}
    found = []
    if broken:
        found.append((broken["onset"] if broken.get("onset") is not None else broken["from"], "broke"))
    if recovery.get("state") == "recovered":
        found.append((recovery["from"] + recovery["seconds"], "recovered"))
    return tuple(found)
