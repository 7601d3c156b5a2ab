"""What several tests of the labs have in common."""

from __future__ import annotations

import pytest


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for an archive in which each request was counted, and none failed."""
    monkeypatch.setattr("harness.selftest.kill_lab.failed_share", lambda _: 0.0)
