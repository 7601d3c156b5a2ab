"""STAND-INS FOR TESTS ONLY: the official images' names on images made from Debian's packages; see standins/Dockerfile.

A minute and a half the first time; afterwards the engine's cache has them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.e2e.compose.engine import Engine
from tests.servers import ROOT

BASE = "harness-standin/debian:bookworm"
MIRROR = "http://deb.debian.org/debian"
RECIPES = Path(__file__).parent / "standins"
# Stage of the Dockerfile -> the official image whose place it takes.
IMAGES = {
    "python": "python:3.12-slim-bookworm",
    "postgres": "postgres:17-bookworm",
    "redis": "redis:8-bookworm",
    "prometheus": "prom/prometheus:v3.13.3",
    "alertmanager": "prom/alertmanager:v0.32.1",
    "haproxy": "haproxy:3.2-alpine",
    "grafana": "grafana/grafana:13.1.0",
}
OURS = "endurance-harness"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_CONFIG = Path("/etc/pip.conf")


def make_images(engine: Engine) -> None:
    """All stand-ins, and our own image on top, built from the shipped Dockerfile."""
    with tempfile.TemporaryDirectory(prefix="hc-") as name:
        work = Path(name)
        if not engine.lines("images", "-q", BASE):
            _bootstrap(engine, work)
        context = work / "context"
        shutil.copytree(RECIPES, context)
        shutil.copyfile(CA_BUNDLE, context / "ca-certificates.crt")
        (context / "pip.conf").write_text(_pip_config())
        for stage, tag in IMAGES.items():
            engine.run("build", "-q", "--target", stage, "-t", tag, context, timeout=600)
    engine.run("build", "-q", "-t", OURS, ROOT, timeout=600)


def _bootstrap(engine: Engine, work: Path) -> None:
    root = work / "debian"
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root, MIRROR],
        check=True, capture_output=True, timeout=400,
    )  # fmt: skip
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["docker", "import", "-", BASE], stdin=tar.stdout, env=engine.environ, check=True, capture_output=True
        )
    assert tar.returncode == 0, "tar could not pack the base image"


def _pip_config() -> str:
    """The host's own, so that pip finds its index and its CA in builds too; a folder of wheels is not there."""
    text = PIP_CONFIG.read_text() if PIP_CONFIG.is_file() else "[global]\n"
    if index := os.environ.get("PIP_INDEX_URL"):
        text += f"\n[install]\nindex-url = {index}\n"
    return text
