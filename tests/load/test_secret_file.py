"""What is secret of a Locust child's configuration is not in its environment, nor in its log."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from harness.load.children import child_environment
from harness.load.config import VARIABLE, LoadConfig
from harness.load.secret_file import hide, reveal


def config(folder: Path) -> LoadConfig:
    return LoadConfig(
        "worker", "locust-worker-1", str(folder), (), (1.0,), "http://localhost:1", 1, token="canary-token",
        headers={"Authorization": "Bearer canary-header"},
    )  # fmt: skip


def test_headers_and_token_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    whole = config(tmp_path)
    environment = child_environment({"PATH": "/bin", "LOCUST_USERS": "5"}, whole)
    assert "canary" not in json.dumps(environment)
    told = LoadConfig.from_json(environment[VARIABLE])
    assert stat.S_IMODE(Path(told.secrets).stat().st_mode) == 0o600
    assert replace(reveal(told), secrets="") == whole


def test_a_restart_writes_it_again_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "locust-worker-1.secrets").symlink_to(outside)
    assert reveal(hide(config(tmp_path))).token == "canary-token"
    assert reveal(hide(config(tmp_path))).headers == {"Authorization": "Bearer canary-header"}
    assert outside.read_text() == "mine"


def test_without_secrets_there_is_no_file(tmp_path: Path) -> None:
    plain = replace(config(tmp_path), token="", headers={})
    assert reveal(hide(plain)) == plain
    assert not list(tmp_path.iterdir())


def test_what_a_child_logs_is_masked() -> None:
    program = (
        "import harness.load.child as child, logging\n"
        "child._mask_logs()\n"
        "logging.basicConfig(level='INFO')\n"
        "logging.info('refused: %s', 'postgresql://u:canary@db/x?token=canary')\n"
        "try:\n    raise ValueError('redis://:canary@h/0')\nexcept ValueError:\n    logging.exception('it broke')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert "refused: postgresql://u:***@db/x?token=***" in done.stderr
    assert "ValueError: redis://:***@h/0" in done.stderr
    assert "canary" not in done.stderr
