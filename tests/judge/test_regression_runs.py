"""Comparisons of run directories: real blocks, real queries, a real private Prometheus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.errors import ArchiveError
from harness.judge import judge_run
from harness.judge.as_baseline import passed
from harness.judge.regression_kept import FILE, Kept, keep, read_kept
from harness.judge.regression_runs import choose, compare_with, stored_run, values_of
from harness.judge.regression_values import LEAST_WINDOWS, RunValues
from harness.judge.set_aside import SetAside
from harness.judge.verdict import Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.model import Plan
from harness.plan.regression import Baseline, RegressionQuery
from harness.plan.regression_file import load_queries
from harness.report.stored import read_verdict
from harness.run.json_files import write_json
from harness.run.marks import add_mark
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
    worst = max([outcome, *(str(one["outcome"]) for one in findings)], key=lambda word: Outcome.from_word(word))
    told = {"schema": 1, "outcome": worst, "findings": list(findings), "objectives": objectives}
    write_json(directory.verdict_file, told)


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


def test_another_plans_question_does_not_replace_what_the_run_was_compared_with(history: Path) -> None:
    directory = a_run(history, "2026-4-made", 4)
    other = plan("  {latency_p95: 1s}").model_copy(update={"baseline": COMPARING.baseline})
    verdict = judge_run(directory, other, rules_dir=RULES, baselines=dict, keep=False)
    assert verdict.comparison is not None and "other latency limits" in str(verdict.comparison["refused"])
    assert read_kept(directory) is None
    assert regressions(compared(directory, COMPARING, anew=False)) == []
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
    assert told == (f"the baseline 'main' holds no run to compare with: gone: it is not in {history}", True)


def test_a_named_baseline_that_is_gone_or_did_not_pass_is_left_out_and_told(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        put_verdict(a_run(tmp_path, f"2026-{seed}-made", seed), "fail" if seed == 2 else "pass")
    main = {"main": ("2026-1-made", "gone", "2026-2-made", "2026-3-made")}
    on = plan().model_copy(update={"baseline": Baseline(name="main", last_passed=10)})
    directory = a_run(tmp_path, "2026-4-made", 4)
    found = choose(on, directory.read_record(), tmp_path, main)
    assert [d.path.name for d in found.directories] == ["2026-1-made", "2026-3-made"]
    assert found.lost == (("gone", f"it is not in {tmp_path}"), ("2026-2-made", "it did not pass"))
    few = on.model_copy(update={"baseline": Baseline(name="main", last_passed=1)})
    found = choose(few, directory.read_record(), tmp_path, main)
    assert ([d.path.name for d in found.directories], found.lost) == (["2026-3-made"], ())
    # Whoever names runs and does not ask whether they passed, gets them.
    named_only = on.model_copy(update={"baseline": Baseline(name="main")})
    found = choose(named_only, directory.read_record(), tmp_path, main)
    assert [d.path.name for d in found.directories] == ["2026-1-made", "2026-2-made", "2026-3-made"]
    verdict = judge_run(directory, on, rules_dir=RULES, baselines=lambda: main, anew=True)
    told = [f.summary for f in verdict.findings if f.check == "regression" and "left out" in f.summary]
    assert len(told) == 1 and "gone: it is not in" in told[0] and "2026-2-made: it did not pass" in told[0]


def test_the_last_that_passed_are_the_last_by_their_time_whatever_their_folders_are_called(tmp_path: Path) -> None:
    for seed, name in ((1, "z-imported"), (2, "m"), (3, "a")):
        put_verdict(a_run(tmp_path, name, seed))
    on = plan().model_copy(update={"baseline": Baseline(last_passed=2)})
    found = choose(on, a_run(tmp_path, "now", 4).read_record(), tmp_path, {})
    assert [d.path.name for d in found.directories] == ["m", "a"]


def test_copies_of_one_run_are_one_run(history: Path, tmp_path: Path) -> None:
    queries = load_queries(PROMETHEUS)
    run = stored_run(RunDirectory(history / "2026-1-made"), queries, RULES)
    other = RunDirectory(history / "2026-2-made")
    copy = RunDirectory(Path(shutil.copytree(other.path, tmp_path / "copy")))
    found, taken = compare_with(run, [other, copy, RunDirectory(history / "2026-1-made")], queries, RULES)
    assert [one.run_id for one in taken] == ["2026-2-made"]
    assert found.refused == (
        ("2026-2-made", "it is among the baseline runs already"), ("2026-1-made", "it is the run itself"),
    )  # fmt: skip


def test_a_run_that_was_not_judged_is_not_compared(history: Path, tmp_path: Path) -> None:
    """Its load generator may have been the bottleneck: then its latency is nobody's."""
    directory = RunDirectory(Path(shutil.copytree(history / "2026-1-made", tmp_path / "r")))
    directory.verdict_file.unlink()
    with pytest.raises(ArchiveError, match="was not judged: whether its load generator kept up") as error:
        stored_run(directory, load_queries(PROMETHEUS), RULES)
    assert error.value.remedy == f"harness judge {directory.path}"


