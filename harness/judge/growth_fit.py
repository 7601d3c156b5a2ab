"""How fast a series grows, over all shapes and strengths of autocorrelation that explain it: model averaging. Pure.

A regression with AR(1) errors, integrated over its autocorrelation on a grid (Zellner & Tiao 1964, "Bayesian analysis
of the regression model with autocorrelated errors") and averaged over the candidate shapes (Hoeting, Madigan, Raftery
& Volinsky 1999, "Bayesian model averaging"). A model's weight is its restricted likelihood (Patterson & Thompson 1971),
which does not favour too small an autocorrelation as the ordinary one does, times exp(-k/2 ln n) for its k shapes
(Schwarz 1978; Raftery 1995, "Bayesian model selection in social research"), times its prior. Within a model the growth
has Student's t distribution; over all models it is a mixture of these, whose tail areas decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.linalg import solve_triangular
from scipy.optimize import brentq

from harness.judge.growth_curves import Curves
from harness.prom.series import FloatArray

# Correlation times of the noise, shares of the horizon: none to four hours of a day (JUDGEMENT: 1 to 3 h).
CORRELATION = (0.0, 0.01, 0.02, 0.04, 0.065, 0.1, 0.17)
NUGGETS = (0.0, 0.4)  # share of the variance that each reading has for itself
NEGLIGIBLE = 1e-4  # of all weight, in the lightest models together: fewer tails to add up
LEAST_FREEDOM = 3  # readings beyond the coefficients: with fewer anything fits
DEGENERATE = 1e-8  # two columns that are as good as one


@dataclass(frozen=True)
class Mixture:
    """Student's t distributions of the growth per hour with their weights, which sum to one.

    Attributes:
        mean, scale, freedom: of the mean growth per hour over the next horizon.
        goes_on: whether the model has a part that does not settle.
        step, place: probability that there is a step, and the column of the likeliest.
    """

    weight: FloatArray
    mean: FloatArray
    scale: FloatArray
    freedom: float
    goes_on: NDArray[np.bool_]
    step: float
    place: int

    def above(self, rate: float) -> float:
        """Probability that the growth per hour is larger than ``rate``."""
        return float(np.sum(self.weight * _tail(self.mean - rate, self.scale, self.freedom)))

    def above_if_it_goes_on(self, rate: float) -> float:
        """The same among the models whose growth goes on: their prior, and so Occam's razor, has no say in it."""
        weight = np.where(self.goes_on, self.weight, 0.0)
        total = float(np.sum(weight))
        return float(np.sum(weight * _tail(self.mean - rate, self.scale, self.freedom))) / total if total > 0 else 1.0

    @property
    def expected(self) -> float:
        return float(np.sum(self.weight * self.mean))

    def quantile(self, share: float) -> float:
        """The growth per hour that is exceeded with probability 1 - ``share``."""
        reach = 8.0 * float(np.max(self.scale))
        low, high = float(np.min(self.mean)) - reach, float(np.max(self.mean)) + reach
        target = 1 - share
        if low >= high or self.above(low) <= target or self.above(high) >= target:
            return low if self.above(low) <= target else high
        return float(
            brentq(
                lambda rate: self.above(rate) - target,
                low,
                high,
                xtol=2e-3 * float(np.sum(self.weight * self.scale)) + 1e-12 * reach,
                rtol=1e-4,
            )
        )


def _tail(away: FloatArray, scale: FloatArray, freedom: float) -> FloatArray:
    """P(t > -away / scale); a scale of 0 is certainty."""
    grid, table = _student(freedom)
    with np.errstate(over="ignore"):
        ratio = np.arcsinh(away / np.where(scale > 0, scale, 1e-300))
    return np.where(away == 0, np.where(scale > 0, 0.5, 0.0), np.interp(ratio, grid, table, left=0.0, right=1.0))


@lru_cache(maxsize=256)
def _student(freedom: float) -> tuple[FloatArray, FloatArray]:
    """Student's distribution function over asinh(t): interpolated, it is a hundred times as fast, and exact to 1e-5."""
    grid = np.linspace(-9.0, 9.0, 601)
    return grid, np.asarray(special.stdtr(freedom, np.sinh(grid)), dtype=np.float64)


