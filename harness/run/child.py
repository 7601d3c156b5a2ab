"""A program that the harness starts, watches and ends.

Each child has its own session, so that Ctrl-C in the terminal reaches the harness alone and children are ended in
order. Each dies with the harness (PR_SET_PDEATHSIG), also when the harness is killed. Children are ended by their
own pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, PreflightError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_POLL_SECONDS = 0.05
_LAST_LINES = 8


@dataclass(frozen=True)
class Program:
    """What to start.

    Attributes:
        stop_signal: ends it in order; SIGKILL follows when that takes too long.
        orphan_signal: what the kernel sends it when the harness dies.
        user: run as this user (root only); None keeps the harness's own.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


class Child:
    """A started program.

    Raises:
        PreflightError: the program is not installed or may not be started.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._returncode: int | None = None
        parent = os.getpid()

        def die_with_parent() -> None:
            # After setuid (Popen changes the user first), because a change of user clears the signal.
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(program.orphan_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        try:
            with program.log.open("ab") as log:
                self._process = subprocess.Popen(
                    list(program.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if program.env is None else dict(program.env),
                    cwd=program.cwd,
                    start_new_session=True,
                    user=program.user,
                    group=program.user,
                    extra_groups=None if program.user is None else [],
                    preexec_fn=die_with_parent,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise PreflightError(f"{program.name} could not be started ({program.argv[0]}): {error}") from error

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs. A dead child stays unreaped until ``stop``, so that its pid cannot become another's."""
        if self._returncode is not None:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def ending(self) -> str:
        """How it ended, in words; "is running" while it does."""
        if self._returncode is None:
            state = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is None:
                return "is running"
            code = state.si_status if state.si_code == os.CLD_EXITED else -state.si_status
        else:
            code = self._returncode
        return describe_exit(code)

    def last_lines(self) -> str:
        """The end of its log, for a message."""
        return last_lines(self.program.log)

    def wait_until(self, ready: Callable[[], bool], timeout: float, check: Callable[[], None] = lambda: None) -> None:
        """Waits until ``ready``; ``check`` is called between the looks and may raise to give up.

        Raises:
            HarnessError: it ended first, or was not ready in time; with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            check()
            if not self.alive():
                raise HarnessError(f"{self.name} {self.ending()} while it started; its log ends:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"{self.name} was not ready within {timeout:.0f} s; its log ends:\n{self.last_lines()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, timeout: float = 10.0) -> None:
        """Ends it and what is left of its process group. Idempotent; after ``timeout`` seconds it is killed."""
        if self._returncode is not None:
            return
        if self.alive():
            self._process.send_signal(self.program.stop_signal)
            deadline = time.monotonic() + timeout
            try:
                while self.alive() and time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)
            finally:  # also when a second signal ends the wait
                self.kill()
        else:
            self.kill()

    def kill(self) -> None:
        """Kills it and its process group at once. Idempotent."""
        if self._returncode is not None:
            return
        # The leader is not reaped yet, so the group's number is still ours.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._returncode = self._process.wait()


def describe_exit(code: int) -> str:
    """An exit code as ``subprocess`` gives it, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def last_lines(log: Path, count: int = _LAST_LINES) -> str:
    """The last lines of a log, indented; says so when there are none."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip() for line in deque(file, maxlen=count)]
    except OSError as error:
        return f"    (the log {log} cannot be read: {error.strerror})"
    return "\n".join(f"    {line}" for line in lines) or f"    (the log {log} is empty)"
