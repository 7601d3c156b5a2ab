"""The kill matrix in whole runs (`make test-long`; KILL_SEED=N for other moments): every cell as expected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.selftest.kill_lab import KillRow
from harness.selftest.kills import CELLS

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(7200)]


@pytest.mark.parametrize("name", [cell.name for cell in CELLS])
def test_a_cell_comes_out_as_it_must(name: str, cells_run: Callable[[str], KillRow]) -> None:
    row = cells_run(name)
    assert row.problem == "", f"{row.outcome}: {row.finding} ({row.directory})"
