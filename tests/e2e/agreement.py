"""A verdict made at the end of a run, again elsewhere, and on an archive that was read through the query API."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.assets import rules_path
from harness.judge import judge_run
from harness.plan.loading import load_plan
from harness.prom.blocks import find_blocks
from harness.prom.remote_archive import Wanted, keep_remote
from harness.prom.server import PrometheusServer
from harness.run.json_files import read_json
from harness.run.record import RunDirectory

PARTS = ("run.json", "plan.yml", "marks.jsonl", "alerts.jsonl")
FOREIGN_LOOKBACK = 300.0  # Prometheus' own default: not what the harness would choose


def moved(directory: RunDirectory, to: Path) -> RunDirectory:
    """What a run needs to be judged, without its series, elsewhere."""
    to.mkdir(parents=True)
    for name in PARTS:
        if (directory.path / name).is_file():
            shutil.copyfile(directory.path / name, to / name)
    return RunDirectory(to)


def verdict_of(directory: RunDirectory) -> dict[str, Any]:
    plan = load_plan(directory.plan_file, environ={}, judging=True)
    return judge_run(directory, plan, rules_dir=rules_path()).to_json()


def through_the_api(directory: RunDirectory, work: Path) -> RunDirectory:
    """The same run, its series read from a server over its blocks that gives nothing but answers to queries."""
    other = moved(directory, work / "api")
    plan, record = load_plan(directory.plan_file, environ={}, judging=True), directory.read_record()
    shutil.copytree(directory.tsdb, work / "data")
    last = max(block.end_ms for block in find_blocks(directory.tsdb)) / 1000
    with PrometheusServer(work / "data", work, lookback=FOREIGN_LOOKBACK) as server:
        wanted = Wanted(f'{{harness="{plan.stack}"}}', record.started_at, last, plan.scrape_interval)
        keep_remote(server.api(timeout=60), wanted, other.tsdb)
    shutil.rmtree(work / "data")
    return other


def told_at_the_end(directory: RunDirectory, work: Path) -> tuple[RunDirectory, dict[str, Any]]:
    """The run and the verdict that it came with; a run whose harness was killed is recovered and judged first."""
    if not directory.verdict_file.is_file():
        directory = RunDirectory(Path(shutil.copytree(directory.path, work / "recovered")))
        subprocess.run(
            [sys.executable, "-m", "harness.cli", "judge", str(directory.path)], check=False, capture_output=True
        )
    return directory, read_json(directory.verdict_file)


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two verdicts differ, each as "path: value, value"; numbers must be the same to nine digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [d for key in keys for d in differences(one.get(key), other.get(key), f"{where}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [d for n, (a, b) in enumerate(zip(one, other, strict=True)) for d in differences(a, b, f"{where}[{n}]")]
    if isinstance(one, float | int) and isinstance(other, float | int):
        return [] if abs(one - other) <= 1e-9 * max(abs(one), abs(other)) else [f"{where}: {one!r}, {other!r}"]
    return [] if one == other else [f"{where}: {one!r}, {other!r}"]
