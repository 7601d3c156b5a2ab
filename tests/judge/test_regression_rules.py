"""Values that were kept are measured again where the recording rules beneath them are others by now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.judge import judge_run
from harness.judge.regression_kept import FILE, read_kept
from harness.judge.regression_runs import digest, values_of
from harness.judge.regression_values import digest_of
from harness.judge.verdict import Outcome, Verdict
from harness.plan.regression import Baseline, QuerySet, RegressionQuery
from harness.plan.regression_file import load_queries
from harness.prom.rules import RecordingRule, load_rules
from harness.run.record import RunDirectory
from tests.judge.fabricate import plan
from tests.judge.test_regression_runs import PROMETHEUS, RULES, a_run, put_verdict, regressions

POOL = ("pool_use", (("pool", "main"),))
COMPARING = plan().model_copy(update={"baseline": Baseline(last_passed=2, require=("pool_use",))})
OLD, NEW = (
    "expr: sum by (harness, pool) (db_pool_connections{",
    "expr: 1.2 * sum by (harness, pool) (db_pool_connections{",
)
ASKED = QuerySet(
    requests="increase(raw_total[$window])",
    queries=(RegressionQuery(name="use", query="avg_over_time(a:use:ratio[$window])", signal="db_pool"),),
)
SHARE = RecordingRule("a:use:ratio", "a:in_use:sum / a:size:sum")
IN_USE = RecordingRule("a:in_use:sum", "sum by (pool) (in_use)")
SIZE = RecordingRule("a:size:sum", "sum by (pool) (size)")
OTHER = RecordingRule("b:other:sum", "sum(other)")
BEFORE = digest_of(ASKED, (IN_USE, SIZE, SHARE, OTHER))


@pytest.mark.parametrize(
    "rules",
    [
        (IN_USE, SIZE, RecordingRule(SHARE.name, "a:in_use:sum / (a:size:sum > 0)"), OTHER),
        (RecordingRule(IN_USE.name, "sum by (pool) (used)"), SIZE, SHARE, OTHER),
        (RecordingRule(IN_USE.name, IN_USE.expr, {"made": "x"}), SIZE, SHARE, OTHER),
        (IN_USE, SIZE, OTHER),
        (IN_USE, SIZE, SHARE, OTHER, RecordingRule(SHARE.name, "c")),
    ],
)
def test_a_rule_that_is_read_changes_what_was_asked(rules: tuple[RecordingRule, ...]) -> None:
    assert digest_of(ASKED, rules) != BEFORE


@pytest.mark.parametrize(
    "rules",
    [
        (IN_USE, SIZE, SHARE, RecordingRule(OTHER.name, "sum(another)")),
        (IN_USE, SIZE, SHARE),
        (OTHER, SHARE, SIZE, IN_USE),
        (RecordingRule(IN_USE.name, "sum by (pool)\n  (in_use)\n", file="elsewhere.yml"), SIZE, SHARE, OTHER),
    ],
)
def test_a_rule_that_nothing_reads_and_its_layout_do_not(rules: tuple[RecordingRule, ...]) -> None:
    assert digest_of(ASKED, rules) == BEFORE


def test_shipped_queries_lean_on_shipped_rules() -> None:
    queries = load_queries(PROMETHEUS)
    assert digest(queries, RULES) == digest_of(queries, load_rules(RULES).recording) != digest_of(queries, ())


@pytest.fixture
def compared_before(tmp_path: Path) -> tuple[RunDirectory, Path]:
    """A run that was compared with two of its build, and rules by which every pool is a fifth fuller."""
    for seed in (1, 2):
        put_verdict(a_run(tmp_path / "runs", f"2026-{seed}-made", seed))
    directory = a_run(tmp_path / "runs", "2026-3-made", 3)
    assert regressions(judged(directory, RULES, anew=True)) == []
    changed = Path(shutil.copytree(PROMETHEUS, tmp_path / "prometheus")) / "rules"
    text = (changed / "recording.yml").read_text()
    assert text.count(OLD) == 1
    (changed / "recording.yml").write_text(text.replace(OLD, NEW))
    return directory, changed


def judged(directory: RunDirectory, rules: Path, *, anew: bool = False) -> Verdict:
    return judge_run(directory, COMPARING, rules_dir=rules, baselines=dict, anew=anew)


def test_all_are_measured_by_the_same_rules(compared_before: tuple[RunDirectory, Path]) -> None:
    directory, changed = compared_before
    before = read_kept(directory)
    assert before is not None
    level = before.run.values[POOL].mean()
    verdict = judged(directory, changed)
    assert regressions(verdict) == []  # beside what was kept, the pool would be eight points fuller
    kept = read_kept(directory)
    assert kept is not None and [one.run_id for one in kept.baselines] == ["2026-1-made", "2026-2-made"]
    for one in (kept.run, *kept.baselines):
        assert one.values[POOL].mean() == pytest.approx(1.2 * level, rel=0.01)
    assert values_of(directory, plan(), load_queries(PROMETHEUS), RULES).values[POOL].mean() == pytest.approx(level)


def test_without_the_baselines_that_is_no_first_run(compared_before: tuple[RunDirectory, Path], tmp_path: Path) -> None:
    directory, changed = compared_before
    alone = RunDirectory(Path(shutil.copytree(directory.path, tmp_path / "elsewhere" / directory.path.name)))
    before = (alone.path / FILE).read_bytes()
    verdict = judged(alone, changed)
    assert regressions(verdict) == [("telemetry", Outcome.INCONCLUSIVE)]
    told = next(one.summary for one in verdict.findings if one.check == "regression")
    assert "by other queries or recording rules" in told and f"2026-1-made: it is not in {alone.path.parent}" in told
    assert (alone.path / FILE).read_bytes() == before
    assert regressions(judged(alone, RULES)) == []  # what was kept still holds by its own rules
