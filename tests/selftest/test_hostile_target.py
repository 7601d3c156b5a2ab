"""The cells of a hostile target without their runs: the plan, the bounds, and what the server answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.errors import HarnessError
from harness.plan.loading import load_plan
from harness.selftest import hostile_target
from harness.selftest.hostile_server import MANY, answers
from harness.selftest.hostile_target import TARGET_CELLS, MemoryWatch, run_against, series_of, served
from harness.selftest.whole_run import Whole


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A run that is this process; what it was called with."""
    called: dict[str, Any] = {}

    def run(folder: Path, arguments: object, *, meddle: Any, **others: Any) -> Whole:
        called.update(others)
        watch = meddle.__self__
        end = meddle(psutil.Process())
        watch._look(psutil.Process())
        end()
        return Whole(0, "", tmp_path / "none", [], 1.0, meddled_at=5.0)

    monkeypatch.setattr(hostile_target, "whole_run", run)
    return called


def test_its_plan_is_one_and_asks_the_paths(faked: dict[str, Any], tmp_path: Path) -> None:
    whole = run_against(("/large", "/texts"), 7, 5, tmp_path, 0.3)
    assert whole.meddled_at is None  # hostile from the start: all series must be there
    plan = load_plan(faked["plan"], environ={})
    assert plan.load.stages[1].users == 7
    assert plan.scrape_interval == 5
    assert Path(plan.load.locustfile) == hostile_target.LOCUSTFILE.resolve()
    assert faked["environ"] == {"HOSTILE_PATHS": "/large /texts"}
    bounds = json.loads((tmp_path / "bounds.json").read_text())
    assert bounds["mib"]["harness"] > 1 and bounds["series"] is None


def test_more_memory_than_it_may_take_is_a_problem(
    faked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hostile_target, "MOST_MEMORY", 1)
    with pytest.raises(HarnessError, match=r"more than it may take: harness took \d+ MiB"):
        run_against(("/large",), 7, 1, tmp_path, 0.3)


def test_more_series_than_it_may_have_are_a_problem(
    faked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hostile_target, "series_of", lambda _: 2_000_000)
    with pytest.raises(HarnessError, match="2,000,000 series"):
        run_against(("/large",), 7, 1, tmp_path, 0.3)


def test_the_highest_memory_is_kept() -> None:
    watch = MemoryWatch()
    watch.peaks["harness"] = 1e6
    watch._look(psutil.Process())
    assert watch.peaks["harness"] == 1e6


def test_a_run_without_an_archive_has_no_number_of_series(tmp_path: Path) -> None:
    assert series_of(Whole(12, "", tmp_path, [], 1.0)) is None


def test_every_path_of_the_cells_is_answered_in_its_own_way() -> None:
    known = set(answers())
    asked = {path for cell in TARGET_CELLS for path in cell.run.args[0]}  # type: ignore[attr-defined]
    assert asked == known, "none is left out, none is merely good"


def test_texts_and_paths_never_repeat() -> None:
    with served() as (port, _):
        for path in ("/texts", "/paths"):
            one, two = (requests.get(f"http://127.0.0.1:{port}{path}", timeout=60).json() for _ in range(2))
            assert len({*one, *two}) == 2 * MANY
        assert requests.get(f"http://127.0.0.1:{port}/health", timeout=60).text == "ok"
