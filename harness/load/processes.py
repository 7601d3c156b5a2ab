"""One Locust child process: started in a session of its own, watched, ended with everything it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

LOG_LIMIT = 32 * 2**20  # bytes; a locustfile that fails on every request must not fill the disk in a night
_LOG_HEAD = 2**20
_LOG_TAIL = 4 * 2**20
_TELLING_LINES = 12


@dataclass(frozen=True)
class Announcement:
    """What a child says when it serves: the port of its /metrics and its id among Locust's workers."""

    pid: int
    port: int
    client_id: str


class LocustChild:
    """A running Locust process.

    Args:
        name: instance name; its log is ``log_dir/<name>.log``, its announcement ``control_dir/<name>.json``.

    Raises:
        HarnessError: the process could not be started.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], control_dir: Path, log_dir: Path
    ) -> None:
        self.name = name
        self.log_path = log_dir / f"{name}.log"
        self._announcement_path = control_dir / f"{name}.json"
        self._announcement: Announcement | None = None
        self.started = time.monotonic()
        try:
            self._announcement_path.unlink(missing_ok=True)
            with self.log_path.open("ab") as log:
                self._log_start = log.tell()
                # -P: the working directory comes in with the locustfile, as under the `locust` command, not before.
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "harness.load.child", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(environment),
                    start_new_session=True,  # Ctrl-C in the terminal is the harness' to handle
                )
        except OSError as error:
            remedy = "see that the run directory is writable"
            raise HarnessError(f"cannot start {name}: {error}", remedy=remedy) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        # WNOWAIT leaves a dead child unreaped: while it is, its process group's number belongs to nobody else.
        if self._process.returncode is not None:
            return False
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def announcement(self) -> Announcement | None:
        """What this very process announced, once it did."""
        if self._announcement is None:
            try:
                data = json.loads(self._announcement_path.read_text(encoding="utf-8"))
                found = Announcement(int(data["pid"]), int(data["port"]), str(data["client_id"]))
            except FileNotFoundError:
                return None
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise HarnessError(f"{self._announcement_path} cannot be read: {error}") from error
            if found.pid == self.pid:
                self._announcement = found
        return self._announcement

    def terminate(self) -> None:
        """Asks the process to end (SIGTERM)."""
        self._signal(signal.SIGTERM, group=False)

    def kill(self) -> None:
        """Ends the process and all that it started (SIGKILL), and reaps it. Idempotent."""
        if self._process.returncode is None:
            self._signal(signal.SIGKILL, group=True)
            self._process.wait()

    def _signal(self, number: int, *, group: bool) -> None:
        if self._process.returncode is not None:
            return
        try:
            (os.killpg if group else os.kill)(self.pid, number)
        except ProcessLookupError:
            return

    def how_it_ended(self) -> str:
        """After ``kill``: "exit code 2" or "signal SIGKILL"."""
        code = self._process.returncode
        if code is None:
            return "still running"
        if code < 0:
            try:
                return f"signal {signal.Signals(-code).name}"
            except ValueError:
                return f"signal {-code}"
        return f"exit code {code}"

    def last_words(self) -> str:
        """The last lines that this process (not one before it under the name) logged."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(0, os.SEEK_END)
                start = max(min(self._log_start, log.tell()), log.tell() - 64 * 1024)
                log.seek(start)
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return "\n".join(lines[-_TELLING_LINES:])

    def bound_log(self) -> None:
        """Cuts the middle out of a log that outgrew ``LOG_LIMIT``; the child goes on appending behind it."""
        try:
            if self.log_path.stat().st_size <= LOG_LIMIT:
                return
            with self.log_path.open("r+b") as log:
                head = log.read(_LOG_HEAD)
                log.seek(-_LOG_TAIL, os.SEEK_END)
                tail = log.read()
                log.seek(0)
                log.truncate()
                log.write(head + b"\n... cut by the harness ...\n" + tail)
        except OSError:
            return  # a log that cannot be cut is no reason to end a run
