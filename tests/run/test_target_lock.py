"""A target is driven by one run at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ExitCode, HarnessError, PreflightError
from harness.run.target_lock import driving, host_of

HOLDS = """
import sys, time
from pathlib import Path
from harness.run.target_lock import driving
with driving(sys.argv[1], "plan night, in /a/runs", folder=Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_run_on_a_target_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, "http://localhost:5000", str(tmp_path / "locks")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        try:
            assert first.stdout is not None and first.stdout.readline() == b"held\n"
            with (
                pytest.raises(
                    PreflightError, match=r"127\.0\.0\.1:5000 .* another run: plan night, in /a/runs"
                ) as told,
                driving("http://127.0.0.1:5000/api", "second", folder=tmp_path / "locks"),
            ):
                pass
            assert told.value.exit_code is ExitCode.ERROR and told.value.remedy
            with driving("http://127.0.0.1:5001", "another target", folder=tmp_path / "locks"):
                pass
        finally:
            first.kill()  # as a kill -9 of a run: the kernel lifts the lock
    with driving("http://127.0.0.1:5000", "third", folder=tmp_path / "locks"):
        pass


def test_one_target_has_one_name() -> None:
    assert host_of("http://localhost") == host_of("http://[::1]:80/x") == host_of("http://127.0.0.1") == "127.0.0.1:80"
    assert host_of("https://Shop.Example/a") == "shop.example:443"
    assert host_of("http://shop.example:8080") != host_of("http://shop.example")


def test_somebody_elses_folder_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "locks").symlink_to(tmp_path)
    with (
        pytest.raises(HarnessError, match="is not this user's folder"),
        driving("http://a", "x", folder=tmp_path / "locks"),
    ):
        pass
