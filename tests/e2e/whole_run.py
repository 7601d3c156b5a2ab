"""Starts `harness run` as a person would, meddles with it half-way, and tells how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
PLAN = HERE / "plan.yml"
HALF_WAY = re.compile(r"^steady +(4[5-9]|[5-9]\d)%", re.MULTILINE)
MOST_OF_IT = re.compile(r"^steady +[89]\d%", re.MULTILINE)
LOAD_BEGAN = re.compile(r"^warmup ", re.MULTILINE)
STARTING = re.compile(r"^starting PostgreSQL", re.MULTILINE)
RUN_SECONDS = 420.0
GRACE_SECONDS = 5.0


@dataclass
class Whole:
    """A run that is over."""

    exit_code: int
    output: str
    directory: Path
    left_running: list[str]
    seconds: float

    def json(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.directory / name).read_text())
        return loaded

    @property
    def verdict(self) -> dict[str, Any]:
        return self.json("verdict.json")

    @property
    def record(self) -> dict[str, Any]:
        return self.json("run.json")

    def findings(self, outcome: str) -> list[dict[str, Any]]:
        return [f for f in self.verdict["findings"] if f["outcome"] == outcome]

    def objective(self, name: str) -> dict[str, Any]:
        found = [o for o in self.verdict["objectives"] if o["objective"] == name]
        assert found, f"{name} is not among the objectives judged"
        return max(found, key=lambda o: ("pass", "warn", "inconclusive", "error", "fail").index(o["outcome"]))


def member(process: psutil.Process, words: str) -> psutil.Process:
    """The one process below the harness whose command line holds ``words``."""
    found = [p for p in process.children(recursive=True) if words in " ".join(p.cmdline())]
    assert found, f"no {words!r} below the harness"
    return found[0]


def kill(words: str) -> Callable[[psutil.Process], None]:
    return lambda process: member(process, words).kill()


def interrupt(process: psutil.Process) -> None:
    process.send_signal(signal.SIGINT)


def _left(processes: Iterable[psutil.Process]) -> list[str]:
    """Who still runs a few seconds later: the kernel's signal to orphans is not instant."""
    gone = time.monotonic() + GRACE_SECONDS
    while True:
        left = []
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(f"{process.pid} {' '.join(process.cmdline())}")
        if not left or time.monotonic() > gone:
            return left
        time.sleep(0.1)


def whole_run(
    tmp: Path,
    arguments: Sequence[str] = (),
    *,
    plan: Path = PLAN,
    when: re.Pattern[str] = HALF_WAY,
    meddle: Callable[[psutil.Process], None] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Whole:
    """One `harness run`; ``meddle`` is called with its process once its output matches ``when``.

    Args:
        environ: variables beside those of this process.
    """
    output = tmp / "output.txt"
    command = [sys.executable, "-m", "harness.cli", "run", str(plan), "--out", str(tmp / "runs"), *arguments]
    ours = ("TEST_BASE_URL", "TARGET_P95_MS", "PCT_MOBILE", "HARNESS_SERVICES", "NOTIFY_WEBHOOK_URL")
    variables = {k: v for k, v in os.environ.items() if k not in ours} | dict(environ or {})
    began = time.monotonic()
    seen: dict[int, psutil.Process] = {}
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=variables, cwd=tmp)
    harness = psutil.Process(process.pid)
    try:
        while process.poll() is None:
            assert time.monotonic() - began < RUN_SECONDS, f"it does not end:\n{output.read_text()}"
            try:
                seen |= {p.pid: p for p in harness.children(recursive=True)}
            except psutil.NoSuchProcess:
                break
            if meddle is not None and when.search(output.read_text()):
                meddle(harness)
                meddle = None
            time.sleep(0.25)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    assert meddle is None, f"the moment to meddle never came:\n{output.read_text()}"
    directories = sorted((tmp / "runs").glob("*")) if (tmp / "runs").is_dir() else []
    return Whole(
        exit_code=process.returncode,
        output=output.read_text(),
        directory=directories[-1] if directories else tmp / "no-run-directory",
        left_running=_left(seen.values()),
        seconds=time.monotonic() - began,
    )
