"""Starts ``harness run`` as a person would, does something to it at a given moment, and tells how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from harness.errors import HarnessError
from harness.prom.series import Series
from harness.prom.server import die_with_parent

LOAD_BEGAN = re.compile(r"^warmup ", re.MULTILINE)
STEADY = re.compile(r"^steady ", re.MULTILINE)
RUN_SECONDS = 900.0  # the longest case takes eight minutes and is judged after that
GRACE_SECONDS = 5.0
# They would win over the plan.
OVERRIDES = ("TEST_BASE_URL", "TARGET_P95_MS", "PCT_MOBILE", "HARNESS_SERVICES", "NOTIFY_WEBHOOK_URL")

# Does something to a run, given its process; what it returns is called when the run is over.
Meddle = Callable[[psutil.Process], Callable[[], None] | None]
# Raw samples that a run's own Prometheus holds, given the run's process. Raises HarnessError where it does not answer.
Look = Callable[[psutil.Process], Sequence[Series]]


@dataclass(frozen=True)
class Whole:
    """A run that is over.

    Attributes:
        meddled_at: unix seconds when something was done to it; None when nothing was.
        left_running: processes of the run that still run seconds after its end.
        scraped: what its Prometheus held just before ``meddled_at``; empty where nobody looked, or it did not answer.
        unseen: why ``scraped`` is empty, in words.
    """

    exit_code: int
    output: str
    directory: Path
    left_running: list[str]
    seconds: float
    meddled_at: float | None = None
    scraped: Sequence[Series] = ()
    unseen: str = "nobody looked"

    def json(self, name: str) -> dict[str, Any]:
        """A file of the run directory."""
        loaded: dict[str, Any] = json.loads((self.directory / name).read_text(encoding="utf-8"))
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
        """The worst result of an objective. Raises HarnessError when it was not judged."""
        found = [o for o in self.verdict["objectives"] if o["objective"] == name]
        if not found:
            raise HarnessError(f"{name} is not among the objectives judged in {self.directory}")
        return max(found, key=lambda o: ("pass", "warn", "inconclusive", "error", "fail").index(o["outcome"]))


def members(process: psutil.Process, words: str) -> list[psutil.Process]:
    """The processes below the harness whose command line holds ``words``. Raises HarnessError when there is none."""
    found = []
    for one in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if words in " ".join(one.cmdline()):
                found.append(one)
    if not found:
        raise HarnessError(f"no process of the run has {words!r} on its command line")
    return found


def whole_run(
    folder: Path,
    arguments: Sequence[str],
    *,
    plan: str | Path,
    when: re.Pattern[str] = STEADY,
    meddle: Meddle | None = None,
    environ: Mapping[str, str] | None = None,
    longest: float = RUN_SECONDS,
    look: Look | None = None,
) -> Whole:
    """One ``harness run`` below ``folder``; ``meddle`` is called once its output matches ``when``.

    Args:
        environ: variables beside those of this process.
        longest: seconds after which a run that did not end hangs.
        look: asked what was scraped, just before ``meddle`` is called.

    Raises:
        HarnessError: it does not end, or ends before that moment came.
    """
    log = folder / "output.txt"
    command = [sys.executable, "-m", "harness.cli", "run", str(plan), "--out", str(folder / "runs"), *arguments]
    variables = {name: value for name, value in os.environ.items() if name not in OVERRIDES} | dict(environ or {})
    began = time.monotonic()
    seen: dict[int, psutil.Process] = {}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=variables, cwd=folder, preexec_fn=die_with_parent()
        )
    harness = psutil.Process(process.pid)
    undo: Callable[[], None] | None = None
    meddled_at = None
    scraped: Sequence[Series] = ()
    unseen = "nobody looked"
    try:
        while process.poll() is None:
            if time.monotonic() - began > longest:
                raise HarnessError(f"the run did not end within {longest:.0f} s; its output is {log}")
            try:
                seen |= {p.pid: p for p in harness.children(recursive=True)}
            except psutil.NoSuchProcess:
                break
            if meddle is not None and meddled_at is None and when.search(_text(log)):
                if look is not None:
                    try:
                        scraped, unseen = look(harness), ""
                    except HarnessError as error:  # the run goes on: who ran it says what that means
                        unseen = error.message
                meddled_at = time.time()
                undo = meddle(harness)
            time.sleep(0.25)
    finally:
        if undo is not None:
            undo()
        if process.poll() is None:
            process.kill()  # its children go with it
        process.wait()
    if meddle is not None and meddled_at is None:
        raise HarnessError(f"the run ended before anything could be done to it; its output is {log}")
    directories = sorted((folder / "runs").glob("*")) if (folder / "runs").is_dir() else []
    return Whole(
        exit_code=process.returncode,
        output=_text(log),
        directory=directories[-1] if directories else folder / "no-run-directory",
        left_running=_left(seen.values(), folder / "runs"),
        seconds=time.monotonic() - began,
        meddled_at=meddled_at,
        scraped=scraped,
        unseen=unseen,
    )


def judged_again(whole: Whole) -> Whole:
    """The run, judged again from its directory by today's rules. Raises HarnessError: that does not end."""
    with tempfile.TemporaryDirectory(prefix="harness-again-") as folder:
        return _taken_on(whole, "judge", Path(folder) / "judged.txt")


