"""The shipped compose files, brought up in a folder of the test's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.compose.engine import Engine
from tests.e2e.whole_run import HALF_WAY
from tests.servers import ROOT

PLAN = Path(__file__).parent / "plan.yml"
USER = 12345  # nobody's: files of the run must be this user's
PORTS = {"TARGET_PORT": "25000", "PROMETHEUS_PORT": "29090", "ALERTMANAGER_PORT": "29093", "GRAFANA_PORT": "23000"}
WITHOUT_GRAFANA = ("--scale", "grafana=0")  # it has no Debian package: the one service left out


@dataclass(frozen=True)
class Run:
    """A run directory on the host."""

    path: Path

    def json(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.path / name).read_text())
        return loaded

    @property
    def verdict(self) -> dict[str, Any]:
        return self.json("verdict.json")

    @property
    def record(self) -> dict[str, Any]:
        return self.json("run.json")

    def findings(self, outcome: str) -> list[dict[str, Any]]:
        return [finding for finding in self.verdict["findings"] if finding["outcome"] == outcome]

    def said(self) -> str:
        """All findings in words, for messages of tests."""
        return "\n".join(f"{f['outcome']} {f['check']} {f['signal']}: {f['summary']}" for f in self.verdict["findings"])

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert of every delivery of Alertmanager; the first line names the dead man's switch instead."""
        lines = map(json.loads, (self.path / "alerts.jsonl").read_text().splitlines())
        return [alert for line in lines for alert in line.get("alerts", [])]


@dataclass
class Stack:
    """``project`` is the folder with the compose files, as a checkout has it; ``files``: none as compose finds them.

    ``defaults``: the variables of every command, where a test's own are not wanted; ``variables`` win over them.
    """

    engine: Engine
    project: Path
    files: tuple[str, ...] = ("docker-compose.yml",)
    variables: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] | None = None

    def compose(
        self, *arguments: str, check: bool = True, timeout: float = 300, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        flags = [part for file in self.files for part in ("-f", str(self.project / file))]
        return self.engine.run(
            "compose", *flags, *arguments, check=check, timeout=timeout, cwd=self.project,
            environ={**self.environ, **variables},
        )  # fmt: skip

    @property
    def environ(self) -> dict[str, str]:
        own = {
            **PORTS, "PLAN": "plans/compose.yml", "HARNESS_UID": str(USER), "HARNESS_GID": str(USER),
            "DOCKER_SOCKET": str(self.engine.socket),
        }  # fmt: skip
        return {**(own if self.defaults is None else self.defaults), **self.variables}

    def shell(self, script: str) -> int:
        """The exit code of a line of a person's shell, in the project's folder."""
        done = subprocess.run(
            ["bash", "-c", script], env={**self.engine.environ, **self.environ}, cwd=self.project, timeout=60
        )
        return done.returncode

    def up(self, *arguments: str, timeout: float = 300, **variables: str) -> None:
        done = self.compose("up", "-d", *WITHOUT_GRAFANA, *arguments, check=False, timeout=timeout, **variables)
        assert done.returncode == 0, done.stderr + self.logs()

    def wait(self, timeout: float = 400) -> int:
        """The exit code of the harness, as a script would get it."""
        return self.compose("wait", "harness", check=False, timeout=timeout).returncode

    def down(self) -> None:
        self.compose("down", "-v", "--timeout", "20", check=False)

    def container(self, service: str, number: int = 1) -> str:
        return f"endurance-{service}-{number}"

    def inspect(self, service: str, number: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine.run("inspect", self.container(service, number)).stdout)[0]
        return found

    def states(self) -> dict[str, str]:
        """Container -> "running", "exited", ..."""
        rows = self.compose("ps", "-a", "--format", "json").stdout.splitlines()
        return {entry["Name"]: entry["State"] for entry in map(json.loads, rows)}

    def logs(self, *services: str) -> str:
        return self.compose("logs", "--no-color", "--tail", "40", *services, check=False).stdout

    # --- runs

    @property
    def runs(self) -> list[Path]:
        folder = self.project / "runs"
        return sorted(path for path in folder.iterdir() if (path / "run.json").is_file()) if folder.is_dir() else []

    def begin(self, *arguments: str, when: re.Pattern[str] = HALF_WAY, seconds: float = 240, **variables: str) -> None:
        """`up`, and returns once what the harness says of this run matches ``when``, as ``whole_run`` does."""
        since = time.time()
        self.up(*arguments, **variables)

        def came() -> bool:
            found = bool(when.search(self.said(since)))
            assert found or self.inspect("harness")["State"]["Running"], f"it ended before:\n{self.said(since)}"
            return found

        self.await_(came, f"'{when.pattern}' of the harness", seconds)

    def said(self, since: float) -> str:
        """What the harness said after this moment (unix seconds)."""
        done = self.engine.run("logs", "--since", f"{since:.3f}", self.container("harness"), check=False)
        return done.stdout + done.stderr

    def end(self) -> tuple[int, Run]:
        """The exit code of the run that is on, and its directory."""
        code = self.wait()
        run = Run(self.runs[-1])
        print(self.logs("harness"), run.said(), sep="\n")
        return code, run

    def await_(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < deadline, f"no {what} after {seconds:.0f} s:\n{self.logs()}"
            time.sleep(1)


def new_project(folder: Path) -> Path:
    """What the stack reads of a checkout, and the short plan beside the shipped ones."""
    for name in ("deploy", "prometheus", "plans", "dashboards"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("docker-compose.yml", "compose.own.yml"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(PLAN, folder / "plans" / "compose.yml")
    return folder
