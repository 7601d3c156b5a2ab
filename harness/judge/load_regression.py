"""Stress and capacity runs against earlier ones: does it hold less than before? By the intervals of their capacity.

Of stress runs also: does it take longer to recover (``recovery_regression``)?

Two runs differ when their intervals do not overlap; the later is a regression when all of its interval lies below. What
a run did not show is never "the same": neither a run whose load was not made, nor one that was not driven to its break.
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.judge.capacity_model import Interval, regressed
from harness.judge.comparable import same_setting
from harness.judge.recovery_regression import Recovered, RecoveryRow, recovered_of
from harness.judge.regression_rows import Change
from harness.judge.verdict import Outcome, Verdict, worst
from harness.plan.holds import Unit
from harness.plan.model import Plan
from harness.plan.regression import NO_STEADY_LOAD
from harness.plan.stress import FELT
from harness.run.record import RunRecord
from harness.units import format_value

KINDS = NO_STEADY_LOAD
_CHECK = "objectives"
# Of the search: how long a load must be held, and how sure the interval is. Where it began and ended may differ.
_HELD_BY = ("settle", "hold", "confirm", "confirmations", "confidence")


@dataclass(frozen=True)
class Holds:
    """What one run showed of its capacity, in ``unit``.

    Attributes:
        low, high: it lies between them; None where nothing held, or nothing broke.
        broken: ``high`` itself broke, as the steps of a stress run do: the capacity lies below it.
        estimate: None of a stress run: its steps give no more than the interval.
        why: why the run proves nothing; empty when it does.
        recovered: of a stress run that broke and was watched afterwards.
    """

    run_id: str
    unit: Unit
    low: float | None = None
    high: float | None = None
    estimate: float | None = None
    broken: bool = False
    why: str = ""
    recovered: Recovered | None = None


@dataclass(frozen=True)
class LoadRan:
    """One stress or capacity run as far as comparing goes."""

    record: RunRecord
    plan: Plan
    holds: Holds


@dataclass(frozen=True)
class LoadRow:
    """One earlier run, and what the change since is.

    Attributes:
        effect: of the estimates, a share of the earlier one; None without both.
        note: why it cannot be told, or what to know.
    """

    before: Holds
    change: Change
    effect: float | None = None
    note: str = ""


@dataclass(frozen=True)
class LoadComparison:
    """A run beside earlier ones; ``refused`` and ``forced`` as in ``regression.Comparison``.

    ``recovery``: a row for each earlier run where one of both showed how long it took to recover.
    """

    now: Holds
    rows: tuple[LoadRow, ...]
    refused: tuple[tuple[str, str], ...] = ()
    forced: tuple[str, ...] = ()
    recovery: tuple[RecoveryRow, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """FAIL when it holds less than one of them, or takes much longer to recover; INCONCLUSIVE when what one of them
        holds cannot be told, or there is none. That a recovery cannot be told is said: a run need not break."""
        found = {Change.WORSE: Outcome.FAIL, Change.CANNOT_TELL: Outcome.INCONCLUSIVE}
        slower = (Outcome.FAIL for row in self.recovery if row.change is Change.WORSE)
        return worst([*(found.get(row.change, Outcome.PASS) for row in self.rows), *slower])

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.word,
            **asdict(self.now),
            "rows": [
                {**asdict(row.before), "change": row.change.value, "effect": row.effect, "note": row.note}
                for row in self.rows
            ],
            "recovery": [row.to_json() for row in self.recovery],
            "refused": [{"run_id": run, "reason": why} for run, why in self.refused],
            "forced": list(self.forced),
        }


def holds_of_verdict(verdict: Verdict, plan: Plan) -> Holds:
    """What a verdict says of the capacity of its run."""
    unit: Unit = "users" if plan.load.model == "closed" else "rps"
    low, high, estimate = (
        _of_search(verdict.capacity or {}) if plan.kind == "capacity" else _of_steps(verdict.stress or {})
    )
    why = _unproven(verdict, plan)
    if not why and low is None and high is None:
        why = "no load was shown to hold or to break"
    broken = plan.kind == "stress" and high is not None
    return Holds(verdict.run_id, unit, low, high, estimate, broken, why, recovered_of(verdict.run_id, verdict.stress))


def reasons(run: LoadRan, other: LoadRan) -> list[str]:
    """Why ``other`` cannot be compared with; empty when it can. What a user may feel says what "holds" means."""
    found = same_setting(run.record, run.plan, other.record, other.plan)
    new, old = _felt(run.plan), _felt(other.plan)
    differing = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    if differing:
        found.append(f"other limits say when a load is held: {', '.join(differing)}")
    one, another = run.plan.capacity, other.plan.capacity
    if one is not None and another is not None:
        keys = [key for key in _HELD_BY if getattr(one, key) != getattr(another, key)]
        found += [f"its search held the loads otherwise: capacity.{', capacity.'.join(keys)} differ"] if keys else []
    return found


def compare_holds(now: Holds, before: Holds) -> LoadRow:
    """The change between two runs of comparable plans."""
    why = "; ".join(f"{one.run_id}: {one.why}" for one in (now, before) if one.why)
    if why:
        return LoadRow(before, Change.CANNOT_TELL, note=why)
    effect = now.estimate / before.estimate - 1 if now.estimate and before.estimate else None
    if regressed(_interval(now), _interval(before)):
        return LoadRow(before, Change.WORSE, effect, "all of its interval lies below")
    if regressed(_interval(before), _interval(now)):
        return LoadRow(before, Change.BETTER, effect, "all of its interval lies above")
    if now.low is None:
        return LoadRow(before, Change.CANNOT_TELL, effect, "no load was held: how little it holds is not known")
    if now.high is None and now.low < (before.low or 0.0):
        least = format_value(before.low, before.unit)
        note = f"nothing broke, and no load up to {least} was tried: whether it still holds that is not known"
        return LoadRow(before, Change.CANNOT_TELL, effect, note)
    return LoadRow(before, Change.SAME, effect, "the intervals overlap")


def _interval(holds: Holds) -> Interval:
    """Without a load that held it begins at nothing, without one that broke it has no end."""
    low = 0.0 if holds.low is None else holds.low
    high = math.inf if holds.high is None else holds.high
    # A load that broke was not held: a run that held it before held more.
    high = math.nextafter(high, 0.0) if holds.broken else high
    return Interval(low, math.nan, high, math.nan)


def _of_search(capacity: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return _number(capacity.get("low")), _number(capacity.get("high")), _number(capacity.get("estimate"))


def _of_steps(stress: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    held, broken = (_number((stress.get(key) or {}).get("load")) for key in ("held", "break"))
    return held, broken, None


def _unproven(verdict: Verdict, plan: Plan) -> str:
    """What of a verdict says that its run is no evidence.

    What is open about the plan's own limits (a capacity that may lie on either side) is open about those only.
    """
    decided = {o.name for o in plan.objectives if o.spec.family in FELT or o.name in ("capacity", "recovery")}
    for finding in verdict.findings:
        if finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) and not (
            finding.check == _CHECK and finding.objective in decided
        ):
            return finding.summary
    disturbed = (verdict.stress or {}).get("disturbed")
    return f"{disturbed[0]:g} broke, though more was held: a disturbance" if disturbed else ""


def _felt(plan: Plan) -> dict[str, float]:
    return {
        f"{o.subject} {o.name}" if o.endpoint else o.name: o.limit for o in plan.objectives if o.spec.family in FELT
    }


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None
