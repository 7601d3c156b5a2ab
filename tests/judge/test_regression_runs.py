"""Comparisons of run directories: real blocks, real queries, a real private Prometheus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.judge import judge_run
from harness.judge.regression_runs import FILE, choose, passed, read_kept, stored_run, values_of
from harness.judge.regression_values import LEAST_WINDOWS, RunValues
from harness.judge.verdict import Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.model import Plan
from harness.plan.regression import Baseline, RegressionQuery
from harness.plan.regression_file import load_queries
from harness.report.stored import read_verdict
from harness.run.json_files import write_json
from harness.run.record import RunDirectory
from tests.judge.fabricate import START, STEADY_FROM, Made, flat, lose, named, plan, write_run

PROMETHEUS = Path(__file__).parents[2] / "prometheus"
RULES = PROMETHEUS / "rules"
VERSIONS = {"cpu": "AMD EPYC", "cpus": "4", "memory": "16 GiB", "locustfile": "sha256:12"}
CPU = ("cpu_per_1000_requests", (("kind", "process"), ("subject", "web")))


def a_run(root: Path, name: str, seed: int, cpu: float = 0.4, on: Plan | None = None, **record: object) -> RunDirectory:
    """A finished run below ``root``; times are those of the fabricated runs, a later name is a later run."""
    made = Made(seed=seed, cpu=flat(cpu), lost=lose(named("harness_run_info")))
    told: dict[str, object] = {"versions": VERSIONS, "started_at": START + seed / 1000, **record}
    directory = write_run(root / name, made, run_id=name, **told)
    directory.plan_file.write_text(dump_plan(on or plan(), mask=True))
    return directory


def put_verdict(directory: RunDirectory, outcome: str = "pass", *findings: Mapping[str, object]) -> None:
    objectives = [{"objective": "error_ratio", "subject": "all", "outcome": outcome}]
    write_json(directory.verdict_file, {"schema": 1, "findings": list(findings), "objectives": objectives})


def compared(directory: RunDirectory, on: Plan, anew: bool = True) -> Verdict:
    return judge_run(directory, on, rules_dir=RULES, baselines=dict, anew=anew)


def regressions(verdict: Verdict) -> list[tuple[str, Outcome]]:
    return [(f.signal, f.outcome) for f in verdict.findings if f.check == "regression"]


COMPARING = plan().model_copy(update={"baseline": Baseline(last_passed=3, require=("cpu_per_1000_requests",))})


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        put_verdict(a_run(root, f"2026-{seed}-made", seed))
    return root


def test_a_run_is_measured_over_equal_sub_windows(history: Path) -> None:
    queries = load_queries(PROMETHEUS)
    found = values_of(RunDirectory(history / "2026-1-made"), plan(), queries, RULES)
    assert found.window == 30.0  # 240 s in eight
    assert found.load == pytest.approx(20)
    assert found.values[CPU].shape == (8,)
    assert found.values[CPU].mean() == pytest.approx(10.0, rel=0.02)  # 0.4 cores / 40 rps x 1000
    assert found.values["throughput", ()].mean() == pytest.approx(40.0, rel=0.02)
    assert (found.values["error_ratio", ()] == 0).all()
    assert "too short" in found.left_out["memory_growth", ()]
    assert RunValues.from_json(json.loads(json.dumps(found.to_json())), "x").to_json() == found.to_json()


def test_more_cpu_per_request_fails_the_run_and_only_that(history: Path) -> None:
    directory = a_run(history, "2026-5-made", 5, cpu=0.5)
    verdict = compared(directory, COMPARING)
    assert regressions(verdict) == [("cpu", Outcome.FAIL)]
    assert verdict.outcome is Outcome.FAIL
    found = next(f for f in verdict.findings if f.check == "regression")
    assert "cpu_per_1000_requests of process web" in found.summary and "3 baseline runs" in found.summary
    assert found.value == pytest.approx(12.5, rel=0.02)
    assert verdict.comparison is not None
    assert verdict.comparison["baselines"] == ["2026-1-made", "2026-2-made", "2026-3-made"]
    # Elsewhere, without the baselines, the same comes out.
    alone = RunDirectory(Path(shutil.copytree(directory.path, history.parent / "elsewhere" / directory.path.name)))
    assert compared(alone, COMPARING, anew=False).to_json() == verdict.to_json()
    write_json(alone.verdict_file, verdict.to_json())
    assert read_verdict(alone).comparison == json.loads(json.dumps(verdict.to_json()))["comparison"]
    shutil.rmtree(directory.path)


def test_the_same_build_passes(history: Path) -> None:
    directory = a_run(history, "2026-6-made", 6)
    verdict = compared(directory, COMPARING)
    assert regressions(verdict) == []
    assert verdict.outcome is Outcome.WARN  # the fabricated run has no series that name it
    kept = read_kept(directory)
    assert kept is not None and [one.run_id for one in kept.baselines] == ["2026-1-made", "2026-2-made", "2026-3-made"]
    shutil.rmtree(directory.path)


def test_a_first_run_says_that_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    verdict = compared(a_run(tmp_path, "2026-1-made", 1), COMPARING)
    assert regressions(verdict) == [("telemetry", Outcome.WARN)]
    assert verdict.outcome is Outcome.WARN
    assert verdict.comparison is not None and "no earlier run" in verdict.comparison["missing"]


def test_a_damaged_baseline_is_left_out_and_told(tmp_path: Path) -> None:
    for seed in (1, 2):
        put_verdict(a_run(tmp_path, f"2026-{seed}-made", seed))
    shutil.rmtree(tmp_path / "2026-1-made" / "tsdb")
    verdict = compared(a_run(tmp_path, "2026-3-made", 3), COMPARING)
    assert ("telemetry", Outcome.WARN) in regressions(verdict)
    told = next(f.summary for f in verdict.findings if f.check == "regression" and "left out" in f.summary)
    assert "2026-1-made" in told


def test_a_damaged_copy_of_the_values_is_not_trusted(history: Path) -> None:
    directory = a_run(history, "2026-7-made", 7)
    (directory.path / FILE).write_text('{"schema": 1, "run": {')
    queries = load_queries(PROMETHEUS)
    assert values_of(directory, plan(), queries, RULES).values[CPU].mean() == pytest.approx(10.0, rel=0.02)
    assert regressions(compared(directory, COMPARING, anew=False)) == []
    shutil.rmtree(directory.path)


def test_a_plans_own_query_is_asked(history: Path) -> None:
    own = RegressionQuery(
        name="users_now", query='avg_over_time(locust_users{harness="$stack"}[$window])', signal="throughput"
    )
    on = plan().model_copy(update={"baseline": Baseline(last_passed=3, queries=(own,))})
    verdict = compared(a_run(history, "2026-8-made", 8), on)
    assert verdict.comparison is not None
    row = next(r for r in verdict.comparison["rows"] if r["query"] == "users_now")
    assert (row["value"], row["baseline"]) == (pytest.approx(20), pytest.approx(20))
    assert row["labels"]["user_class"] == "Saver"
    shutil.rmtree(history / "2026-8-made")


def test_a_steady_state_of_seconds_tells_nothing(tmp_path: Path) -> None:
    directory = a_run(tmp_path, "2026-1-made", 1, steady_to=STEADY_FROM + 60)
    found = values_of(directory, plan(), load_queries(PROMETHEUS), RULES)
    assert found.values == {}
    assert all(f"{LEAST_WINDOWS} sub-windows" in why for why in found.left_out.values())


# --- which runs are the baselines


def chosen(root: Path, baseline: Baseline, named: Mapping[str, tuple[str, ...]], seed: int = 9) -> object:
    directory = a_run(root, f"2026-{seed}-made", seed)
    on = plan().model_copy(update={"baseline": baseline})
    found = choose(on, directory.read_record(), root, named)
    shutil.rmtree(directory.path)
    return [d.path.name for d in found.directories] or (found.missing, found.mistaken)


def test_the_newest_that_passed_are_chosen(history: Path) -> None:
    assert chosen(history, Baseline(last_passed=2), {}) == ["2026-2-made", "2026-3-made"]


def test_a_name_comes_first_and_may_be_cut(history: Path) -> None:
    main = {"main": ("2026-1-made", "2026-3-made", "2026-9-made")}
    assert chosen(history, Baseline(name="main"), main) == ["2026-1-made", "2026-3-made"]
    assert chosen(history, Baseline(name="main", last_passed=1), main) == ["2026-3-made"]
    assert chosen(history, Baseline(name="other", last_passed=1), main) == ["2026-3-made"]


def test_a_name_that_is_not_there_is_a_slip_where_others_are(history: Path) -> None:
    assert chosen(history, Baseline(name="mian"), {"main": ("2026-1-made",)}) == (
        f"there is no baseline 'mian' in {history}; there are: main", True,
    )  # fmt: skip
    assert chosen(history, Baseline(name="main"), {}) == (f"there is no baseline 'main' in {history}", False)
    told = chosen(history, Baseline(name="main"), {"main": ("gone",)})
    assert told == (f"no run of the baseline 'main' is in {history}: gone", True)


def test_what_did_not_pass_is_no_baseline_but_what_could_only_not_be_compared_is() -> None:
    objectives = [{"outcome": "pass"}]
    untold = {"check": "regression", "outcome": "inconclusive"}
    assert passed({"findings": [untold, {"check": "alerts", "outcome": "warn"}], "objectives": objectives})
    assert not passed({"findings": [{"check": "regression", "outcome": "fail"}], "objectives": objectives})
    assert not passed({"findings": [{"check": "coverage", "outcome": "inconclusive"}], "objectives": objectives})
    assert not passed({"findings": [], "objectives": []})
    assert not passed([])


def test_a_stored_run_knows_its_generators_fault(history: Path) -> None:
    directory = RunDirectory(history / "2026-2-made")
    put_verdict(directory, "pass", {"check": "generator", "outcome": "inconclusive", "summary": "loop lag"})
    assert stored_run(directory, load_queries(PROMETHEUS), RULES).generator_fault == "loop lag"
    put_verdict(directory)
