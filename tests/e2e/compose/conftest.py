"""One engine and one stack for all compose tests of a session: a start takes half a minute, a run two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.compose.engine import Engine, private_engine
from tests.e2e.compose.stack import Stack, new_project
from tests.e2e.compose.standins import make_images


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with private_engine() as found:
        make_images(found)
        yield found


@pytest.fixture
def stack(engine: Engine, tmp_path: Path) -> Iterator[Stack]:
    """A stack of this test's own, not started."""
    made = Stack(engine, new_project(tmp_path))
    try:
        yield made
    finally:
        made.down()
