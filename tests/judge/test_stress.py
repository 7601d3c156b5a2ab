"""Stress runs through the whole judge: made-up series, real blocks, rules and Prometheus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.assets import data_path
from harness.judge.session import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.plan.model import Plan
from harness.prom.series import FloatArray
from tests.judge.fabricate import START, Made, flat, job, lose, write_run
from tests.judge.stressed import BREAKS, BROKE, DROPPED, RECORD, between, plan, users


def judged(folder: Path, made: Made, asked: Plan | None = None, **record: object) -> Verdict:
    directory = write_run(folder / "run", made, **{**RECORD, **record})
    return judge_run(directory, asked or plan(), rules_dir=data_path("prometheus") / "rules")


def outcomes(verdict: Verdict) -> dict[str, Outcome]:
    return {o.objective: o.outcome for o in verdict.objectives}


def states(verdict: Verdict) -> list[tuple[float, str]]:
    return [(s.load, s.outcome) for s in verdict.steps]


def test_the_break_and_the_recovery_are_found_and_neither_is_a_failure(tmp_path: Path) -> None:
    verdict = judged(tmp_path, BREAKS)
    assert states(verdict) == [(20, "held"), (40, "held"), (80, "broken"), (20, "held")]
    assert [round(s.achieved_rps or 0) for s in verdict.steps] == pytest.approx([20, 40, 80, 20], abs=2)
    told = verdict.stress
    assert told is not None
    assert (told["held"]["load"], told["break"]["load"], told["break"]["objectives"]) == (40, 80, ["latency_p95"])
    assert told["break"]["onset"] == pytest.approx(START + BROKE, abs=10)
    # Each scrape brings what was asked since the one before.
    assert told["recovery"]["seconds"] == pytest.approx(20, abs=10)
    assert set(outcomes(verdict).values()) == {Outcome.PASS}
    assert verdict.outcome is Outcome.PASS, verdict.findings


def test_the_steps_count_from_the_start_of_the_load_not_from_that_of_the_run(tmp_path: Path) -> None:
    """The service and its databases took 25 s to start."""
    verdict = judged(tmp_path, BREAKS, None, started_at=START - 25)
    assert states(verdict) == [(20, "held"), (40, "held"), (80, "broken"), (20, "held")]
    assert [s.begun - START for s in verdict.steps] == [0, 60, 120, 180]
    assert verdict.stress is not None
    assert verdict.stress["recovery"]["seconds"] == pytest.approx(20, abs=10)


def test_a_break_at_what_was_asked_for_fails_with_its_moment(tmp_path: Path) -> None:
    verdict = judged(tmp_path, BREAKS, plan(**{">= 40 users": ">= 80 users"}))
    assert outcomes(verdict)["capacity"] is Outcome.FAIL
    cause = verdict.first_cause
    assert cause is not None
    assert (cause.objective, cause.value, cause.limit, cause.unit) == ("capacity", 40.0, 80.0, "users")
    assert cause.onset == pytest.approx(START + BROKE, abs=10)


def test_a_capacity_between_two_steps_is_not_known(tmp_path: Path) -> None:
    verdict = judged(tmp_path, BREAKS, plan(**{">= 40 users": ">= 60 users"}))
    assert outcomes(verdict)["capacity"] is Outcome.INCONCLUSIVE
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_never_recovered_fails(tmp_path: Path) -> None:
    verdict = judged(tmp_path, replace(BREAKS, slow=between(BROKE, 1e9, 0.5, 0.01)))
    assert states(verdict)[-1] == (20, "broken")
    assert outcomes(verdict) == {
        "latency_p95": Outcome.PASS, "error_ratio": Outcome.PASS, "capacity": Outcome.PASS,
        "recovery": Outcome.FAIL, "restarts": Outcome.PASS, "db_pool_waiting": Outcome.PASS,
    }  # fmt: skip
    assert verdict.outcome is Outcome.FAIL


def test_what_nobody_saw_is_no_recovery_and_no_failure(tmp_path: Path) -> None:
    made = replace(BREAKS, lost=lose(job("load"), DROPPED, 1e9))
    verdict = judged(tmp_path, made)
    assert outcomes(verdict)["recovery"] is Outcome.INCONCLUSIVE


def test_nothing_broke_is_no_proof_of_recovery(tmp_path: Path) -> None:
    verdict = judged(tmp_path, replace(BREAKS, slow=flat(0.01)))
    assert verdict.stress is not None
    assert verdict.stress["break"] is None
    assert (outcomes(verdict)["capacity"], outcomes(verdict)["recovery"]) == (Outcome.PASS, Outcome.INCONCLUSIVE)


def test_past_its_break_a_service_may_use_all_it_has(tmp_path: Path) -> None:
    past = replace(BREAKS, waiting=between(BROKE + 5, 1e9, 7.0), starts=between(BROKE + 5, 1e9, 2.0))
    assert judged(tmp_path, past).outcome is Outcome.PASS


def test_below_its_break_it_may_not(tmp_path: Path) -> None:
    below = replace(BREAKS, waiting=between(30, BROKE, 7.0))
    verdict = judged(tmp_path, below)
    assert outcomes(verdict)["db_pool_waiting"] is Outcome.FAIL


def test_a_busy_generator_proves_no_break(tmp_path: Path) -> None:
    verdict = judged(tmp_path, replace(BREAKS, lag=between(BROKE, DROPPED, 0.4, 0.002)))
    assert states(verdict)[2] == (80, "unclear")
    assert "load.workers" in verdict.steps[2].note
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_users_that_did_not_run_hold_nothing(tmp_path: Path) -> None:
    def short(t: FloatArray) -> FloatArray:
        return np.where((t >= 60) & (t < BROKE), 30.0, users(t))

    verdict = judged(tmp_path, replace(BREAKS, users=short))
    assert states(verdict)[1] == (40, "unclear")
    assert verdict.steps[1].note == "only 30 of 40 users ran"
    assert outcomes(verdict)["capacity"] is Outcome.INCONCLUSIVE


def test_not_one_step_held_fails_though_no_capacity_was_asked_for(tmp_path: Path) -> None:
    asked = plan(**{', capacity: ">= 40 users", recovery: 40s': ""})
    verdict = judged(tmp_path, replace(BREAKS, slow=flat(0.5)), asked)
    assert outcomes(verdict)["latency_p95"] is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL


def test_a_run_that_ended_before_the_drop_keeps_what_it_showed(tmp_path: Path) -> None:
    ended = START + DROPPED - 5
    verdict = judged(tmp_path, BREAKS, None, steady_to=ended, ended_at=ended, ended_by="interrupted", reason="SIGINT")
    assert states(verdict) == [(20, "held"), (40, "held"), (80, "broken")]
    assert outcomes(verdict)["capacity"] is Outcome.PASS
    assert outcomes(verdict)["recovery"] is Outcome.INCONCLUSIVE
    assert verdict.outcome is Outcome.INCONCLUSIVE


# --- the open model: the steps are arrivals per second


def open_plan(capacity: str = ">= 40 rps") -> Plan:
    rates = plan().load.stages
    stages = ", ".join(f"{{duration: {s.duration:.0f}s, rate: {s.users}}}" for s in rates)
    was = "[{duration: 1m, users: 20}, {duration: 1m, users: 40}, {duration: 1m, users: 80}, {duration: 2m, users: 20}]"
    return plan(**{f"stages: {was}": f"model: open\n  stages: [{stages}]", ">= 40 users": capacity})


def test_arrivals_that_find_no_user_at_the_break_do_not_hide_it(tmp_path: Path) -> None:
    made = replace(BREAKS, planned=users, dropped=between(BROKE, DROPPED, 0.3))
    verdict = judged(tmp_path, made, open_plan())
    assert [(s.load, s.unit, s.outcome) for s in verdict.steps] == [
        (20, "rps", "held"), (40, "rps", "held"), (80, "rps", "broken"), (20, "rps", "held"),
    ]  # fmt: skip
    capacity = next(o for o in verdict.objectives if o.objective == "capacity")
    assert (capacity.outcome, capacity.value, capacity.unit) == (Outcome.PASS, 40.0, "rps")
    assert verdict.outcome is Outcome.PASS, verdict.findings


def test_arrivals_that_were_dropped_where_all_looked_well_held_nothing(tmp_path: Path) -> None:
    made = replace(BREAKS, planned=users, dropped=between(60, DROPPED, 0.3))
    verdict = judged(tmp_path, made, open_plan())
    assert states(verdict)[1] == (40, "unclear")
    assert "found no free user" in verdict.steps[1].note
    assert outcomes(verdict)["capacity"] is Outcome.INCONCLUSIVE


def test_what_ran_out_first_is_named_with_its_lead(tmp_path: Path) -> None:
    """Callers wait for a connection from the step on; latency breaks its limit 15 s later."""
    made = replace(BREAKS, waiting=between(BROKE, DROPPED, 7.0), slow=between(BROKE + 15, DROPPED + 20, 0.7, 0.01))
    verdict = judged(tmp_path, made)
    assert verdict.stress is not None
    limiting = verdict.stress["limiting"]
    first = limiting["order"][0]
    assert (first["signal"], first["subject"], first["load"]) == ("db_pool", "main", 80.0)
    assert first["at"] == pytest.approx(START + BROKE, abs=10)
    assert limiting["lead_seconds"] == pytest.approx(15, abs=10)
    capacity = next(o for o in verdict.objectives if o.objective == "capacity")
    assert "first out of the normal range: callers that wait for a connection of pool main" in capacity.note


def test_without_a_break_nothing_limits(tmp_path: Path) -> None:
    verdict = judged(tmp_path, replace(BREAKS, slow=flat(0.01)))
    assert verdict.stress is not None
    assert verdict.stress["limiting"] is None
