"""Hostile surroundings without their runs: which are chosen, when a row is right, what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError, UsageError
from harness.judge.verdict import Outcome
from harness.run.json_files import write_json
from harness.run.record import RunRecord
from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.kill_lab import KillRow, run_cell
from harness.selftest.kill_page import renewed
from harness.selftest.kills import CELLS
from harness.selftest.surroundings import Surrounding, moment, named, require_runnable
from harness.selftest.whole_run import Whole
from tests.selftest.test_kills import SCRAPED

HURT = frozenset({Outcome.INCONCLUSIVE, Outcome.FAIL})


def surrounding(whole: Whole | None = None, *, kept: float | None = 1.0, missing: str = "") -> Surrounding:
    def run(folder: Path, share: float) -> Whole:
        if whole is None:
            raise HarnessError("it did not end")
        return whole

    return Surrounding(
        "storm", HURT, ("rain",), "it rains", run, bare=frozenset({12}), missing=lambda: missing, kept=lambda _: kept
    )


def judged(folder: Path, outcome: str, code: int, summary: str = "rain fell") -> Whole:
    write_json(folder / "verdict.json", {"outcome": outcome, "findings": [{"summary": summary, "objective": ""}]})
    write_json(folder / "run.json", RunRecord("r", "p", 100.0, "t").to_json())
    return Whole(code, "output", folder, [], 100.0, meddled_at=150.0, scraped=SCRAPED)


def test_names_are_told_apart_from_those_of_parts_and_no_pass_is_expected_without_a_word() -> None:
    names = [cell.name for cell in SURROUNDINGS]
    assert len({*names, *(cell.name for cell in CELLS)}) == len(names) + len(CELLS)
    assert all(cell.outcomes and cell.why for cell in SURROUNDINGS)


def test_cells_are_chosen_by_name_or_all() -> None:
    cells = [surrounding()]
    assert named(cells, ["storm"]) == named(cells, ["surroundings", "redis"]) == cells
    assert named(cells, ["redis"]) == []


def test_what_cannot_be_run_here_is_refused_by_name() -> None:
    require_runnable([surrounding()])
    with pytest.raises(UsageError, match="storm cannot be run here: only root may"):
        require_runnable([surrounding(), surrounding(missing="only root may")])


def test_moments_are_random_and_repeatable() -> None:
    moments = [moment(surrounding(), seed) for seed in range(50)]
    assert moments == [moment(surrounding(), seed) for seed in range(50)]
    assert len(set(moments)) == 50 and min(moments) >= 0.25 and max(moments) <= 0.50


@pytest.mark.usefixtures("counted")
def test_a_row_is_right_only_when_everything_is(tmp_path: Path) -> None:
    def problem(outcome: str, code: int, summary: str = "rain fell", kept: float | None = 1.0) -> str:
        return run_cell(surrounding(judged(tmp_path, outcome, code, summary), kept=kept), tmp_path, 1).problem

    assert problem("inconclusive", 11) == ""
    assert problem("pass", 0) == "pass instead of inconclusive or fail"
    assert problem("fail", 0) == "fail, yet exit code 0"
    assert problem("fail", 10, "sun") == "nothing says 'rain'"
    assert problem("fail", 10, kept=0.5) == "only 50% of what was scraped before is kept"
    assert problem("fail", 10, kept=None) == "its series were not kept"


def test_where_nothing_could_be_written_the_exit_code_and_the_message_stand_for_the_verdict(tmp_path: Path) -> None:
    def problem(code: int, output: str, kept: float | None = 1.0) -> str:
        whole = Whole(code, output, tmp_path, [], 1.0, scraped=SCRAPED)
        return run_cell(surrounding(whole, kept=kept), tmp_path, 1).problem

    assert problem(12, "error: rain") == ""
    assert problem(12, "error: snow") == "nothing says 'rain'"
    assert problem(1, "rain") == "no verdict, exit code 1: rain"
    assert problem(0, "rain") == "no verdict, exit code 0: rain"
    assert problem(12, "rain", None) == "its series were not kept"
    assert "a traceback in its output" in problem(12, "rain\nTraceback (most recent call last)")


def test_what_cannot_be_run_is_a_row_with_its_problem(tmp_path: Path) -> None:
    row = run_cell(surrounding(), tmp_path, 1)
    assert (row.outcome, row.problem, row.right) == ("error", "it did not end", False)


def test_the_page_has_a_table_of_each_kind() -> None:
    part = KillRow("sidecar SIGKILL", 1, ("warn",), "warn", "the sidecar died", 1.0, 0.4, 150.0, "d", "")
    storm = KillRow("storm", 1, ("fail",), "fail", "/tmp/a/b/runs/r/tsdb: GET /api/v1", 0.97, 0.4, 150.0, "d", "")
    page = renewed("", [part], CELLS, "today", [surrounding()])
    assert "0 of 0 cells as expected in each run (0 runs); 1 of 1 not run yet." in page
    page = renewed(page, [storm], CELLS, "tomorrow", [surrounding()])
    assert "1 of 1 cells as expected in each run (1 runs); 0 of 1 not run yet." in page
    assert "1 of 1 cells as expected in each run (1 runs); 35 of 36 not run yet." in page
    assert (
        "| storm | fail | 1 | 3 | fail | yes | 97% | tomorrow | .../tsdb: GET /api/v1 |"
        in page.partition("## Hostile surroundings")[2]
    )
    assert "| sidecar SIGKILL |" in page.partition("## Hostile surroundings")[0]
    assert renewed(page, [], CELLS, "later", [surrounding()]) == page
