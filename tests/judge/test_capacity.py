"""A capacity run judged from its archive: the answer, what ran out first, and what happens when evidence is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from harness.assets import rules_path
from harness.judge import judge_run
from harness.judge.capacity_search import Tried, search
from harness.judge.capacity_settings import settings_of
from harness.judge.verdict import Outcome
from harness.plan.loading import load_plan_text
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.run.record import LoadStep, RunDirectory, rfc3339
from tests.judge.fabricate import INTERVAL, RECORD, START, Made, named, series_of

SETTLE, HOLD, REST, RAMP = 25.0, 40.0, 40.0, 120.0
TRUTH = 90.0
PLAN = """
name: made
kind: capacity
target:
  url: http://localhost:5000
  metrics: [http://localhost:5000/metrics]
  processes: [{name: web, match: gunicorn}]
  databases: [{name: main, url: "postgresql://localhost/x"}]
  redis: [{name: cache, url: "redis://localhost"}]
scrape_interval: 5s
load: {locustfile: reference}
capacity: {start: 20, max: 500, settle: 25s, hold: 40s, confirm: 40s, longest: 2h}
objectives: {latency_p95: 800ms, CAPACITY}
"""


def plan(capacity: str = 'capacity: ">= 60 users"'):
    return load_plan_text(PLAN.replace("CAPACITY", capacity), where="plan.yml", environ={})


@dataclass
class History:
    """What a search did, second by second: users over time, and the loads that were held."""

    moments: list[float] = field(default_factory=lambda: [0.0])
    users: list[float] = field(default_factory=lambda: [20.0])
    steps: list[LoadStep] = field(default_factory=list)

    def go(self, users: float, seconds: float, end: float | None = None) -> None:
        at = self.moments[-1]
        self.moments += [at + 0.01, at + seconds]
        self.users += [users, users if end is None else end]


def searched(truth: float = TRUTH) -> History:
    """The search's own way over a target that breaks past ``truth`` users, and the ramp at its end."""
    made, tried = History(), []
    settings = settings_of(plan())
    while (found := search(settings, tried)).following is not None:
        load, begun = found.following, START + made.moments[-1]
        made.go(load, SETTLE + HOLD + 10)
        made.steps.append(LoadStep(load, begun, begun + SETTLE + HOLD))
        broke = load > truth
        tried.append(Tried(load, "broke" if broke else "held"))
        if broke:
            made.go(20, REST)
    assert found.ended == "narrow"
    made.go(0.6 * truth, RAMP, 1.4 * truth)
    return made


def at(history: History):
    return lambda t: np.interp(t, history.moments, history.users)


def verdict_of(tmp_path, history: History, the_plan=None, marks=(), change=lambda made: made, **changed):
    users = at(history)
    shown = {
        "users": users,
        "rps": lambda t: np.minimum(users(t), TRUTH) * 2,
        "slow": lambda t: np.where(users(t) > TRUTH, 0.3, 0.01),
    }
    made = Made(**(shown | changed))
    length = history.moments[-1]
    directory = RunDirectory(tmp_path / "made")
    directory.path.mkdir()
    with BlockWriter(length) as writer:
        writer.add(change(series_of(made, length)))
        writer.finish(directory.tsdb)
    end = START + length
    times = {"steady_from": START, "steady_to": end, "ended_at": end + 5}
    record = replace(RECORD, **times, steps=tuple(history.steps), versions={"cpus": "8"})
    directory.write_record(record)
    lines = [{"from": rfc3339(a), "to": rfc3339(b), "marked_at": rfc3339(b), "reason": "a deploy"} for a, b in marks]
    directory.marks.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return judge_run(directory, the_plan or plan(), rules_dir=rules_path())


def pool_waits(history: History, from_users: float):
    users = at(history)
    return lambda t: np.where(users(t) > from_users, 6.0, 0.0)


def test_the_answer_is_found_again_in_the_archive(tmp_path) -> None:
    history = searched()
    verdict = verdict_of(tmp_path, history, waiting=pool_waits(history, 82.0))
    assert verdict.outcome is Outcome.PASS, verdict.findings
    told = json.loads(json.dumps(verdict.to_json()))["capacity"]
    assert told["ended"] == "narrow"
    assert told["low"] <= TRUTH <= told["high"]
    assert abs(told["estimate"] / TRUTH - 1) < 0.05
    assert told["rps"]["estimate"] == pytest.approx(2 * TRUTH, rel=0.05)
    assert told["knee"]["load"] == pytest.approx(TRUTH, rel=0.1)
    assert [p["shown"] for p in told["probes"]] == ["broke" if s.load > TRUTH else "held" for s in history.steps]
    assert told["probes"][0]["requests"] == pytest.approx(2 * 20 * HOLD, rel=0.2)
    first = told["limiting"]["order"][0]
    assert (first["signal"], first["subject"]) == ("db_pool", "main")
    # 72 users in 120 s of ramp: eight users are some 13 s.
    assert told["limiting"]["lead_seconds"] == pytest.approx(13, abs=2 * INTERVAL)
    assert first["load"] == pytest.approx(82, abs=8)
    assert verdict.capacity is not None
    sentence = verdict.capacity["sentence"]
    assert sentence.startswith(f"it holds {told['estimate']:.3g} users / ")
    assert "95 % confidence" in sentence
    assert "the connection pool runs out first, " in sentence
    assert sentence.endswith(" before latency_p95 breaks its limit")


@pytest.mark.parametrize(
    ("floor", "outcome"),
    [
        ("60 users", Outcome.PASS),
        ("90 users", Outcome.INCONCLUSIVE),
        ("120 users", Outcome.FAIL),
        ("120 rps", Outcome.PASS),
    ],
)
def test_the_whole_interval_must_keep_the_floor(tmp_path, floor: str, outcome: Outcome) -> None:
    verdict = verdict_of(tmp_path, searched(), plan(f'capacity: ">= {floor}"'))
    assert {o.objective: o.outcome for o in verdict.objectives}["capacity"] is outcome
    assert verdict.outcome is outcome


def test_a_breach_alone_fails_nothing_and_the_limits_tell_how_far_they_held(tmp_path) -> None:
    verdict = verdict_of(tmp_path, searched())
    latency = next(o for o in verdict.objectives if o.objective == "latency_p95")
    assert latency.outcome is Outcome.PASS
    assert latency.note.startswith("held up to ")
    assert {s.outcome for s in verdict.steps} == {"held", "broken"}
    assert all(s.broken == ("latency_p95",) for s in verdict.steps if s.outcome == "broken")


def test_without_the_requests_nothing_is_known(tmp_path) -> None:
    verdict = verdict_of(
        tmp_path, searched(), lost=lambda labels, t: np.full(t.shape, named("locust_request_duration")(labels))
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.capacity["estimate"] is None
    assert {p["shown"] for p in verdict.capacity["probes"]} == {"void"}


def test_users_that_nobody_answers_are_a_breach(tmp_path) -> None:
    history = searched()
    users = at(history)
    verdict = verdict_of(tmp_path, history, rps=lambda t: np.where(users(t) > TRUTH, 0.0, 2 * users(t)))
    assert verdict.capacity["ended"] == "narrow"
    assert verdict.capacity["low"] <= TRUTH <= verdict.capacity["high"]


def test_a_busy_processor_is_named(tmp_path) -> None:
    history = searched()
    users = at(history)
    # Two workers and their master: two cores are all they can use, and 86 users use them up.
    verdict = verdict_of(tmp_path, history, cpu=lambda t: np.minimum(2.0, users(t) / 43.0))
    first = verdict.capacity["limiting"]["order"][0]
    assert (first["signal"], first["subject"]) == ("cpu", "web")


def test_a_lost_load_generator_is_no_breach(tmp_path) -> None:
    verdict = verdict_of(
        tmp_path,
        searched(),
        lost=lambda labels, t: np.full(t.shape, labels["job"] == "load" and labels["__name__"] != "x"),
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.capacity["estimate"] is None
    assert verdict.capacity["sentence"] == "no load showed anything"


def test_a_load_of_which_a_part_was_set_aside_shows_nothing(tmp_path) -> None:
    history = searched()
    third = history.steps[2]
    verdict = verdict_of(tmp_path, history, marks=[(third.ended - 12, third.ended - 5)])
    told = verdict.capacity["probes"]
    assert (told[2]["shown"], told[2]["why"]) == ("void", "a part of it was set aside")
    assert "void" not in {p["shown"] for p in [*told[:2], *told[3:]]}


def test_half_a_load_that_is_scraped_under_two_names_is_no_whole_one(tmp_path) -> None:
    def twice(made: list[Series]) -> list[Series]:
        mine = [one for one in made if one.labels["instance"] == "locust-worker-1"]
        return [*made, *(Series({**s.labels, "instance": "10.0.0.7:9646"}, s.times + 1.3, s.values) for s in mine)]

    history = searched()
    users = at(history)
    halves = {"users": lambda t: users(t) / 2, "rps": lambda t: np.minimum(users(t), TRUTH)}
    verdict = verdict_of(tmp_path, history, change=twice, **halves)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("one Locust process that is scraped twice" in f.summary for f in verdict.findings)


def test_workers_that_die_again_and_again_show_no_capacity(tmp_path) -> None:
    verdict = verdict_of(tmp_path, searched(), worker_restarts=lambda t: np.floor(np.minimum(t / 60, 8)))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("a Locust worker died and was started again, 8 times" in f.summary for f in verdict.findings)
