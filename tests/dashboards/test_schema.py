"""The JSON type-checks against Grafana's own types (`@grafana/schema` from npm), by the TypeScript compiler.

Only this test needs node. The two packages are locked by hash in schema/package-lock.json and kept in a folder of the
user's cache; where npm cannot run, or cannot reach its registry the first time, the test is skipped and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dashboards.definitions import GENERATED

SCHEMA = Path(__file__).parent / "schema"
CONFIG = {
    "compilerOptions": {
        "strict": True, "noEmit": True, "skipLibCheck": True, "target": "es2022", "module": "es2022",
        "moduleResolution": "node", "types": [],
    }
}  # fmt: skip
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def packages() -> Path:
    """node_modules as locked, made once per lock file."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("no npm here: the dashboards' JSON is not type-checked; scripts/setup.sh --tests installs it")
    lock = (SCHEMA / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "endurance-harness"
    folder = cache / f"schema-{hashlib.sha256(lock).hexdigest()[:16]}"
    done = folder / ".complete"
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCHEMA / name, folder)
        install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            if "EINTEGRITY" in made.stderr:
                pytest.fail(f"a package is not the locked one: {made.stderr}")
            pytest.skip(f"npm could not fetch Grafana's types: {made.stderr.strip().splitlines()[:1]}")
        done.touch()
    return folder / "node_modules"


def compile_all(packages: Path, folder: Path, boards: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """tsc over each JSON text as a literal of the type Dashboard: unknown keys and wrong values are errors."""
    (folder / "node_modules").symlink_to(packages)
    shutil.copy(SCHEMA / "types.ts", folder)
    for name, text in boards.items():
        source = f"import type {{ Dashboard }} from './types';\nexport const board: Dashboard = {text};\n"
        (folder / f"{name}.ts").write_text(source, encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps(CONFIG | {"files": [f"{name}.ts" for name in boards]}))
    tsc = ["node", str(packages / "typescript" / "bin" / "tsc"), "-p", str(folder)]
    return subprocess.run(tsc, capture_output=True, text=True, timeout=200, check=False)


def test_every_dashboard_is_what_grafana_declares(packages: Path, tmp_path: Path) -> None:
    boards = {path.stem: path.read_text(encoding="utf-8") for path in GENERATED.glob("*.json")}
    assert len(boards) == 8
    done = compile_all(packages, tmp_path, boards)
    assert done.returncode == 0, done.stdout


# Name -> what is spoiled, how, and what the compiler says.
SPOILED = {
    "value": ('"displayMode": "list"', '"displayMode": "lost"', '"lost"'),
    "key": ('"spanNulls": false', '"spanNuls": false', "spanNuls"),
    "number": ('"unit": "s"', '"unit": 5', "number"),
    "angular": ('"type": "timeseries"', '"type": "graph"', '"graph"'),
    "target": ('"refId": "A"', '"refID": "A"', "refI"),
}


def test_the_check_can_fail(packages: Path, tmp_path: Path) -> None:
    text = (GENERATED / "harness-load.json").read_text(encoding="utf-8")
    assert all(good in text for good, _, _ in SPOILED.values())
    done = compile_all(packages, tmp_path, {n: text.replace(good, bad, 1) for n, (good, bad, _) in SPOILED.items()})
    assert done.returncode != 0
    for name, (_, _, told) in SPOILED.items():
        assert any(f"{name}.ts(" in line and told in line for line in done.stdout.splitlines()), name
