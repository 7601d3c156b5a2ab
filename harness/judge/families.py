"""Many series, one verdict: false alarms controlled over all series of one signal. Pure.

At 0.4 % per series, 50 series would fail 18 % of healthy runs. So only job-level series (the sum over a job's
processes) of a named objective decide; single processes are told as warnings; and of several job-level series of one
signal, a FAIL must hold after the correction of Benjamini & Hochberg (1995, "Controlling the false discovery rate").
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from harness.judge.verdict import Outcome


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg adjusted p-values in the given order; of none, none."""
    if not p_values:
        return []
    inside = [min(1.0, max(0.0, p)) for p in p_values]
    return [float(p) for p in stats.false_discovery_control(inside, method="bh")]


def controlled(outcomes: Sequence[Outcome], p_values: Sequence[float], level: float) -> list[Outcome]:
    """Outcomes of the job-level series of one signal: a FAIL that does not hold among them all is INCONCLUSIVE.

    Args:
        p_values: of each series the probability that it does not grow by its limit; NaN: unknown, left as it was.
    """
    known = [i for i, p in enumerate(p_values) if p == p]
    corrected = dict(zip(known, adjusted([p_values[i] for i in known]), strict=True))
    return [
        Outcome.INCONCLUSIVE if outcome is Outcome.FAIL and corrected.get(i, 0.0) > level else outcome
        for i, outcome in enumerate(outcomes)
    ]


def of_a_member(outcome: Outcome) -> Outcome:
    """What a single process, or a series of no named objective, may say at most: a warning."""
    return Outcome.WARN if outcome is Outcome.FAIL else Outcome.PASS
