"""Whether one run differs from earlier ones by more than runs of one build differ from each other. Pure.

The run is the unit, not the sample: sub-windows of one run share its luck (its memory layout, its neighbours, its
data) and are no independent evidence of the build. Two levels, then: sub-windows tell the noise inside a run,
baseline runs the noise between runs.

For each series x_r is the level of run r: the mean over its sub-windows, of logarithms where the change is relative.
The difference between the run and the mean of N baseline runs has the variance s2 * (1 + 1/N) (a prediction interval,
as for any next run), where s2 is the variance between runs: the sample variance of the baselines with N - 1 degrees
of freedom, drawn towards a prior with ``PRIOR_DF`` (the moderated variance of Smyth 2004, as limma has it). Where one
baseline shows no spread at all, the prior is trusted less (``PRIOR_DF_ALONE``). The prior is the spread that is assumed
of such a metric, but no less than what this stack's series of the same signal showed, plus the noise inside the runs,
of which the sub-windows' autocorrelation leaves less than their number suggests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.prom.series import FloatArray

ALPHA = 0.01  # of a false "worse" anywhere in one comparison (Holm)
CONFIDENCE = 0.95  # of the interval that is shown, and that "same" needs within the tolerance
POWER = 0.90
PRIOR_DF = 8.0
# Of one baseline nothing is known but the prior, which was too narrow five-fold on a machine that other work shared.
PRIOR_DF_ALONE = 3.0
MOST_CORRELATED = 0.9


@dataclass(frozen=True)
class Level:
    """One series of one run: its level, and the variance of that level by the noise inside the run."""

    mean: float
    within: float


@dataclass(frozen=True)
class Effect:
    """The run against the baselines, in logarithms or in the unit; above 0 the run is higher.

    Attributes:
        error: standard error of ``difference``.
        df: degrees of freedom of its t distribution.
    """

    difference: float
    error: float
    df: float

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        half = float(stats.t.ppf(0.5 + confidence / 2, self.df)) * self.error
        return self.difference - half, self.difference + half

    def p_above(self) -> float:
        """Probability of a difference at least so large upwards when there is none."""
        return float(stats.t.sf(self.difference / self.error, self.df))

    def p_below(self) -> float:
        return float(stats.t.cdf(self.difference / self.error, self.df))

    def detectable(self, alpha: float, margin: float) -> float:
        """The smallest difference that is found with 90 % power, as ``difference``."""
        least = max(float(stats.t.isf(alpha, self.df)), margin / self.error)
        return (least + float(stats.t.ppf(POWER, self.df))) * self.error


def level(values: FloatArray, *, logarithms: bool) -> Level:
    """The level of one run. ``values``: shape (k,), k >= 2, above 0 where logarithms are taken."""
    z = np.log(values) if logarithms else values
    n = z.size
    spread = float(np.var(z, ddof=1))
    if spread == 0.0:
        return Level(float(np.mean(z)), 0.0)
    centred = z - z.mean()
    rho = float(np.sum(centred[1:] * centred[:-1]) / np.sum(centred * centred))
    # The estimate is low in short series by about (1 + 4 rho) / n (Marriott and Pope 1954).
    rho = min(MOST_CORRELATED, max(0.0, rho + (1 + 4 * rho) / n))
    effective = max(1.0, n * (1 - rho) / (1 + rho))
    return Level(float(np.mean(z)), spread / effective)


def between(baselines: Sequence[Level]) -> float:
    """Sample variance of the baselines' levels; NaN for fewer than two."""
    return float(np.var([one.mean for one in baselines], ddof=1)) if len(baselines) > 1 else math.nan


def prior(assumed: float, run: Level, baselines: Sequence[Level]) -> float:
    """The variance between runs before their levels are looked at.

    Args:
        assumed: standard deviation between runs of one build, beside the noise inside them.
    """
    return assumed**2 + float(np.mean([one.within for one in (run, *baselines)]))


def noisier(priors: Sequence[float], betweens: Sequence[float]) -> float:
    """By how much series of one signal scatter more than assumed, at least 1: what all showed holds for each."""
    ratios = [seen / assumed for assumed, seen in zip(priors, betweens, strict=True) if math.isfinite(seen)]
    return max(1.0, float(np.mean(ratios))) if ratios else 1.0


def effect(run: Level, baselines: Sequence[Level], prior_variance: float) -> Effect:
    """The difference of a run from N >= 1 baselines, with its prediction error."""
    n = len(baselines)
    seen = between(baselines)
    df = PRIOR_DF_ALONE if n == 1 else PRIOR_DF + n - 1
    variance = prior_variance if n == 1 else (PRIOR_DF * prior_variance + (n - 1) * seen) / df
    # A run that is noisier inside than the baselines were is known less well than they.
    extra = max(0.0, run.within - float(np.mean([one.within for one in baselines])))
    difference = run.mean - float(np.mean([one.mean for one in baselines]))
    return Effect(difference, math.sqrt(variance * (1 + 1 / n) + extra), df)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (Holm 1979): they hold the chance of any false alarm, however the tests depend on each other.

    Not Benjamini and Hochberg: beside a true regression that would let others be called worse falsely, in proportion.
    """
    count = len(p_values)
    adjusted = [1.0] * count
    largest = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
