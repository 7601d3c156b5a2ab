"""What the smoke checks run against: TEST_BASE_URL, or the reference target started for them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.servers import reference_stack


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("TEST_BASE_URL", "").rstrip("/")
    if given:
        yield given
        return
    with reference_stack(tmp_path_factory.mktemp("performance")) as stack:
        yield stack.mingus.url
