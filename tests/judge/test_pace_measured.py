"""The pace of the machine as the shipped queries find it in an archive: only by a generator on that same machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.judge.regression import Change, compare
from harness.judge.regression_runs import values_of
from harness.judge.regression_values import ANSWER_BYTES, PACE, RunValues, at_pace
from harness.plan.dump import dump_plan
from harness.plan.regression_file import load_queries
from tests.judge.fabricate import START, Made, flat, lose, named, plan, write_run
from tests.judge.test_regression_runs import CPU, PROMETHEUS, RULES, VERSIONS

QUERIES = load_queries(PROMETHEUS)
BESIDE = {"locust-master": "m1", "locust-worker-1": "m1", "sidecar": "m1"}
PROGRAM = {"endurance-harness": "1.0", "locust": "2.40", "python": "3.11.7"}
GENERATOR = (PACE, (("generator", "endurance-harness 1.0, locust 2.40, python 3.11.7"),))


def a_run(root: Path, seed: int, slow: float = 1.0, build: float = 1.0, **made: object) -> RunValues:
    """A run on a machine that is ``slow`` times as slow, of a build that computes ``build`` times as much."""
    told: dict[str, object] = {
        "machines": BESIDE, "answer_bytes": 900.0, "lost": lose(named("harness_run_info")), **made,
    }  # fmt: skip
    one = Made(seed=seed, cpu=flat(0.4 * slow * build), generator_cpu=flat(0.3 * slow), **told)  # type: ignore[arg-type]
    versions = {**VERSIONS, **PROGRAM}
    directory = write_run(root / f"r{seed}", one, run_id=f"r{seed}", versions=versions, started_at=START + seed / 1000)
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    return values_of(directory, plan(), QUERIES, RULES)


def test_the_generators_cpu_on_the_targets_machine_is_its_pace(tmp_path: Path) -> None:
    found = a_run(tmp_path, 1)
    assert found.values[GENERATOR] == pytest.approx(15.0, rel=0.05)  # two processes of 0.3 cores / 40 rps x 1000
    assert found.values[ANSWER_BYTES, ()] == pytest.approx(900.0, rel=0.01)
    assert found.values[at_pace(CPU, GENERATOR)] == pytest.approx(0.4 / 0.6, rel=0.01)


@pytest.mark.parametrize(
    ("what", "machines"),
    [
        ("elsewhere", {**BESIDE, "sidecar": "m2"}),
        ("a worker elsewhere", {**BESIDE, "locust-worker-1": "m2"}),
        ("no sidecar", {k: v for k, v in BESIDE.items() if k != "sidecar"}),
        ("a worker that tells none", {k: v for k, v in BESIDE.items() if k != "locust-worker-1"}),
        ("the sidecar alone", {"sidecar": "m1"}),
        ("nobody", {}),
    ],
)
def test_one_that_is_not_known_to_run_there_is_none(tmp_path: Path, what: str, machines: dict[str, str]) -> None:
    found = a_run(tmp_path, 1, machines=machines)
    assert GENERATOR not in found.values, what
    assert at_pace(CPU, GENERATOR) not in found.values
    assert found.values[CPU].size == 8


def test_a_slow_night_is_no_regression_and_hides_none(tmp_path: Path) -> None:
    nights = np.exp(np.random.default_rng(7).normal(0, 0.09, 5))
    baselines = [a_run(tmp_path, seed, slow=float(slow)) for seed, slow in enumerate(nights, 1)]
    for seed, slow, build, change in (
        (6, 1.2, 1.0, Change.SAME), (7, 1.0, 1.2, Change.WORSE), (8, 0.85, 1.2, Change.WORSE),
    ):  # fmt: skip
        comparison = compare(a_run(tmp_path, seed, slow=slow, build=build), baselines, QUERIES)
        [row] = [row for row in comparison.rows if row.query == "cpu_per_1000_requests"]
        assert row.change is change, (slow, build, row)
        assert "at the pace of the baselines' machine" in comparison.assumed


def test_a_service_that_answers_more_is_compared_as_it_was_measured(tmp_path: Path) -> None:
    baselines = [a_run(tmp_path, seed) for seed in (1, 2, 3)]
    comparison = compare(a_run(tmp_path, 4, slow=1.3, answer_bytes=1500.0), baselines, QUERIES)
    [row] = [row for row in comparison.rows if row.query == "cpu_per_1000_requests"]
    assert row.change is Change.WORSE
    assert "as it was measured" in comparison.assumed
