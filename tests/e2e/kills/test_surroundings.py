"""Hostile surroundings in whole runs (`make test-long`; KILL_SEED=N for other moments): every cell as expected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.kill_lab import KillRow

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(7200)]


def _one(missing: str, name: str) -> object:
    return pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=f"{name} cannot be run here: {missing}"))


@pytest.mark.parametrize("name", [_one(cell.missing(), cell.name) for cell in SURROUNDINGS])
def test_a_cell_comes_out_as_it_must(name: str, cells_run: Callable[[str], KillRow]) -> None:
    row = cells_run(name)
    assert row.problem == "", f"{row.outcome}: {row.finding} ({row.directory})"
