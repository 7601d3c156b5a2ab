"""Throughput against load: the knee, and a fit of the Universal Scalability Law. Pure.

USL: X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1)), with alpha the contention, beta the coherency (cross-talk)
and gamma the throughput of one user (Gunther, "Guerrilla Capacity Planning", Springer 2007, chapter 4; "A General
Theory of Computational Scalability Based on Rational Functions", arXiv:0808.1431). Its peak is at sqrt((1 - alpha) /
beta). The knee is where the two asymptotes of a closed system meet, N* = Xmax / X(1) (Denning and Buzen, "The
Operational Analysis of Queueing Network Models", Computing Surveys 10, 1978).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit

from harness.prom.series import FloatArray

LEAST_LOADS = 6  # distinct loads: three parameters and as many to doubt them
LEAST_R2 = 0.98
MOST_RESIDUAL = 0.10  # of the measured throughput, at any load
FURTHEST_PEAK = 2.0  # times the highest load measured: farther off a peak is guessed, not predicted
LOW_SHARE = 0.5  # of the highest throughput: up to there throughput grows with the load alone


@dataclass(frozen=True)
class Point:
    """Requests per second at one load."""

    load: float
    rps: float


@dataclass(frozen=True)
class UslFit:
    """A fit, or why there is none.

    Attributes:
        alpha, beta, gamma: see the module; NaN without a fit.
        r2: share of the variance that it explains.
        residuals: measured - fitted, as a share of the measured, per point of ``points``.
        peak_load, peak_rps: predicted; None: throughput only saturates, or the peak is too far off.
        refused: why no number is given; empty for a good fit.
    """

    points: tuple[Point, ...]
    alpha: float = math.nan
    beta: float = math.nan
    gamma: float = math.nan
    r2: float = math.nan
    residuals: tuple[float, ...] = ()
    peak_load: float | None = None
    peak_rps: float | None = None
    refused: str = ""


def curve_of(loads: Sequence[float], rates: Sequence[float]) -> tuple[Point, ...]:
    """The mean throughput at each load, in order of load; what was not measured is left out."""
    found: dict[float, list[float]] = {}
    for load, rate in zip(loads, rates, strict=True):
        if math.isfinite(rate):
            found.setdefault(load, []).append(rate)
    return tuple(Point(load, float(np.mean(rates))) for load, rates in sorted(found.items()))


def throughput_at(points: Sequence[Point], load: float) -> float | None:
    """Between measured loads in a straight line; None outside of them."""
    if not points or not points[0].load * 0.999 <= load <= points[-1].load * 1.001:
        return None
    return float(np.interp(load, [p.load for p in points], [p.rps for p in points]))


def knee_of(points: Sequence[Point]) -> Point | None:
    """Where the line of the low loads meets the highest throughput.

    None with fewer than three loads, and where throughput was not seen to bend: one line fits all loads as well, or
    the lines meet at the highest of them or beyond.
    """
    if len(points) < 3:
        return None
    most = max(p.rps for p in points)
    rising = points[: 1 + max(range(len(points)), key=lambda i: points[i].rps)]  # what fell again is no low load
    low = [p for p in rising if p.rps <= LOW_SHARE * most] or [points[0]]
    if most <= 0 or low[-1].rps <= 0:
        return None
    # Through the origin: no load, no throughput.
    slope = sum(p.load * p.rps for p in low) / sum(p.load**2 for p in low)
    if most / slope >= (1 - MOST_RESIDUAL) * points[-1].load or _is_line(points):
        return None
    return Point(most / slope, most)


def _is_line(points: Sequence[Point]) -> bool:
    """Whether one line through the origin is within ``MOST_RESIDUAL`` of every load's throughput."""
    if any(p.rps <= 0 for p in points):
        return False
    shares = np.array([p.load / p.rps for p in points])
    slope = shares.sum() / (shares @ shares)  # the least squares of the relative residuals
    return bool(np.abs(1 - slope * shares).max() <= MOST_RESIDUAL)


def usl(load: FloatArray, alpha: float, beta: float, gamma: float) -> FloatArray:
    return np.asarray(gamma * load / (1 + alpha * (load - 1) + beta * load * (load - 1)))


def fit_usl(points: Sequence[Point]) -> UslFit:
    """Least squares of the relative residuals, alpha in [0, 1], beta and gamma from 0."""
    points = tuple(p for p in points if p.load >= 1 and p.rps > 0)
    if len(points) < LEAST_LOADS:
        return UslFit(points, refused=f"{len(points)} loads are too few for a fit: {LEAST_LOADS} at least")
    loads, rates = np.array([p.load for p in points]), np.array([p.rps for p in points])
    first = float(rates[0] / loads[0])
    try:
        (alpha, beta, gamma), _ = curve_fit(
            usl, loads, rates, p0=(1e-3, 1e-6, first), sigma=rates,
            bounds=([0.0, 0.0, 0.0], [1.0, 1.0, np.inf]), maxfev=20_000,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        return UslFit(points, refused=f"the fit did not come to an end: {error}")
    fitted = usl(loads, alpha, beta, gamma)
    residuals = (rates - fitted) / rates
    r2 = 1 - float(((rates - fitted) ** 2).sum()) / max(1e-12, float(((rates - rates.mean()) ** 2).sum()))
    refused = ""
    if not r2 >= LEAST_R2:
        refused = f"the law explains only {r2:.1%} of the variance: {LEAST_R2:.0%} at least"
    elif not float(np.abs(residuals).max()) <= MOST_RESIDUAL:
        refused = f"it is off by {np.abs(residuals).max():.0%} at one of the loads: {MOST_RESIDUAL:.0%} at most"
    if refused:
        return UslFit(points, r2=r2, residuals=tuple(map(float, residuals)), refused=refused)
    peak = math.sqrt((1 - alpha) / beta) if beta > 0 else math.inf
    near = 1 <= peak <= FURTHEST_PEAK * float(loads[-1])  # fewer users than one are none
    return UslFit(
        points, float(alpha), float(beta), float(gamma), r2, tuple(map(float, residuals)),
        peak if near else None, float(usl(np.array([peak]), alpha, beta, gamma)[0]) if near else None,
    )  # fmt: skip
