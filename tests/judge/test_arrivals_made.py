"""Runs of the open model: were the arrivals of the plan offered?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.verdict import Outcome, Verdict
from tests.judge.fabricate import Curve, Made, flat, lose, named, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"


def judged(folder: Path, made: Made) -> Verdict:
    on = plan("  latency_p95: 800ms\n  error_ratio: 1%\n", stages="[{duration: 5m, rate: 40}]\n  model: open")
    return judge_run(write_run(folder / "run", made), on, rules_dir=RULES)


def told(verdict: Verdict) -> str:
    return " | ".join(f.summary for f in verdict.findings if f.signal == "generator" and f.outcome is verdict.outcome)


def from_half(share: float) -> Curve:
    return lambda t: np.where(t >= 180, share, 0.0)


def test_arrivals_that_all_found_a_user_pass(tmp_path: Path) -> None:
    verdict = judged(tmp_path, Made(planned=flat(40)))
    assert verdict.outcome is Outcome.PASS, verdict.findings


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Made(planned=flat(40), dropped=from_half(0.05)), "of the arrivals found no free user and were dropped"),
        (Made(planned=flat(40), unmade=from_half(0.2)), "of the plan's arrivals were offered: a worker was lost"),
        (Made(planned=flat(40), lost=lose(named(names.ARRIVALS_PLANNED))), f"no {names.ARRIVALS_PLANNED} for most"),
        (Made(planned=flat(40), lost=lose(named(names.ARRIVALS))), f"no {names.ARRIVALS} for most"),
        (Made(planned=flat(40), lost=lose(named(names.ARRIVALS_DROPPED))), f"no {names.ARRIVALS_DROPPED} for most"),
        (Made(), f"no {names.ARRIVALS_PLANNED} for most"),
        (Made(planned=flat(20), rps=flat(20)), "were given only 5"),
    ],
    ids=["dropped", "unmade", "plan unknown", "made unknown", "drops unknown", "none known", "half of the plan"],
)
def test_load_that_was_not_offered_shows_nothing(made: Made, said: str, tmp_path: Path) -> None:
    verdict = judged(tmp_path, made)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert said in told(verdict)


def test_half_a_percent_of_drops_is_within_the_limit(tmp_path: Path) -> None:
    assert judged(tmp_path, Made(planned=flat(400), dropped=flat(0.005))).outcome is Outcome.PASS
