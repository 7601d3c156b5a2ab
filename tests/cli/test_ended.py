"""SIGTERM, as a CI's time-out sends it, ends a command as Ctrl-C does."""

from __future__ import annotations

import os
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


def test_what_a_command_writes_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def writing(_arguments: object) -> int:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").touch()
        return 0

    monkeypatch.setattr(cli_group, "run_command", writing)
    before = os.umask(0)  # as GitLab's runners give it
    try:
        with pytest.raises(SystemExit):
            main(["run", "x"])
        assert os.umask(0) == 0, "it is as it was"
    finally:
        os.umask(before)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("folder", "file")] == ["0o755", "0o644"]
