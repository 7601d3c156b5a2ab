"""What a plan asks of a comparison is never lost without a word: a query that fails, a part of a run, an empty list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.judge import judge_run
from harness.judge.part import Part
from harness.judge.regression import compare
from harness.judge.regression_findings import check_regression
from harness.judge.regression_kept import read_kept
from harness.judge.regression_rows import Change, Comparison, Row
from harness.judge.regression_runs import choose
from harness.judge.verdict import Outcome
from harness.plan.regression import Baseline, RegressionQuery
from harness.plan.regression_file import load_queries
from harness.report.comparison import compared_view
from harness.report.markdown import comparison_table
from harness.run.record import RunDirectory
from tests.judge.fabricate import plan
from tests.judge.test_regression import LATENCY, QUERIES
from tests.judge.test_regression import run as made
from tests.judge.test_regression_runs import COMPARING, PROMETHEUS, RULES, a_run, put_verdict, regressions

BROKEN = RegressionQuery(name="jobs", query="avg_over_time(jobs_waiting[$window]", signal="redis")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    root = tmp_path_factory.mktemp("runs")
    put_verdict(a_run(root, "2026-1-made", 1))
    return a_run(root, "2026-2-made", 2)


def test_a_query_that_fails_does_not_take_the_runs_own_verdict_with_it(run: RunDirectory) -> None:
    """A bracket that is missing in a plan's own query: a day of soak must not end without a verdict."""
    on = plan().model_copy(update={"baseline": Baseline(last_passed=3, queries=(BROKEN,))})
    verdict = judge_run(run, on, rules_dir=RULES, baselines=dict, anew=True)
    assert {one.objective for one in verdict.objectives} == {one.name for one in on.objectives}
    assert regressions(verdict) == [("telemetry", Outcome.INCONCLUSIVE)]
    told = next(f.summary for f in verdict.findings if f.check == "regression")
    assert "jobs_waiting[30000ms]" in told and "parse error" in told
    assert verdict.comparison is not None and "parse error" in verdict.comparison["missing"]
    assert read_kept(run) is None, "the query may be mended"


def test_a_part_of_a_run_says_that_it_was_not_compared(run: RunDirectory) -> None:
    verdict = judge_run(run, COMPARING, rules_dir=RULES, part=Part(start="100s"), keep=False)
    assert regressions(verdict) == [("telemetry", Outcome.WARN)]
    told = next(f.summary for f in verdict.findings if f.check == "regression")
    assert told == "it was not compared with earlier runs: only a part of it was judged"


def test_an_empty_list_of_what_is_required_requires_what_no_list_does() -> None:
    """As documented: where none is required by name, a query about an objective of the plan fails the run."""
    queries = load_queries(PROMETHEUS)
    rows = (
        Row("error_ratio", "errors", {}, Change.WORSE, "ratio", absolute=True, value=0.02, baseline=0.0, tolerance=0.0),
        Row("latency_p95", "latency", {}, Change.CANNOT_TELL, "seconds", note="no data"),
    )
    comparison = Comparison("r", ("b",), rows)
    on = plan("  {error_ratio: 5%, latency_p95: 1s}")
    none, empty = (
        check_regression(
            comparison, on.model_copy(update={"baseline": Baseline(name="main", require=require)}), queries
        )
        for require in (None, ())
    )
    assert [one.outcome for one in none] == [Outcome.FAIL, Outcome.WARN]
    assert empty == none


def test_a_name_that_is_a_slip_is_told_although_the_last_that_passed_take_its_place(run: RunDirectory) -> None:
    on = plan().model_copy(update={"baseline": Baseline(name="mian", last_passed=5)})
    root: Path = run.path.parent
    found = choose(on, run.read_record(), root, {"main": ("2026-1-made",)})
    assert [one.path.name for one in found.directories] == ["2026-1-made"]
    assert found.lost == (
        ("baseline 'mian'", f"there is none in {root}; there are: main; the last runs that passed took its place"),
    )
    assert choose(on, run.read_record(), root, {}).lost == (), "nobody named one yet"


def test_what_only_one_of_the_runs_measured_is_shown_and_not_counted_among_what_nobody_did() -> None:
    """An endpoint that is asked no more: a journey breaks off before it, and nothing else is slower."""
    baselines = [made(f"b{i}", i) for i in range(1, 4)]
    now = made("r", 9)
    gone = replace(now, values={k: v for k, v in now.values.items() if k != LATENCY}, left_out={LATENCY: "no data"})
    (row,) = [one for one in compare(gone, baselines, QUERIES).rows if one.query == "latency"]
    assert (row.change, row.value, row.baseline) == (Change.CANNOT_TELL, None, pytest.approx(0.1, rel=0.05))
    view = compared_view(compare(gone, baselines, QUERIES).to_json())
    assert view is not None
    line = next(one for one in comparison_table(view).splitlines() if "`latency`" in one)
    assert "GET /a" in line and "no data" in line and "100" in line
    assert "could not be compared" not in comparison_table(view)
    new = [replace(one, values={k: v for k, v in one.values.items() if k != LATENCY}) for one in baselines]
    (row,) = [one for one in compare(now, new, QUERIES).rows if one.query == "latency"]
    assert (row.value, row.baseline) == (pytest.approx(0.1, rel=0.05), None)
    # A generator that was the bottleneck: its figures are nobody's, and are not shown.
    spoiled = compare(now, baselines, QUERIES, "loop lag").rows[0]
    assert (spoiled.value, spoiled.baseline) == (None, None)
