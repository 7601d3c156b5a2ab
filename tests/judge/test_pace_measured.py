"""The pace of the machine as the shipped queries find it in an archive: only by a generator on that same machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.judge.regression import compare
from harness.judge.regression_keys import ANSWER_BYTES, REQUEST_RATE, at_pace, generator_of, pace_of
from harness.judge.regression_rows import Change
from harness.judge.regression_runs import values_of
from harness.judge.regression_values import RunValues
from harness.plan.dump import dump_plan
from harness.plan.regression_file import load_queries
from harness.prom.block_writer import BlockWriter
from harness.run.record import RunDirectory
from tests.judge.fabricate import (
    RECORD,
    START,
    STEADY,
    WARMUP,
    Made,
    flat,
    lose,
    named,
    plan,
    series_of,
    write_run,
)  # fmt: skip
from tests.judge.test_regression_runs import CPU, PROMETHEUS, RULES, VERSIONS

QUERIES = load_queries(PROMETHEUS)
BESIDE = {"locust-master": "m1", "locust-worker-1": "m1", "sidecar": "m1"}
PROGRAM = {"endurance-harness": "1.0", "locust": "2.40", "python": "3.11.7", "gevent": "25.1"}
GENERATOR = pace_of("endurance-harness 1.0, locust 2.40, python 3.11.7, gevent 25.1, http")


def a_run(
    root: Path, seed: int, slow: float = 1.0, build: float = 1.0, versions: Mapping[str, str] = PROGRAM, **made: object
) -> RunValues:
    """A run on a machine that is ``slow`` times as slow, of a build that computes ``build`` times as much."""
    told: dict[str, object] = {
        "machines": BESIDE, "answer_bytes": 900.0, "lost": lose(named("harness_run_info")),
        "generator_cpu": flat(0.3 * slow), **made,
    }  # fmt: skip
    one = Made(seed=seed, cpu=flat(0.4 * slow * build), **told)  # type: ignore[arg-type]
    by = {**VERSIONS, **versions}
    directory = write_run(root / f"r{seed}", one, run_id=f"r{seed}", versions=by, started_at=START + seed / 1000)
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    return values_of(directory, plan(), QUERIES, RULES)


def test_the_generators_cpu_on_the_targets_machine_is_its_pace(tmp_path: Path) -> None:
    found = a_run(tmp_path, 1)
    assert found.values[GENERATOR] == pytest.approx(7.5, rel=0.05)  # 0.3 cores / 40 rps x 1000; the master sends none
    assert found.values[ANSWER_BYTES] == pytest.approx(900.0, rel=0.01)
    assert found.values[REQUEST_RATE] == pytest.approx(40.0, rel=0.03)
    assert found.values[at_pace(CPU, GENERATOR)] == pytest.approx(0.4 / 0.3, rel=0.01)


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


@pytest.mark.parametrize("versions", [{}, {"locust": "2.40", "python": "3.11.7"}, {**PROGRAM, "locust": "unknown"}])
def test_a_generator_of_versions_that_are_not_known_tells_no_pace(tmp_path: Path, versions: dict[str, str]) -> None:
    found = a_run(tmp_path, 1, versions=versions)
    assert not [key for key in found.values if key[0].startswith("pace:") or key[0].endswith(":paced")]


def test_https_is_other_work_for_it_than_http() -> None:
    assert generator_of(PROGRAM, "https") != generator_of(PROGRAM, "http")
    assert generator_of(PROGRAM, "http") == dict(GENERATOR[1])["pace:generator"]


def test_a_damaged_target_in_run_json_is_no_traceback(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "r1")
    a_run(tmp_path, 1)
    directory.write_record(replace(directory.read_record(), target="http://[x"))
    assert values_of(directory, plan(), QUERIES, RULES).values[CPU].size == 8


def test_a_pace_from_a_few_ticks_is_none(tmp_path: Path) -> None:
    assert GENERATOR not in a_run(tmp_path, 1, generator_cpu=flat(0.01)).values  # 0.3 CPU seconds in 30 s
    assert GENERATOR in a_run(tmp_path, 2, generator_cpu=flat(0.02)).values


def test_cpu_that_another_exporter_tells_may_be_another_machines(tmp_path: Path) -> None:
    made = Made(seed=1, machines=BESIDE, answer_bytes=900.0, lost=lose(named("harness_run_info")))
    series = series_of(made)
    foreign = [
        replace(one, labels={**one.labels, "job": "process-exporter"}) for one in series
        if one.labels["__name__"] == "namedprocess_namegroup_cpu_seconds_total"
    ]  # fmt: skip
    assert foreign
    directory = RunDirectory(tmp_path / "r")
    directory.path.mkdir()
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add([*(one for one in series if not one.labels["__name__"].startswith("harness_run_info")), *foreign])
        writer.finish(directory.tsdb)
    directory.write_record(replace(RECORD, run_id="r", versions={**VERSIONS, **PROGRAM}))
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    assert GENERATOR not in values_of(directory, plan(), QUERIES, RULES).values


def test_a_slow_night_is_no_regression_and_hides_none(tmp_path: Path) -> None:
    baselines = [a_run(tmp_path, seed, slow=slow) for seed, slow in enumerate((1.0, 0.87, 1.18, 0.95, 1.06), 1)]
    for seed, slow, build, change in (
        (6, 1.15, 1.0, Change.SAME), (7, 1.0, 1.2, Change.WORSE), (8, 0.85, 1.2, Change.WORSE),
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
