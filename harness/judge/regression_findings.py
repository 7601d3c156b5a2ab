"""Check "regression": what a comparison with earlier runs means for the verdict. Pure.

"Worse" FAILs a query that gates, else it is a WARN. A query gates when the plan requires it (``baseline.require``)
or, where it requires none by name, when it is about one of the plan's objectives or is the plan's own. "Cannot tell"
of a required query is INCONCLUSIVE. No baseline yet is a WARN, once: a first run has nothing to be compared with, and
says so.
"""

from __future__ import annotations

from dataclasses import replace

from harness.judge.as_baseline import CHECK
from harness.judge.regression_rows import WIDE, Change, Comparison, Row
from harness.judge.regression_stats import POWER
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.plan.model import Plan
from harness.plan.regression import QuerySet
from harness.units import format_value

_SHOWN = 4  # names in one sentence


def check_regression(
    comparison: Comparison, plan: Plan, queries: QuerySet, missing: str = "", mistaken: bool = False
) -> list[Finding]:
    """Findings of the plan's ``baseline:``.

    Args:
        missing: why there was nothing to compare with; empty when there was.
        mistaken: whether that looks like a slip (another name) rather than a first run.
    """
    if missing:
        outcome = Outcome.INCONCLUSIVE if mistaken else Outcome.WARN
        return [_told(outcome, f"nothing to compare with: {missing}")]
    if not comparison.baselines:
        named = plan.baseline is not None and (plan.baseline.name is not None or bool(plan.baseline.require))
        outcome = Outcome.INCONCLUSIVE if named else Outcome.WARN
        return [_told(outcome, f"nothing to compare with: no baseline run is comparable: {_refusals(comparison)}")]
    found: list[Finding] = []
    if comparison.refused:
        found.append(_told(Outcome.WARN, f"baseline runs were left out: {_refusals(comparison)}"))
    found += [
        _worse(row, Outcome.FAIL if gates(row.query, plan, queries) else Outcome.WARN, comparison, queries)
        for row in comparison.of(Change.WORSE)
    ]
    return [*found, *_untold(comparison, plan, queries)]


def gates(name: str, plan: Plan, queries: QuerySet) -> bool:
    """Whether "worse" of this query FAILs the run."""
    baseline = plan.baseline
    if baseline is None:
        return True  # `harness compare`: to ask is to require
    if baseline.require:
        return name in baseline.require
    query = queries.named(name)
    if any(own.name == name for own in baseline.queries):
        return True
    return bool(query.objective) and any(one.name == query.objective for one in plan.objectives)


def _untold(comparison: Comparison, plan: Plan, queries: QuerySet) -> list[Finding]:
    """What could not be told. Of a required query each is INCONCLUSIVE; of others that gate one WARN for all."""
    required = (plan.baseline.require if plan.baseline is not None else None) or ()
    found = []
    for name in required:
        rows = [row for row in comparison.rows if row.query == name]
        open_rows = [row for row in rows if row.change is Change.CANNOT_TELL]
        if open_rows:
            words = "; ".join(f"{row.place}: {row.note}" for row in open_rows[:_SHOWN])
            found.append(_told(Outcome.INCONCLUSIVE, f"cannot tell whether it is worse: {words}", open_rows[0].signal))
        elif not rows:
            found.append(_told(Outcome.INCONCLUSIVE, f"cannot tell whether {name} is worse: it was not asked"))
    if not required:
        open_rows = [r for r in comparison.of(Change.CANNOT_TELL) if gates(r.query, plan, queries)]
        if open_rows:
            words = ", ".join(_place(row) for row in open_rows[:_SHOWN])
            more = f" and {len(open_rows) - _SHOWN} more" if len(open_rows) > _SHOWN else ""
            found.append(
                _told(
                    Outcome.WARN,
                    f"cannot tell whether they are worse: {words}{more}; name what must be told in baseline.require",
                )
            )
        elif len(comparison.of(Change.CANNOT_TELL)) == len(comparison.rows):
            words = "; ".join(f"{row.place}: {row.note}" for row in comparison.rows[:_SHOWN])
            found.append(_told(Outcome.WARN, f"nothing could be told of {len(comparison.rows)} series: {words}"))
    return found