def resumed(whole: Whole) -> Whole:
    """The run of a killed harness, taken up again to its end. Raises HarnessError: it does not end."""
    return _taken_on(whole, "resume", whole.directory.parent.parent / "resumed.txt")


def _taken_on(whole: Whole, word: str, log: Path) -> Whole:
    """``harness WORD`` on its directory, to its end; what it prints follows what was printed before."""
    command = [sys.executable, "-m", "harness.cli", word, str(whole.directory)]
    seen: dict[int, psutil.Process] = {}
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, preexec_fn=die_with_parent())
    harness = psutil.Process(process.pid)
    try:
        while process.poll() is None:
            if time.monotonic() - began > RUN_SECONDS:
                said = _text(log)[-300:]
                raise HarnessError(f"harness {word} {whole.directory} did not end within {RUN_SECONDS:.0f} s: {said}")
            with contextlib.suppress(psutil.NoSuchProcess):
                seen |= {p.pid: p for p in harness.children(recursive=True)}
            time.sleep(0.25)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    return replace(
        whole,
        exit_code=process.returncode,
        output=whole.output + _text(log),
        left_running=[*whole.left_running, *_left(seen.values(), whole.directory)],
        seconds=whole.seconds + time.monotonic() - began,
    )


def _left(processes: Iterable[psutil.Process], below: Path) -> list[str]:
    """Who still runs a few seconds later: the kernel's signal to orphans is not instant.

    Args:
        processes: that were seen to be the run's.
        below: a folder of the run; who works in it counts too, for a process may be born and lose its parent unseen.
    """
    gone = time.monotonic() + GRACE_SECONDS
    while True:
        left = []
        for process in {*processes, *orphans(below)}:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(f"{process.pid} {' '.join(process.cmdline())}")
        if not left or time.monotonic() > gone:
            return left
        time.sleep(0.1)


def orphans(below: Path) -> list[psutil.Process]:
    """Processes that lost their parent and have a folder on their command line, or work in it or below."""
    # One of these took the orphans in. Not the shell of who started us: its other programs may look into the folder.
    parents = {1, *(one.pid for one in psutil.Process().parents() if one.terminal() is None)} - {os.getpid()}
    inside, found = f"{below.absolute()}/", []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in parents or process.pid in parents:
                continue
            if any(inside in f"{word}/" for word in (*process.cmdline(), _folder_of(process))):
                found.append(process)
    return found


def _folder_of(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.AccessDenied:
        return ""


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
