"""A run against earlier runs, query by query: worse, same, better, or cannot tell. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.judge.pace import OnePace, at_one_pace, slowest, unexcused
from harness.judge.regression_keys import Key
from harness.judge.regression_levels import Levels, levels_of, untestable
from harness.judge.regression_rows import WIDE, Change, Comparison, Measured, Row
from harness.judge.regression_stats import ALPHA, Effect, between, effect, holm, noisier, prior
from harness.judge.regression_values import RunValues, mean_of
from harness.plan.regression import QuerySet, RegressionQuery


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


def compare(
    run: RunValues, baselines: Sequence[RunValues], queries: QuerySet, spoiled: str = "", *, at_pace: bool = True
) -> Comparison:
    """The verdict on each series of each query.

    Args:
        run, baselines: answers to ``queries``, all of the same digest; comparable runs (``harness.judge.comparable``).
        spoiled: why latency and throughput of this run say nothing of the target; empty when they do.
        at_pace: bring CPU to one pace of the machine; not where the runs are not comparable.
    """
    paced = [query.name for query in queries.queries if query.paced] if at_pace else []
    pace = at_one_pace(run, baselines, paced) if paced else OnePace(run, tuple(baselines))
    rows, tested = _rows(pace.run, pace.baselines, queries, spoiled)
    if pace.brought:
        measured, _ = _rows(run, baselines, queries, spoiled)
        rows = unexcused(rows, [row for row in measured if row.query in paced], slowest(run, baselines))
    names = tuple(one.run_id for one in baselines)
    return Comparison(run.run_id, names, tuple(rows), assumed=_assumed(len(baselines), tested, pace.told))


def _rows(run: RunValues, baselines: Sequence[RunValues], queries: QuerySet, spoiled: str) -> tuple[Sequence[Row], int]:
    """The rows in the queries' order, and how many series were tested."""
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
    return rows, len(tested)


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
        note = f"{note}, yet its level proves no change: more baseline runs" if note else WIDE

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