def _place(row: Row) -> str:
    """What could not be told, and why where it was measured and its interval is not the reason."""
    return row.place if row.effect is None or row.note == WIDE else f"{row.place} ({row.note})"


def _worse(row: Row, outcome: Outcome, comparison: Comparison, queries: QuerySet) -> Finding:
    direction = "lower" if row.better == "higher" else "higher"
    runs = "the baseline run" if len(comparison.baselines) == 1 else f"{len(comparison.baselines)} baseline runs"
    forced = "; forced, although the runs are not comparable" if comparison.forced else ""
    return Finding(
        check=CHECK,
        signal=row.signal,
        outcome=outcome,
        summary=(
            f"{row.place} is {change(row, row.effect)} {direction} than in {runs}: "
            f"{format_value(row.value, row.unit)}, was {format_value(row.baseline, row.unit)} ({interval(row)})"
            f"{f'; {row.note}' if row.note else ''}{forced}"
        ),
        severity="critical" if outcome is Outcome.FAIL else "warning",
        subject=dict(row.labels),
        value=row.value,
        limit=limit(row),
        unit=row.unit,
        query=" ".join(queries.named(row.query).query.split()),
    )


def change(row: Row, value: float | None) -> str:
    """The size of a change, without its sign."""
    if value is None:
        return "unknown"
    return format_value(abs(value), row.unit if row.absolute else "ratio")


def signed(row: Row, value: float | None) -> str:
    """A change with its sign; "no data" without one."""
    if value is None:
        return "no data"
    return f"{'-' if value < 0 else '+'}{change(row, value)}"


def interval(row: Row) -> str:
    """The 95 % interval in words; empty without one."""
    return "" if row.low is None else f"95 % interval {signed(row, row.low)} to {signed(row, row.high)}"


def detectable(row: Row) -> str:
    """What would have been found; empty where it is not known."""
    return "" if row.detectable is None else f"{signed(row, row.detectable)} would be found in {POWER:.0%} of runs"


def limit(row: Row) -> float | None:
    """The value up to which the run would have been the same."""
    if row.baseline is None or row.tolerance is None:
        return None
    side = -1 if row.better == "higher" else 1
    return row.baseline + side * row.tolerance * (1 if row.absolute else row.baseline)


def _refusals(comparison: Comparison) -> str:
    told = [f"{run}: {why}" for run, why in comparison.refused[:_SHOWN]]
    more = len(comparison.refused) - _SHOWN
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _told(outcome: Outcome, summary: str, signal: str = "telemetry") -> Finding:
    return Finding(check=CHECK, signal=signal, outcome=outcome, summary=summary)


def with_comparison(
    verdict: Verdict, comparison: Comparison, plan: Plan, queries: QuerySet, missing: str = "", mistaken: bool = False
) -> Verdict:
    """The verdict with the comparison's findings and table; its other findings stay as they are, and come first."""
    found = check_regression(comparison, plan, queries, missing, mistaken)
    rank = {outcome: -outcome for outcome in Outcome}
    findings = sorted((*verdict.findings, *found), key=lambda one: rank[one.outcome])
    told = {**comparison.to_json(), "missing": missing}
    return replace(verdict, findings=tuple(findings), comparison=told)


def not_compared(verdict: Verdict, why: str, outcome: Outcome) -> Verdict:
    """The verdict of a run that should have been compared and was not, which is told."""
    found = _told(outcome, f"it was not compared with earlier runs: {why}")
    findings = tuple(sorted((*verdict.findings, found), key=lambda one: -one.outcome))
    told = {**Comparison(verdict.run_id, (), ()).to_json(), "missing": why}
    return replace(verdict, findings=findings, comparison=told)


def not_by_queries(verdict: Verdict, plan: Plan) -> Verdict:
    """Of a run that was made when its plan could still ask for it: told, since nothing was compared."""
    why = (
        f"the load of a {plan.kind} run changes, so queries over all of it say nothing; harness compare RUN EARLIER "
        "compares how much they hold"
    )
    return replace(not_compared(verdict, why, Outcome.WARN), comparison=None)  # its reports have no such chapter
