"""The README's Docker section, followed in a clean checkout with nothing set."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.compose.engine import Engine
from tests.e2e.compose.stack import WITHOUT_GRAFANA, Stack
from tests.e2e.compose.standins import OURS
from tests.servers import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

FIRST_USER = 1000  # who the first person of a Debian machine is, and HARNESS_UID's default


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The tracked files, owned by the first user."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip(f"this is no git checkout: {listed.stderr.strip()}")
    folder = tmp_path / "endurance"
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, FIRST_USER, FIRST_USER)
    return folder


@pytest.fixture
def newcomer(engine: Engine, checkout: Path) -> Iterator[Stack]:
    """Nothing is set but where this test's engine listens; our image is not there."""
    engine.run("image", "rm", "-f", OURS)
    stack = Stack(engine, checkout, files=(), defaults={"DOCKER_SOCKET": str(engine.socket)})
    try:
        yield stack
    finally:
        stack.down()


def test_the_first_up_builds_runs_and_passes(newcomer: Stack) -> None:
    newcomer.compose("up", "-d", *WITHOUT_GRAFANA, timeout=900)
    code, run = newcomer.end()
    assert (code, run.record["plan"], run.record["ended_by"]) == (0, "smoke", "completed"), run.said()
    assert run.verdict["outcome"] in ("pass", "warn"), run.said()
    assert {path.stat().st_uid for path in [run.path.parent, *run.path.rglob("*")]} == {FIRST_USER}
    left = {name for name, state in newcomer.states().items() if state != "running"}
    assert left == {"endurance-harness-1", "endurance-init-1", "endurance-fault-1"}
