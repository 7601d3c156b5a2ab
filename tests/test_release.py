"""A release holds the wheel, its bill of materials and their checksums; the bill is the lock, package for package."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {name.lower(): version for name, version in found}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.runtime.lock", "requirements.release.lock"])
def test_every_locked_package_has_hashes_and_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert len(pins(lock)) > 20
    assert "--index-url" not in text and "://" not in text
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if "==" in block.splitlines()[0]:
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_tools_of_a_release_are_no_part_of_the_product() -> None:
    assert {"cyclonedx-bom", "pip-audit"} <= pins("requirements.release.lock").keys()
    assert not {"cyclonedx-bom", "pip-audit"} & pins("requirements.runtime.lock").keys()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_release(tmp_path: Path) -> None:
    made = subprocess.run([ROOT / "scripts" / "release.sh"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    shutil.copytree(ROOT / "dist", tmp_path / "dist")
    dist = tmp_path / "dist"
    bill = json.loads((dist / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "endurance-harness")
    assert {c["name"].lower(): c["version"] for c in bill["components"]} == pins("requirements.runtime.lock")
    for component in bill["components"]:
        hashes = [h["alg"] for ref in component["externalReferences"] for h in ref.get("hashes", [])]
        assert "SHA-256" in hashes, component["name"]
    sums = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}
    for name, wanted in sums.items():
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == wanted
