"""More users than the plan wants: another test than the planned one, and no pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.judge import judge_run
from harness.judge.part import Part
from harness.judge.surplus import most_wanted
from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Stage
from tests.judge.fabricate import Curve, Made, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"


def judged(folder: Path, users: Curve) -> Verdict:
    made = Made(users=users)
    return judge_run(write_run(folder / "run", made), plan("  error_ratio: 1%\n"), rules_dir=RULES)


def between(start: float, end: float, inside: float) -> Curve:
    return lambda t: np.where((t >= start) & (t < end), inside, 20.0)


def then(users: float) -> Curve:
    """10 users, and after 150 s so many."""
    return lambda t: np.where(t < 150, 10.0, users)


def test_users_beyond_the_plan_for_long_are_not_the_planned_load(tmp_path: Path) -> None:
    verdict = judged(tmp_path, between(150, 1e9, 34))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    [finding] = [f for f in verdict.findings if f.outcome is Outcome.INCONCLUSIVE]
    assert (finding.check, finding.signal) == ("generator", "generator")
    assert finding.summary.startswith("up to 34 users ran where the plan wants 20, from 14:15:5")


def test_users_counted_twice_for_some_scrapes_are_no_surplus(tmp_path: Path) -> None:
    assert judged(tmp_path, between(150, 160, 34)).outcome is Outcome.PASS


def test_one_user_more_by_rounding_is_no_surplus(tmp_path: Path) -> None:
    assert judged(tmp_path, between(0, 1e9, 20.5)).outcome is Outcome.PASS


def test_a_part_of_a_run_is_held_against_the_stages_of_its_own_time(tmp_path: Path) -> None:
    """They counted from the part's beginning: a second stage that lacked half of its users passed as the first."""
    stepped = plan("  error_ratio: 1%\n", stages="[{duration: 150s, users: 10}, {duration: 150s, users: 20}]")
    second = Part("200s", None)
    for users, outcome in ((10.0, Outcome.INCONCLUSIVE), (20.0, Outcome.PASS)):
        run = write_run(tmp_path / f"{users:.0f}", Made(users=then(users)))
        verdict = judge_run(run, stepped, rules_dir=RULES, part=second)
        assert verdict.outcome is outcome, verdict.findings
        assert any("only 10 of the plan's 20 users ran" in f.summary for f in verdict.findings) == (users < 20)


def test_the_most_that_a_plan_wants() -> None:
    stages = (Stage(duration=100, users=10, spawn_rate=1), Stage(duration=100, users=30), Stage(duration=100, users=5))
    at = np.array([-0.5, 0.0, 50.0, 98.0, 101.0, 150.0, 199.0, 215.0, 225.0, 229.0, 250.0, 299.0, 400.0])
    most = most_wanted(stages, at, 20.0)
    assert most.tolist() == [10, 10, 10, 10, 30, 30, 30, 30, 30, 30, 5, 5, 0]
    assert most_wanted((), np.empty(0), 5.0).tolist() == []
