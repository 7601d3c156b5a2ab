"""The wheel carries rules, dashboards and plans: what `pip install` leaves behind works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel; its dependencies come from the running environment."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = out.glob("*.whl")
    site = out / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    return site


def outside(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_data_stand_beside_the_code(installed: Path, tmp_path: Path) -> None:
    code = (
        "import harness, pathlib\n"
        "from harness.assets import data_path\n"
        "print(pathlib.Path(harness.__file__).parent)\n"
        "print(data_path('plans') / 'smoke.yml', (data_path('plans') / 'smoke.yml').is_file())\n"
        "print((data_path('prometheus') / 'rules' / 'recording.yml').is_file(), data_path('dashboards').is_dir())\n"
        "from harness.report.runbooks import runbook_place\n"
        "print(runbook_place('runbooks/TargetDown.md'))\n"
    )
    done = outside(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    package, plan, rules, page = done.stdout.splitlines()
    assert page == f"{installed}/harness/_data/docs/runbooks/TargetDown.md"
    assert package == str(installed / "harness")
    assert plan == f"{installed}/harness/_data/plans/smoke.yml True"
    assert rules == "True True"


def test_the_dashboards_are_a_package_with_their_json(installed: Path, tmp_path: Path) -> None:
    code = (
        "import json\n"
        "from dashboards import all_dashboards\n"
        "from harness.assets import data_path\n"
        "folder = data_path('dashboards')\n"
        "print(folder)\n"
        "print(all(json.loads((folder / 'generated' / f'{d.uid}.json').read_text()) for d in all_dashboards()))\n"
        "print((folder / 'provisioning' / 'dashboards.yml').is_file())\n"
    )
    done = outside(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(installed / "dashboards"), "True", "True"]


def test_a_shipped_plan_is_found_by_name(installed: Path, tmp_path: Path) -> None:
    done = outside(installed, tmp_path, "-m", "harness.cli", "check", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smoke" in done.stdout
    assert list(tmp_path.iterdir()) == []
