from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.report.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: other tests see that nothing is left running."""
    with chromium() as found:
        yield found
