"""Errors of each endpoint compared: one with little traffic that fails wholly hardly moves the ratio of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporters.metric_names import REQUEST_DURATION
from harness.judge.regression import compare
from harness.judge.regression_findings import gates
from harness.judge.regression_keys import Key
from harness.judge.regression_rows import Change
from harness.judge.regression_runs import values_of
from harness.judge.regression_values import RunValues
from harness.plan.dump import dump_plan
from harness.plan.regression import Baseline, QuerySet
from harness.plan.regression_file import load_queries
from harness.prom.block_writer import BlockWriter
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, START, STEADY, WARMUP, Made, flat, plan, series_of
from tests.judge.test_regression_runs import PROMETHEUS, RULES, VERSIONS

RARE: Key = ("endpoint_error_ratio", (("method", "GET"), ("name", "/rare")))
OFTEN: Key = ("endpoint_error_ratio", (("method", "GET"), ("name", "/a")))
ALL: Key = ("error_ratio", ())
SHIPPED = load_queries(PROMETHEUS)
# Of errors alone: fewer series are corrected for than in a real comparison, so more would be called worse.
ERRORS = QuerySet(requests=SHIPPED.requests, queries=tuple(q for q in SHIPPED.queries if q.signal == "errors"))


def a_run(root: Path, name: str, seed: int, failing: float, often: float = 0.0, per_second: float = 0.2) -> RunValues:
    """400 requests a second of one endpoint, ``per_second`` of /rare. No outcome without requests has a series."""
    directory = RunDirectory(root / name)
    directory.path.mkdir(parents=True)
    made = Made(seed=seed, rps=flat(400.0), errors=flat(often))
    rare = Made(seed=seed, rps=flat(per_second), errors=flat(failing), endpoint="/rare")
    requests = [s for one in (made, rare) for s in series_of(one) if s.labels["__name__"].startswith(REQUEST_DURATION)]
    others = [s for s in series_of(made) if not s.labels["__name__"].startswith((REQUEST_DURATION, "harness_run_info"))]
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add([*others, *(s for s in requests if s.values[-1] > 0)])
        writer.finish(directory.tsdb)
    directory.write_record(replace(RECORD, run_id=name, versions=VERSIONS, started_at=START + seed / 1000))
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    return values_of(directory, plan(), SHIPPED, RULES)


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> list[RunValues]:
    root = tmp_path_factory.mktemp("runs")
    return [a_run(root, f"r{seed}", seed, failing=0.0) for seed in (1, 2)]


def changes(run: RunValues, others: list[RunValues]) -> dict[Key, Change]:
    return {(row.query, tuple(sorted(row.labels.items()))): row.change for row in compare(run, others, SHIPPED).rows}


def test_an_endpoint_that_fails_wholly_is_worse_though_the_ratio_of_all_is_the_same(
    baselines: list[RunValues], tmp_path: Path
) -> None:
    assert [one.values[RARE].tolist() for one in baselines] == [[0.0] * 8] * 2  # no series of errors is no error
    run = a_run(tmp_path, "r3", 3, failing=1.0)
    assert run.values[RARE] == pytest.approx(1.0)
    assert 0 < run.values[ALL].mean() < 0.001
    for others in (baselines, baselines[:1]):
        found = changes(run, others)
        assert found[RARE] is Change.WORSE
        assert [key for key, change in found.items() if change is Change.WORSE] == [RARE]
    assert (found[ALL], found[OFTEN]) == (Change.CANNOT_TELL, Change.SAME)  # beside one baseline


def test_the_same_build_is_the_same_and_few_requests_tell_nothing(baselines: list[RunValues], tmp_path: Path) -> None:
    found = changes(a_run(tmp_path, "r4", 4, failing=0.0), baselines)
    assert (found[RARE], found[OFTEN], found[ALL]) == (Change.SAME, Change.SAME, Change.SAME)
    few = a_run(tmp_path, "r5", 5, failing=1.0, per_second=0.1)
    assert "needs 5" in few.left_out[RARE]
    assert changes(few, baselines)[RARE] is Change.CANNOT_TELL


def test_a_throughput_of_nothing_but_errors_is_0_and_worse(baselines: list[RunValues], tmp_path: Path) -> None:
    """All requests failed from the first on, so that no ok series was ever born: it was "no data"."""
    run = a_run(tmp_path, "r6", 6, failing=1.0, often=1.0)
    assert run.values["throughput", ()].tolist() == [0.0] * 8
    found = changes(run, baselines)
    assert {found["throughput", ()], found[ALL], found[OFTEN], found[RARE]} == {Change.WORSE}


def test_it_gates_where_the_plan_limits_errors() -> None:
    on = plan().model_copy(update={"baseline": Baseline(last_passed=5)})
    assert gates("endpoint_error_ratio", on, SHIPPED)


# --- in numbers: chance in few requests


def ratios(name: str, shares: dict[str, tuple[float, float]], rng: np.random.Generator) -> RunValues:
    """``shares``: of each endpoint the requests in a sub-window, and the share that fails, which differs a little
    between runs."""
    values: dict[Key, np.ndarray] = {}
    for endpoint, (requests, share) in shares.items():
        counts = np.maximum(rng.poisson(requests, 8), 1)
        failing = min(1.0, share * float(np.exp(rng.normal(0, 0.2))))
        values["endpoint_error_ratio", (("method", "GET"), ("name", endpoint))] = rng.binomial(counts, failing) / counts
    return RunValues(name, "d", 10.0, values)


MANY = {f"/{n}-{p}": (n, p) for n in (5.0, 20.0, 200.0) for p in (0.0, 0.001, 0.01, 0.05, 0.2)}


@pytest.mark.parametrize("runs", [1, 3, 5, 10])
def test_errors_that_chance_brings_are_rarely_called_worse(runs: int) -> None:
    """15 endpoints with 5 to 200 requests in a sub-window, of which up to a fifth fail: at most 2 % of comparisons."""
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(100):
        made = [ratios(f"r{i}", MANY, rng) for i in range(runs + 1)]
        alarms += bool(compare(made[0], made[1:], ERRORS).of(Change.WORSE))
    assert alarms <= 2


def test_one_error_in_a_hundred_requests_is_not_worse() -> None:
    key = ("endpoint_error_ratio", (("method", "GET"), ("name", "/rare")))
    clean = [RunValues(f"b{i}", "d", 10.0, {key: np.zeros(8)}) for i in range(5)]
    for errors in (np.r_[1 / 12, np.zeros(7)], np.r_[1.0, np.zeros(7)], np.r_[0.2, 0.2, np.zeros(6)]):
        (row,) = compare(RunValues("r", "d", 10.0, {key: errors}), clean, ERRORS).rows
        assert row.change in (Change.SAME, Change.CANNOT_TELL), errors


@pytest.mark.parametrize(("runs", "share"), [(1, 1.0), (3, 0.5), (5, 0.3)])
def test_what_truly_fails_is_found(runs: int, share: float) -> None:
    """With 20 requests in a sub-window, beside fourteen endpoints that are as they were."""
    rng = np.random.default_rng(12)
    found = 0
    for _ in range(20):
        made = [ratios(f"r{i}", MANY, rng) for i in range(runs)]
        run = ratios("r", {**MANY, "/20.0-0.001": (20.0, share)}, rng)
        worse = [row.labels["name"] for row in compare(run, made, ERRORS).of(Change.WORSE)]
        found += worse == ["/20.0-0.001"]
    assert found >= 18


def test_an_endpoint_that_fails_now_and_then_does_not_hide_the_errors_of_all() -> None:
    flapping = ("endpoint_error_ratio", (("method", "GET"), ("name", "/odd")))
    made = [
        RunValues(f"b{i}", "d", 10.0, {ALL: np.full(8, 0.0), flapping: np.full(8, share)})
        for i, share in enumerate((0.0, 0.6, 0.0, 0.9, 0.0))
    ]
    run = RunValues("r", "d", 10.0, {ALL: np.full(8, 0.01), flapping: np.full(8, 0.5)})
    assert {row.query: row.change for row in compare(run, made, ERRORS).rows} == {
        "error_ratio": Change.WORSE, "endpoint_error_ratio": Change.CANNOT_TELL,
    }  # fmt: skip
