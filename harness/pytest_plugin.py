"""The pytest plugin of an installed harness: the fixture ``harness_run`` runs a plan and gives its verdict.

    def test_it_survives_ten_minutes(harness_run):
        harness_run("soak.yml", "--duration", "10m").require_pass()

Nothing is imported or started until a test uses it. The run is a process of its own, as on the command line: it may
take signals, and Locust patches the process that it is in.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_GOOD = ("pass", "warn")
_DECISIVE = ("outcome", "exit_code")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class HarnessVerdict:
    """What a run came to.

    Attributes:
        outcome: pass, warn, inconclusive, error or fail.
        exit_code: of ``harness run``.
        findings, objectives: as in verdict.json; empty where the run could not be made.
        directory: the run directory; None where there is none.
        error: why there is no verdict; empty when there is.
        output: what the run said on its way.
    """

    outcome: str
    exit_code: int
    findings: tuple[Mapping[str, Any], ...] = ()
    objectives: tuple[Mapping[str, Any], ...] = ()
    directory: Path | None = None
    error: str = ""
    output: str = field(default="", repr=False)
    _read: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __getattribute__(self, name: str) -> Any:
        """Remembers that the test asked for the outcome: a verdict that nobody looks at must not pass a test."""
        if name in _DECISIVE:
            object.__getattribute__(self, "_read").append(name)
        return object.__getattribute__(self, name)

    @property
    def overlooked(self) -> bool:
        """Whether it is no pass, and neither ``require_pass`` was called nor ``outcome`` or ``exit_code`` read."""
        return not self._read and object.__getattribute__(self, "outcome") not in _GOOD

    def require_pass(self) -> HarnessVerdict:
        """Fails the test unless the run came out as PASS or WARN. INCONCLUSIVE is no pass: nothing was shown."""
        __tracebackhide__ = True
        if self.outcome in _GOOD and self.exit_code == 0:
            return self
        pytest.fail(str(self), pytrace=False)

    def __str__(self) -> str:
        lines = [f"{self.outcome.upper()} (exit {self.exit_code})"]
        lines += [self.error] if self.error else []
        lines += [
            f"{one.get('outcome', '').upper()} {one.get('signal')}: {one.get('summary')}"
            for one in self.findings
            if one.get("outcome") not in _GOOD
        ]
        lines += [
            f"{one.get('outcome', '').upper()} {one.get('objective')} of {one.get('subject')}: {one.get('note')}"
            for one in self.objectives
            if one.get("outcome") not in _GOOD
        ]
        lines += [f"report: {self.directory / 'report.html'}"] if self.directory else []
        return "\n".join(lines)


def parse(exit_code: int, out: str, progress: str = "") -> HarnessVerdict:
    """The verdict that ``harness run --json`` printed. What cannot be read is ERROR, never a pass."""
    try:
        data = json.loads(out)
        if not isinstance(data, dict):
            raise ValueError("not an object")
    except ValueError as error:
        return HarnessVerdict("error", exit_code or 12, error=f"no verdict was printed ({error}):\n{progress[-2000:]}")
    if "outcome" not in data:
        told = "\n  ".join(filter(None, (str(data.get("error", "no verdict")), str(data.get("remedy", "")))))
        return HarnessVerdict("error", exit_code or 12, error=told, output=progress)
    directory = Path(data["directory"]) if data.get("directory") else None
    findings, objectives = (tuple(data.get(key) or ()) for key in ("findings", "objectives"))
    outcome = str(data["outcome"])
    if (outcome in _GOOD) != (exit_code == 0):
        wrong = f"it said {outcome} but exited {exit_code}"
        return HarnessVerdict("error", exit_code or 12, findings, objectives, directory, wrong, progress)
    return HarnessVerdict(outcome, exit_code, findings, objectives, directory, output=progress)


Run = Callable[..., HarnessVerdict]


@pytest.fixture
def harness_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """``harness_run(PLAN, *ARGUMENTS)``: runs the plan as ``harness run`` does, and gives its HarnessVerdict.

    Run directories lie in ``--harness-runs`` (kept), else in pytest's temporary folder. Each verdict's place is in the
    test's JUnit properties. A verdict that is no pass and that the test does not look at fails the test.
    """
    made: list[HarnessVerdict] = []
    kept = request.config.getoption("--harness-runs")
    root = Path(kept).absolute() if kept else tmp_path_factory.mktemp("harness-runs")

    def run(plan: str | os.PathLike[str], *arguments: str, environ: Mapping[str, str] | None = None) -> HarnessVerdict:
        words = [sys.executable, "-m", "harness.cli", "run", os.fspath(plan), "--json", "--out", str(root), *arguments]
        found = _called(words, {**os.environ, **(environ or {})})
        request.node.user_properties.append(("harness_outcome", found.outcome))
        if found.directory is not None:
            request.node.user_properties.append(("harness_run", str(found.directory)))
        found._read.clear()  # what was read here
        made.append(found)
        return found

    yield run
    overlooked = [one for one in made if one.overlooked]
    if overlooked:
        pytest.fail(
            f"nobody looked at this verdict (require_pass() does): {overlooked[0]}",
            pytrace=False,
        )


def _called(words: Sequence[str], environ: Mapping[str, str]) -> HarnessVerdict:
    pipe = subprocess.PIPE
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def end_with_the_tests() -> None:
        """However they end: a CI that kills pytest must not have its run load the target for the rest of the day."""
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    # A session of its own: a Ctrl-C of the test run reaches it through us, once.
    begun = subprocess.Popen(
        words, env=dict(environ), stdout=pipe, stderr=pipe, text=True, start_new_session=True,
        preexec_fn=end_with_the_tests,
    )  # fmt: skip
    with _ended_in_order(begun) as process:
        out, progress = process.communicate()
    return parse(process.returncode, out, progress)


@contextmanager
def _ended_in_order(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A test that is cancelled (Ctrl-C, a time-out) ends its run too: as Ctrl-C would, and at once if that hangs."""
    try:
        yield process
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--harness-runs DIR``."""
    group = parser.getgroup("harness", "endurance harness")
    group.addoption("--harness-runs", metavar="DIR", default=None, help="keep the run directories of harness_run here")
