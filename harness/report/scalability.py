"""The Universal Scalability Law of a capacity run, in words and as a curve. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.judge.verdict import Verdict
from harness.report.text import clean
from harness.units import format_value

POINTS = 40


def scalability_text(verdict: Verdict) -> str:
    """Contention, coherency, predicted peak and how well it fits, or why there is no number; empty for other runs."""
    told = (verdict.capacity or {}).get("usl")
    if not told:
        return ""
    if told.get("refused") or not _finite(told, "alpha", "beta", "gamma", "r2"):
        return clean(f"No fit of the Universal Scalability Law: {told.get('refused') or 'it gave no number'}.")
    worst = max((abs(float(one)) for one in told.get("residuals", ())), default=math.nan)
    words = f"Universal Scalability Law: contention {told['alpha']:.3g}, coherency {told['beta']:.3g}"
    if told.get("peak_load") is not None and told.get("peak_rps") is not None:
        peak = format_value(float(f"{told['peak_rps']:.3g}"), "rps")
        words += f", predicted peak {peak} at {told['peak_load']:,.0f} users"
    else:
        words += ", no peak within reach"
    explained = format_value(told["r2"], "ratio")
    return clean(f"{words}; explains {explained} of the variance, off by {format_value(worst, 'ratio')} at most.")


def scalability_curve(verdict: Verdict) -> tuple[tuple[float, float], ...]:
    """(users, requests per second) of the fit, from nothing to the highest load that was tried; empty without one."""
    told = (verdict.capacity or {}).get("usl") or {}
    if told.get("refused") or not verdict.steps or not _finite(told, "alpha", "beta", "gamma"):
        return ()
    loads = np.linspace(1.0, max(step.load for step in verdict.steps), POINTS)
    below = 1 + told["alpha"] * (loads - 1) + told["beta"] * loads * (loads - 1)
    return tuple(zip(loads.tolist(), (told["gamma"] * loads / below).tolist(), strict=True))


def _finite(told: Mapping[str, Any], *keys: str) -> bool:
    return all(isinstance(told.get(key), int | float) and math.isfinite(told[key]) for key in keys)