def fit_growth(
    hours: FloatArray,
    values: FloatArray,
    ids: NDArray[np.int64],
    fixed: FloatArray,
    candidates: Curves,
    horizon: float,
    resolution: float,
) -> Mixture:
    """The growth of ``values`` at ``hours``.

    Args:
        ids: segment of each reading: noise of different segments is independent.
        fixed: columns that every model has (segment levels, load).
        horizon: hours.
        resolution: standard deviation below which the readings cannot be told apart.
    """
    count = values.size
    scale = float(np.std(values)) or 1.0
    data = np.column_stack([values / scale, candidates.trends, candidates.settling, candidates.steps])
    least = count * (resolution / scale) ** 2
    parts = [_evaluate(chol, fixed, data, candidates, least) for chol in _noises(hours, ids, horizon)]
    top = max(float(part.log_weight.max()) for part in parts)
    weights = [np.exp(part.log_weight - top) for part in parts]
    total = sum(float(w.sum()) for w in weights)
    by_step = sum(w.sum(axis=(1, 2)) for w in weights) / total
    least_weight = _threshold(np.concatenate([w.ravel() for w in weights]))
    kept = [w > least_weight for w in weights]
    weight = np.concatenate([w[k] for w, k in zip(weights, kept, strict=True)])

    def gather(name: str) -> FloatArray:
        return np.concatenate([getattr(p, name)[k] for p, k in zip(parts, kept, strict=True)])

    goes_on = np.concatenate([np.broadcast_to(_goes_on(k.shape), k.shape)[k] for k in kept])
    merged = _merged(weight / weight.sum(), scale * gather("mean"), scale * gather("scale"), goes_on)
    return Mixture(
        *merged[:3],
        float(max(1, count - fixed.shape[1] - 2)),
        merged[3],
        float(by_step[1:].sum()),
        int(np.argmax(by_step[1:])) if by_step.size > 1 else -1,
    )


