"""The kill matrix takes its cells side by side, each once; a test looks at one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.kill_lab import KillRow, run_cell
from harness.selftest.kills import CELLS

SIDE_BY_SIDE = 3
SEED = int(os.environ.get("KILL_SEED", "1"))


@pytest.fixture(scope="session")
def cells_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], KillRow]]:
    """Runs the cells of the selected tests."""
    wanted = {item.callspec.params["name"] for item in request.session.items if "cells_run" in item.fixturenames}
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    tmp_path_factory.getbasetemp()  # made here: threads that make it at once get two
    futures: dict[str, Future[KillRow]] = {
        cell.name: pool.submit(run_cell, cell, tmp_path_factory.mktemp(cell.name.replace(" ", "-")), SEED)
        for cell in (*CELLS, *SURROUNDINGS)
        if cell.name in wanted
    }
    yield lambda name: futures[name].result()
    pool.shutdown(cancel_futures=True)
