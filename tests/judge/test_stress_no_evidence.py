"""Steps and recoveries that look well, and of which nobody knows whether their load was made: none counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.assets import data_path
from harness.judge.session import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.run.record import rfc3339
from tests.judge.fabricate import START, Made, flat, lose, named, write_run
from tests.judge.stressed import BREAKS, BROKE, DROPPED, RECORD, between, plan, users
from tests.judge.test_stress import open_plan, outcomes, states


def judged(folder: Path, made: Made, asked: Plan | None = None, *, aside: tuple[float, float] | None = None) -> Verdict:
    directory = write_run(folder / "run", made, **RECORD)
    if aside is not None:
        start, end = (rfc3339(START + moment) for moment in aside)
        line = {"from": start, "to": end, "marked_at": end, "reason": "a deploy"}
        directory.marks.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return judge_run(directory, asked or plan(), rules_dir=data_path("prometheus") / "rules")


def recovery(verdict: Verdict) -> tuple[Outcome, str]:
    assert verdict.stress is not None
    return outcomes(verdict)["recovery"], verdict.stress["recovery"]["note"]


def test_arrivals_that_nobody_made_hold_no_step(tmp_path: Path) -> None:
    made = replace(BREAKS, planned=users, unmade=between(60, BROKE, 0.2))
    verdict = judged(tmp_path, made, open_plan())
    assert states(verdict)[1] == (40, "unclear")
    assert "of 40 arrivals per second were offered" in verdict.steps[1].note
    assert outcomes(verdict)["capacity"] is Outcome.INCONCLUSIVE


def test_users_that_ran_for_a_part_of_a_step_hold_none(tmp_path: Path) -> None:
    made = replace(BREAKS, users=lambda t: np.where((t >= 100) & (t < BROKE), 10.0, users(t)))
    verdict = judged(tmp_path, made)
    assert (states(verdict)[1], verdict.steps[1].note) == ((40, "unclear"), "only 10 of 40 users ran")


@pytest.mark.parametrize(("name", "what"), [(names.LOOP_LAG, "event loop delay"), ("process_cpu_seconds_total", "CPU")])
def test_a_generator_whose_limits_nobody_measured_proves_no_break(tmp_path: Path, name: str, what: str) -> None:
    made = replace(BREAKS, lost=lose(named(name), BROKE, DROPPED))
    verdict = judged(tmp_path, made, plan(**{">= 40 users": ">= 80 users"}))
    assert states(verdict)[2] == (80, "unclear")
    assert what in verdict.steps[2].note
    assert outcomes(verdict)["capacity"] is Outcome.INCONCLUSIVE


def test_without_a_step_that_held_no_limit_is_shown_to_be_kept(tmp_path: Path) -> None:
    verdict = judged(tmp_path, replace(BREAKS, slow=flat(0.5)))
    assert (outcomes(verdict)["latency_p95"], outcomes(verdict)["error_ratio"]) == (Outcome.FAIL, Outcome.INCONCLUSIVE)


def test_a_step_of_which_most_was_set_aside_is_not_held(tmp_path: Path) -> None:
    verdict = judged(tmp_path, BREAKS, aside=(80, 108))
    assert (states(verdict)[1], verdict.steps[1].note) == ((40, "unclear"), "most of it was set aside")


def test_a_step_of_which_a_little_was_set_aside_is_held(tmp_path: Path) -> None:
    assert states(judged(tmp_path, BREAKS, aside=(90, 94)))[1] == (40, "held")


# --- recovery


def test_a_low_load_that_was_not_made_shows_no_recovery(tmp_path: Path) -> None:
    made = replace(BREAKS, users=lambda t: np.where(t >= DROPPED, 5.0, users(t)))
    assert recovery(judged(tmp_path, made)) == (Outcome.INCONCLUSIVE, "only 5 of 20 users ran")


def test_a_generator_at_its_limit_proves_no_missing_recovery(tmp_path: Path) -> None:
    made = replace(BREAKS, slow=between(BROKE, 1e9, 0.5, 0.01), lag=between(DROPPED, 1e9, 0.4, 0.002))
    outcome, note = recovery(judged(tmp_path, made))
    assert outcome is Outcome.INCONCLUSIVE
    assert "add load.workers" in note


def test_a_recovery_of_which_a_part_was_set_aside_is_not_known(tmp_path: Path) -> None:
    outcome, note = recovery(judged(tmp_path, BREAKS, aside=(DROPPED + 2, DROPPED + 15)))
    assert (outcome, note) == (Outcome.INCONCLUSIVE, "a part of the low load was set aside")


def test_what_is_set_aside_after_a_recovery_does_not_hide_it(tmp_path: Path) -> None:
    assert recovery(judged(tmp_path, BREAKS, aside=(DROPPED + 90, DROPPED + 100)))[0] is Outcome.PASS


def test_a_recovery_between_two_edges_of_the_histogram_is_not_known(tmp_path: Path) -> None:
    """Within 1 s from 20 s on, within 0.8 s from 60 s on: when within 0.9 s?"""
    made = replace(BREAKS, errors=between(BROKE, DROPPED + 20, 0.5), slow=between(BROKE, DROPPED + 60, 0.5, 0.01))
    outcome, note = recovery(judged(tmp_path, made, plan(**{"latency_p95: 800ms": "latency_p95: 900ms"})))
    assert outcome is Outcome.INCONCLUSIVE
    assert "between two edges" in note
