"""SIGTERM, as a CI's time-out sends it, ends a command as Ctrl-C does."""

from __future__ import annotations

import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness import cli_group
from harness.cli import main


def test_sigterm_ends_in_order_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judging(_arguments: object) -> int:
        with TemporaryDirectory(dir=tmp_path):
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)  # a second one, in the middle of the clean-up
        return 0

    monkeypatch.setattr(cli_group, "run_command", judging)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        main(["judge", "last"])
    assert end.value.code == 12
    assert "nothing was judged" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before
