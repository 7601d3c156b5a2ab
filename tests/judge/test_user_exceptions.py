"""Exceptions of the locustfile's own code: no request failed, and yet the load is not the plan's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import Outcome
from tests.judge.fabricate import RPS, WARMUP, Curve, Made, flat, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
ON = plan("  latency_p95: 800ms\n  error_ratio: 1%\n")


def warmup_alone(t: np.ndarray) -> np.ndarray:
    return np.where(t < WARMUP - 5, RPS, 0.0)


@pytest.mark.parametrize(
    ("exceptions", "outcome", "words"),
    [
        (flat(0.05 * RPS), Outcome.INCONCLUSIVE, "what its users would have asked next was not asked"),
        (flat(0.005 * RPS), Outcome.WARN, "% of the requests)"),
        (warmup_alone, Outcome.PASS, ""),
        (flat(0.0), Outcome.PASS, ""),
    ],
    ids=["many", "few", "in the warm-up", "none"],
)
def test_journeys_that_break_off_are_another_load(
    exceptions: Curve, outcome: Outcome, words: str, tmp_path: Path
) -> None:
    verdict = judge_run(write_run(tmp_path / "run", Made(exceptions=exceptions)), ON, rules_dir=RULES)
    assert verdict.outcome is outcome
    found = [f for f in verdict.findings if names.USER_EXCEPTIONS in f.query]
    assert [f.outcome for f in found] == ([outcome] if words else [])
    assert all(words in f.summary for f in found)
    assert [f.value for f in found] == [pytest.approx(float(exceptions(np.zeros(1))[0]) / RPS, rel=0.1) for _ in found]
    requested = {o.outcome for o in verdict.objectives if o.objective in ("latency_p95", "error_ratio")}
    assert requested == {Outcome.INCONCLUSIVE if outcome is Outcome.INCONCLUSIVE else Outcome.PASS}


def test_what_follows_from_failed_requests_is_judged_by_them(tmp_path: Path) -> None:
    made = Made(exceptions=flat(0.04 * RPS), errors=flat(0.05))
    verdict = judge_run(write_run(tmp_path / "run", made), plan("  error_ratio: 10%\n"), rules_dir=RULES)
    assert verdict.outcome is Outcome.PASS
    assert not [f for f in verdict.findings if names.USER_EXCEPTIONS in f.query]