def _goes_on(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Index 0 of the trend's axis is "none"."""
    return (np.arange(shape[1]) > 0)[None, :, None]


def _merged(
    weight: FloatArray, mean: FloatArray, scale: FloatArray, goes_on: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """The same mixture with components that are nearly the same made one: tails of thousands cost too much."""
    typical = max(float(np.sum(weight * scale)), 1e-300)
    near = np.round(mean / (0.1 * typical)).clip(-1e6, 1e6) * 1000
    near += np.round(5 * np.log(np.maximum(scale / typical, 1e-8))) + 0.25 * goes_on + 0.5 * (scale > 0)
    _, first, group = np.unique(near, return_index=True, return_inverse=True)
    total = np.bincount(group, weight).astype(np.float64)
    return total, np.bincount(group, weight * mean) / total, np.bincount(group, weight * scale) / total, goes_on[first]


def _threshold(weights: FloatArray) -> float:
    """The weight up to which the lightest hold ``NEGLIGIBLE`` of all."""
    ordered = np.sort(weights[weights > 0])
    light = int(np.searchsorted(np.cumsum(ordered), NEGLIGIBLE * ordered.sum(), side="right"))
    return float(ordered[light - 1]) if light else 0.0


def _noises(hours: FloatArray, ids: NDArray[np.int64], horizon: float) -> list[FloatArray]:
    """Cholesky factors of the noise's correlation matrices on the grid."""
    apart = np.abs(hours[:, None] - hours[None, :])
    same = ids[:, None] == ids[None, :]
    unit = np.eye(hours.size)
    found: list[FloatArray] = [unit]
    for share in CORRELATION[1:]:
        slow = np.where(same, np.exp(-apart / (share * horizon)), 0.0)
        found += [np.asarray(np.linalg.cholesky((1 - own) * slow + (own + 1e-9) * unit)) for own in NUGGETS]
    return found


@dataclass(frozen=True)
class _Evaluated:
    """Every combination of step (or none), trend (or none) and settling shape (or none), in that order of axes."""

    log_weight: FloatArray
    mean: FloatArray
    scale: FloatArray


def _evaluate(chol: FloatArray, fixed: FloatArray, data: FloatArray, candidates: Curves, least: float) -> _Evaluated:
    count = data.shape[0]
    whitened = solve_triangular(chol, np.column_stack([fixed, data]), lower=True, check_finite=False)
    basis, upper = np.linalg.qr(whitened[:, : fixed.shape[1]])
    rest = whitened[:, fixed.shape[1] :]
    rest = rest - basis @ (basis.T @ rest)
    before = np.sum(data**2, axis=0)  # a column that the fixed ones explain says nothing
    gram = rest.T @ rest
    trends, settles = candidates.trends.shape[1], candidates.settling.shape[1]
    core = 1 + trends + settles
    dead = np.diag(gram) <= DEGENERATE * np.maximum(before, 1e-300)
    # One step at a time is taken out of everything (Frisch-Waugh-Lovell); the first slice has none.
    across, own = gram[core:, :core], np.diag(gram)[core:]
    usable = ~dead[core:]
    across, own = np.where(usable[:, None], across, 0.0), np.where(usable, own, 1.0)
    cut = gram[None, :core, :core] - across[:, :, None] * across[:, None, :] / own[:, None, None]
    g = np.concatenate([gram[None, :core, :core], cut])
    steps = g.shape[0]
    shape = (steps, trends + 1, settles + 1)
    yy = g[:, 0, 0][:, None, None]
    # Axis 1 is the trend, axis 2 the settling shape; index 0 of each is "none".
    t_t = _with_none(np.diagonal(g, axis1=1, axis2=2)[:, 1 : 1 + trends])[:, :, None]
    u_u = _with_none(np.diagonal(g, axis1=1, axis2=2)[:, 1 + trends :])[:, None, :]
    t_y = _with_none(g[:, 0, 1 : 1 + trends])[:, :, None]
    u_y = _with_none(g[:, 0, 1 + trends :])[:, None, :]
    t_u = np.zeros(shape)
    t_u[:, 1:, 1:] = g[:, 1 : 1 + trends, 1 + trends :]
    has_t = (np.arange(trends + 1) > 0)[None, :, None]
    has_u = (np.arange(settles + 1) > 0)[None, None, :]
    t_safe, u_safe = np.where(has_t, t_t, 1.0), np.where(has_u, u_u, 1.0)
    det = t_safe * u_safe - t_u**2
    first = np.diag(gram)
    weak = (has_t & (t_t <= DEGENERATE * first[1 : 1 + trends].max(initial=1e-300))) | (
        has_u & (u_u <= DEGENERATE * first[1 + trends : core].max(initial=1e-300))
    )
    bad = weak | (det <= 1e-6 * t_safe * u_safe)
    det = np.where(bad, 1.0, det)
    slope = np.where(has_t, (u_safe * t_y - t_u * u_y) / det, 0.0)
    amplitude = np.where(has_u, (t_safe * u_y - t_u * t_y) / det, 0.0)
    square = np.maximum(yy - slope * t_y - amplitude * u_y, 0.0) + least + 1e-18
    rate = np.concatenate([[0.0], candidates.settling_rate])[None, None, :]
    freedom = count - fixed.shape[1]
    shapes = has_t.astype(int) + has_u + (np.arange(steps) > 0)[:, None, None]
    variance = square / np.maximum(1, freedom - shapes)
    t_var, u_var, tu_cov = u_safe / det * has_t, t_safe / det * has_u, -t_u / det
    log_prior = (
        np.log(np.concatenate([[1 - candidates.trend_prior.sum()], candidates.trend_prior]))[None, :, None]
        + np.log(np.concatenate([[1 - candidates.settling_prior.sum()], candidates.settling_prior]))[None, None, :]
        + np.log(np.r_[1 - candidates.step_prior * (steps - 1), np.full(steps - 1, candidates.step_prior)])[
            :, None, None
        ]
    )
    constant = -np.sum(np.log(np.diag(chol))) - np.sum(np.log(np.maximum(np.abs(np.diag(upper)), 1e-300)))
    log_weight = constant + log_prior - 0.5 * freedom * np.log(square) - 0.5 * shapes * np.log(count)
    log_weight = np.where(bad | (freedom - shapes < LEAST_FREEDOM), -np.inf, log_weight)
    log_weight[1:][~usable] = -np.inf
    return _Evaluated(
        log_weight,
        slope + rate * amplitude,
        np.sqrt(np.maximum(variance * (t_var + rate**2 * u_var + 2 * rate * tu_cov), 0.0)),
    )


def _with_none(columns: FloatArray) -> FloatArray:
    """A first column of zeros: the model without."""
    return np.concatenate([np.zeros((columns.shape[0], 1)), columns], axis=1)
