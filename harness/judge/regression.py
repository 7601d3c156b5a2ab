"""A run against earlier runs, query by query: worse, same, better, or cannot tell. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from harness.judge.pace import at_one_pace
from harness.judge.regression_levels import Levels, levels_of, untestable
from harness.judge.regression_stats import ALPHA, Effect, between, effect, holm, noisier, prior
from harness.judge.regression_values import Key, RunValues, mean_of
from harness.plan.regression import QuerySet, RegressionQuery


class Change(StrEnum):
    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Measured:
    """What one run answered, for a reader's eye: its level and the values of its sub-windows, in the query's unit."""

    run_id: str
    level: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One series of one query. Changes are shares of the baseline, or in ``unit`` where ``absolute``.

    Attributes:
        labels: of the series, without the stack's.
        value, baseline: the run's level and the baselines' (means over the sub-windows), in ``unit``.
        effect, low, high: the change and its 95 % interval; above 0 the run is higher, whichever direction is good.
        p_value: of "worse", corrected for the number of series (Holm).
        tolerance: the change within which runs are the same.
        detectable: the smallest change for the worse that would have been called so with 90 % probability.
        note: why it cannot be told, or what to know.
        measured: of what is worse, the baselines in their order and this run last; of other rows nothing.
    """

    query: str
    signal: str
    labels: Mapping[str, str]
    change: Change
    unit: str
    absolute: bool = False
    better: str = "lower"
    value: float | None = None
    baseline: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    tolerance: float | None = None
    detectable: float | None = None
    note: str = ""
    measured: tuple[Measured, ...] = ()

    @property
    def place(self) -> str:
        """The query and whom it is about, in words."""
        if "method" in self.labels and "name" in self.labels:
            return f"{self.query} of {self.labels['method']} {self.labels['name']}"
        return self.query + (f" of {' '.join(self.labels.values())}" if self.labels else "")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"change": self.change.value, "labels": dict(self.labels), "place": self.place}


@dataclass(frozen=True)
class Comparison:
    """Everything that was found about one run and its baselines.

    Attributes:
        baselines: run ids that were compared with.
        refused: runs that could not be, and why.
        forced: what makes the runs not comparable, that ``--force`` went over.
        assumed: what the verdicts rest on, in words.
    """

    run_id: str
    baselines: tuple[str, ...]
    rows: tuple[Row, ...]
    refused: tuple[tuple[str, str], ...] = ()
    forced: tuple[str, ...] = ()
    assumed: str = ""

    def of(self, change: Change) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.change is change)

    def to_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "baselines": list(self.baselines),
            "refused": [{"run_id": run, "reason": why} for run, why in self.refused],
            "forced": list(self.forced),
            "assumed": self.assumed,
            "rows": [row.to_json() for row in self.rows],
        }


@dataclass(frozen=True)
class _Tested:
    """A series that can be compared; ``sign`` turns its effect so that above 0 is worse."""

    key: Key
    query: RegressionQuery
    levels: Levels
    effect: Effect
    value: float
    baseline: float
    margins: tuple[float, float]
    sign: float


def compare(run: RunValues, baselines: Sequence[RunValues], queries: QuerySet, spoiled: str = "") -> Comparison:
    """The verdict on each series of each query.

    Args:
        run, baselines: answers to ``queries``, all of the same digest; comparable runs (``harness.judge.comparable``).
        spoiled: why latency and throughput of this run say nothing of the target; empty when they do.
    """
    paced = [query.name for query in queries.queries if query.paced]
    run, baselines, pace = at_one_pace(run, baselines, paced)
    rows: list[Row] = []
    ready: list[tuple[Key, RegressionQuery]] = []
    for key in _keys(run, baselines, queries):
        query = queries.named(key[0])
        why = (
            spoiled if spoiled and query.signal in ("latency", "throughput") else untestable(key, query, run, baselines)
        )
        if why:
            # With what either side measured: an endpoint that is asked no more must be seen.
            now, before = (None, None) if why == spoiled else (mean_of(key, [run]), mean_of(key, baselines))
            labels, absolute = dict(key[1]), query.change == "absolute"
            told = Row(query.name, query.signal, labels, Change.CANNOT_TELL, query.unit, absolute, query.better)
            rows.append(replace(told, value=now, baseline=before, note=why))
        else:
            ready.append((key, query))
    tested = _effects(ready, run, baselines)
    worse = holm([one.effect.p_above() if one.sign > 0 else one.effect.p_below() for one in tested])
    better = holm([one.effect.p_below() if one.sign > 0 else one.effect.p_above() for one in tested])
    for one, p, q in zip(tested, worse, better, strict=True):
        row = _row(one, p, q, len(tested))
        rows.append(_with_measured(row, one, (*baselines, run)) if row.change is Change.WORSE else row)
    order = {name: i for i, name in enumerate(queries.names)}
    rows.sort(key=lambda row: (order[row.query], sorted(row.labels.items())))
    names = tuple(one.run_id for one in baselines)
    return Comparison(run.run_id, names, tuple(rows), assumed=_assumed(len(baselines), len(tested), pace))


