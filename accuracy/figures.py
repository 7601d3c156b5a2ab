"""Rates with their confidence intervals, and the goals they are held against. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

from accuracy.corpus import SLOPE_NAMES
from accuracy.measure import Row
from accuracy.whole_runs import RunOutcome


@dataclass(frozen=True)
class Rate:
    """``count`` of ``of``; the interval is Clopper & Pearson's (1934), exact, two-sided 95 %."""

    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return 0.0, 1.0
        found = stats.binomtest(self.count, self.of).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{_percent(self.share)} ({_percent(low)} to {_percent(high)})"


@dataclass(frozen=True)
class Goal:
    """A target of JUDGEMENT.md and what was measured."""

    name: str
    most: bool
    limit: float
    rate: Rate

    @property
    def met(self) -> bool:
        """The figure itself; a goal without a single series is not met."""
        if not self.rate.of:
            return False
        return self.rate.share <= self.limit if self.most else self.rate.share >= self.limit

    @property
    def words(self) -> str:
        return ("at most " if self.most else "at least ") + _percent(self.limit)


def rate_of(rows: Iterable[Row], outcome: str) -> Rate:
    found = list(rows)
    return Rate(sum(row.outcome == outcome for row in found), len(found))


def series_goals(rows: Sequence[Row]) -> list[Goal]:
    """Per series, of one run length."""
    healthy = [row for row in rows if not row.slope_class]
    leaking = [row for row in rows if row.slope_class]

    def of_class(index: int) -> Rate:
        return rate_of((row for row in leaking if row.slope_class == SLOPE_NAMES[index]), "fail")

    return [
        Goal("healthy series: false FAIL", True, 0.005, rate_of(healthy, "fail")),
        Goal("healthy series: INCONCLUSIVE", True, 0.05, rate_of(healthy, "inconclusive")),
        Goal("leaks of 2 to 20 %/h: found", False, 0.98, of_class(2)),
        Goal("leaks of 1 to 2 %/h: found", False, 0.95, of_class(1)),
        Goal("leaks of 0.5 to 1 %/h: found", False, 0.85, of_class(0)),
        Goal("leaks of all sizes: silently missed (PASS)", True, 0.005, rate_of(leaking, "pass")),
    ]


def run_goals(runs: Sequence[RunOutcome], outcome: Callable[[RunOutcome], str]) -> list[Goal]:
    """Of whole healthy runs."""
    words = [outcome(run) for run in runs]
    return [
        Goal("whole healthy runs: FAIL", True, 0.02, Rate(words.count("fail"), len(words))),
        Goal(
            "whole healthy runs: PASS or WARN", False, 0.95, Rate(words.count("pass") + words.count("warn"), len(words))
        ),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"