def test_a_verdict_that_is_none_is_no_traceback(history: Path, tmp_path: Path) -> None:
    directory = RunDirectory(Path(shutil.copytree(history / "2026-1-made", tmp_path / "r")))
    for text in ("[]", '{"findings": 5}', '"pass"'):
        directory.verdict_file.write_text(text)
        with pytest.raises(ArchiveError, match=r"verdict\.json"):
            stored_run(directory, load_queries(PROMETHEUS), RULES)
    assert choose(COMPARING, a_run(tmp_path, "s", 9).read_record(), tmp_path, {}).directories == ()


def test_what_was_set_aside_later_is_measured_without(history: Path, tmp_path: Path) -> None:
    directory = RunDirectory(Path(shutil.copytree(history / "2026-1-made", tmp_path / "r")))
    queries = load_queries(PROMETHEUS)
    keep(directory, Kept(values_of(directory, plan(), queries, RULES)))
    assert values_of(directory, plan(), queries, RULES).values[CPU].shape == (8,)
    add_mark(directory, SetAside(STEADY_FROM + 60, STEADY_FROM + 75, "a deploy", "hand", STEADY_FROM + 80))
    again = values_of(directory, plan(), queries, RULES).values[CPU]
    assert again.shape == (7,)
    compared(directory, COMPARING, anew=False)
    kept = read_kept(directory)
    assert kept is not None and kept.run.values[CPU].shape == (7,)


def test_what_did_not_pass_is_no_baseline_but_what_could_only_not_be_compared_is() -> None:
    def stored(outcome: str, *findings: object, objectives: object = ({"outcome": "pass"},)) -> dict[str, object]:
        told = objectives if isinstance(objectives, str) else list(objectives)  # type: ignore[call-overload]
        return {"outcome": outcome, "findings": list(findings), "objectives": told}

    untold = {"check": "regression", "outcome": "inconclusive"}
    assert passed(stored("pass")) and passed(stored("warn", {"check": "alerts", "outcome": "warn"}))
    assert passed(stored("inconclusive", untold, {"check": "alerts", "outcome": "warn"}))
    assert not passed(stored("fail", {"check": "regression", "outcome": "fail"}))
    assert not passed(stored("inconclusive", {"check": "coverage", "outcome": "inconclusive"}))
    assert not passed(stored("pass", objectives=()))
    assert not passed([])
    # Damaged, or edited by hand:
    assert not passed(stored("pass", "the finding that failed it"))
    assert not passed(stored("pass", objectives=({"outcome": "pass"}, None)))
    assert not passed(stored("pass", objectives="pass"))
    assert not passed(stored("fail")) and not passed(stored("inconclusive"))
    assert not passed({"findings": [], "objectives": [{"outcome": "pass"}]})


def test_a_stored_run_knows_its_generators_fault(history: Path) -> None:
    directory = RunDirectory(history / "2026-2-made")
    put_verdict(directory, "pass", {"check": "generator", "outcome": "inconclusive", "summary": "loop lag"})
    assert stored_run(directory, load_queries(PROMETHEUS), RULES).generator_fault == "loop lag"
    put_verdict(directory)