def _keys(run: RunValues, baselines: Sequence[RunValues], queries: QuerySet) -> list[Key]:
    """Every series that some run knows of. A query that nothing answered is one without labels, never nothing."""
    known = set(queries.names)
    found = {k for one in (run, *baselines) for k in (*one.values, *one.left_out) if k[0] in known}
    series = {k[0] for one in (run, *baselines) for k in one.values}
    return [k for k in found if k[1] or k[0] not in series or any(k in one.values for one in (run, *baselines))]


def _effects(
    ready: Sequence[tuple[Key, RegressionQuery]], run: RunValues, baselines: Sequence[RunValues]
) -> list[_Tested]:
    levels = [levels_of(key, query, run, baselines) for key, query in ready]
    priors = [prior(q.between_runs, one.own, one.others) for (_, q), one in zip(ready, levels, strict=True)]
    betweens = [between(one.others) for one in levels]
    wider = {
        group: noisier(
            [p for (_, q), p in zip(ready, priors, strict=True) if _noise_group(q) == group],
            [b for (_, q), b in zip(ready, betweens, strict=True) if _noise_group(q) == group],
        )
        for group in {_noise_group(q) for _, q in ready}
    }
    found = []
    for (key, query), one, assumed in zip(ready, levels, priors, strict=True):
        base = float(np.mean([other.mean for other in one.others]))
        shown = (_in_unit(query, one.own.mean), _in_unit(query, base))
        found.append(
            _Tested(
                key,
                query,
                one,
                effect(one.own, one.others, assumed * wider[_noise_group(query)]),
                *shown,
                _margins(query, shown[1]),
                1.0 if query.better == "lower" else -1.0,
            )
        )
    return found


def _noise_group(query: RegressionQuery) -> tuple[str, str]:
    """Whose noise tells of each other's: series of one signal where changes are shares, else those of one query.

    An endpoint that fails now and then must not widen what is tolerated of the errors of all.
    """
    return query.signal, query.name if query.change == "absolute" else ""


def _in_unit(query: RegressionQuery, mean: float) -> float:
    return math.exp(mean) if query.change == "relative" else mean


def _margins(query: RegressionQuery, baseline: float) -> tuple[float, float]:
    """How far down and up a run is still the same, on the scale of the effect; both above 0."""
    if query.change == "absolute":
        size = max(query.tolerance, query.minimum)
        return size, size
    share = max(query.tolerance, query.minimum / baseline)
    return (math.inf if share >= 1 else -math.log1p(-share)), math.log1p(share)


def _row(one: _Tested, p_worse: float, p_better: float, count: int) -> Row:
    relative = one.query.change == "relative"
    low, high = one.effect.interval()
    down, up = one.margins
    worse_margin, better_margin = (up, down) if one.sign > 0 else (down, up)
    signed = one.sign * one.effect.difference
    if p_worse <= ALPHA and signed >= worse_margin:
        change = Change.WORSE
    elif one.levels.beyond:
        change = Change.CANNOT_TELL  # a break that the mean hides is neither "same" nor "better"
    elif p_better <= ALPHA and -signed >= better_margin:
        change = Change.BETTER
    elif -down <= low and high <= up:
        change = Change.SAME
    else:
        change = Change.CANNOT_TELL
    found = one.effect.detectable(ALPHA / count, worse_margin)
    note = one.levels.beyond
    if change is Change.CANNOT_TELL:
        wide = "the interval is wider than the tolerance: more baseline runs, or longer ones"
        note = f"{note}, yet its level proves no change: more baseline runs" if note else wide

    def shown(value: float) -> float:
        return math.expm1(min(value, 50.0)) if relative else value

    return Row(
        one.query.name,
        one.query.signal,
        dict(one.key[1]),
        change,
        one.query.unit,
        absolute=not relative,
        better=one.query.better,
        value=one.value,
        baseline=one.baseline,
        effect=shown(one.effect.difference),
        low=shown(low),
        high=shown(high),
        p_value=p_worse,
        tolerance=shown(up),
        detectable=shown(one.sign * found),
        note=note,
    )


def _with_measured(row: Row, tested: _Tested, runs: Sequence[RunValues]) -> Row:
    """The row with what each run answered; levels as they were compared."""
    levels = (*tested.levels.others, tested.levels.own)
    found = [
        Measured(one.run_id, _in_unit(tested.query, its.mean), tuple(float(v) for v in one.values[tested.key]))
        for one, its in zip(runs, levels, strict=True)
    ]
    return replace(row, measured=tuple(found))


def _assumed(runs: int, series: int, pace: str) -> str:
    if runs == 0:
        return "there was nothing to compare with"
    spread = (
        "one baseline run shows nothing of the spread between runs: that of each query's `between_runs` is assumed, "
        "and a machine that is noisier than that raises false alarms"
        if runs == 1
        else f"the spread between runs is that of {runs} baseline runs, drawn towards each query's `between_runs`"
    )
    told = f"{spread}; {series} series were tested, Holm's correction at {ALPHA:.0%}"
    return f"{told}; {pace}" if pace else told
