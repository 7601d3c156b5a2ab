"""How often comparisons are right: on real runs, and on runs resampled from them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from accuracy.regression.corpus import Build
from harness.judge.regression import compare
from harness.judge.regression_keys import PACED
from harness.judge.regression_rows import Change
from harness.judge.regression_values import RunValues
from harness.plan.regression import QuerySet
from harness.prom.series import FloatArray


@dataclass(frozen=True)
class Rate:
    """So many of so many."""

    hits: int
    of: int


@dataclass(frozen=True)
class Measured:
    """One build against ``baselines`` runs of the base build.

    Attributes:
        found: comparisons in which what was done was named.
        clean: comparisons in which nothing else was called worse.
        falsely: what was called worse falsely, with how often.
    """

    build: str
    baselines: int
    found: Rate
    clean: Rate
    falsely: tuple[tuple[str, int], ...] = ()


def measure(
    build: Build, runs: Sequence[RunValues], base: Sequence[RunValues], baselines: int, queries: QuerySet, most: int
) -> Measured:
    """Every run of a build against choices of that many base runs, at most ``most`` comparisons, drawn evenly."""
    pairs = [
        (run, choice)
        for run in runs
        for choice in itertools.combinations([b for b in base if b.run_id != run.run_id], baselines)
    ]
    if len(pairs) > most:
        rng = np.random.default_rng(1)
        pairs = [pairs[i] for i in sorted(rng.choice(len(pairs), most, replace=False))]
    return _rates(build, pairs, baselines, queries)


def _rates(
    build: Build, pairs: Sequence[tuple[RunValues, Sequence[RunValues]]], baselines: int, queries: QuerySet
) -> Measured:
    found = clean = 0
    falsely: dict[str, int] = {}
    for run, choice in pairs:
        worse = compare(run, choice, queries).of(Change.WORSE)
        found += build.found(worse)
        wrong = build.false(worse)
        clean += not wrong
        for row in wrong:
            name = " ".join((row.query, *row.labels.values()))
            falsely[name] = falsely.get(name, 0) + 1
    told = tuple(sorted(falsely.items(), key=lambda one: -one[1]))
    return Measured(build.name, baselines, Rate(found, len(pairs)), Rate(clean, len(pairs)), told)


def resampled(base: Sequence[RunValues], count: int, rng: np.random.Generator) -> list[RunValues]:
    """Runs of the base build that were never made: their levels are drawn around those of the real runs, with their
    spread, all series of a run together (so that they stay as dependent as they are), its sub-windows from one run.

    A level is the mean of the real ones plus a random combination of their deviations: normal, with the covariance that
    n real runs show, and nothing invented.
    """
    keys = [k for k in base[0].values if all(k in one.values for one in base)]
    n = len(base)
    made = []
    for number in range(count):
        weights = rng.normal(0, 1 / np.sqrt(n - 1), n)
        source = base[int(rng.integers(n))]
        values: dict[object, FloatArray] = {}
        for key in keys:
            positive = all((one.values[key] > 0).all() for one in base)
            scaled = [np.log(one.values[key]) if positive else one.values[key] for one in base]
            levels = np.array([one.mean() for one in scaled])
            own = scaled[base.index(source)]
            inside = (own - own.mean())[rng.integers(0, own.size, own.size)]
            drawn = levels.mean() + float(weights @ (levels - levels.mean())) + inside - inside.mean()
            values[key] = np.exp(drawn) if positive else np.maximum(drawn, 0.0)
        made.append(replace(source, run_id=f"resampled-{number}", values=values))  # type: ignore[arg-type]
    return made


def plant(run: RunValues, build: Build) -> RunValues:
    """A run of the base build with the change of another made in its numbers."""
    values = dict(run.values)
    for query, endpoint, factor in build.planted:
        for key in values:
            if key[0] in (query, query + PACED) and (not endpoint or dict(key[1]).get("name") == endpoint):
                values[key] = values[key] * factor
    return replace(run, values=values)


def resampled_rates(
    build: Build, base: Sequence[RunValues], baselines: int, comparisons: int, queries: QuerySet, seed: int = 1
) -> Measured:
    """Resampled runs with a planted change (none for the base build) against resampled runs of the base build."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(comparisons):
        run, *others = resampled(base, baselines + 1, rng)
        pairs.append((plant(run, build), tuple(others)))
    return _rates(build, pairs, baselines, queries)
