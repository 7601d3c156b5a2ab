"""Does to a part of a run what the kill matrix asks for: to processes that the run started, and to no others."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from harness.errors import HarnessError
from harness.prom.server import die_with_parent
from harness.selftest.going_on import guarded
from harness.selftest.kills import Cell, Part
from harness.selftest.whole_run import Meddle, members

APART_SECONDS = 10.0  # between the two ends of a part that is ended twice
AWAY_SECONDS = 5.0  # a server that somebody restarts
_ENDS_SECONDS = 30.0
_WORDS: dict[Part, str] = {
    "locust-worker": "--worker", "locust-master": "--master ", "sidecar": "exporters.sidecar",
    "prometheus": "--web.listen-address", "redis": "redis-server", "postgresql": "postgres -D",
}  # fmt: skip


def when(share: float) -> re.Pattern[str]:
    """Matches the output of a run whose load is at ``share`` (of all of it) or later."""
    least = round(100 * share)
    shares = "|".join(str(percent) for percent in range(least, 100))
    return re.compile(rf"^steady +({shares})%", re.MULTILINE)


def meddle(cell: Cell) -> Meddle:
    """What is done; what it returns undoes what would be left."""

    def act(harness: psutil.Process) -> Callable[[], None] | None:
        found = processes(harness, cell.part)
        if cell.action == "SIGTERM":
            found[0].terminate()
        elif cell.action == "SIGKILL":
            found[0].kill()
        elif cell.action == "SIGSTOP":
            stopped = with_children(found[0]) if cell.part == "postgresql" else found[:1]
            return stop_for_a_while(stopped, cell.stopped)
        else:
            return restart(harness, cell.part, found)
        return None

    return act


def processes(harness: psutil.Process, part: Part) -> list[psutil.Process]:
    """The processes of a part, the leading one first. Raises HarnessError when there is none."""
    if part == "harness":
        return [harness]
    if part in ("target-master", "target-worker"):
        gunicorn = members(harness, "gunicorn")
        masters = [p for p in gunicorn if p.parent() == harness] or gunicorn[:1]
        found = masters if part == "target-master" else [p for p in gunicorn if p not in masters]
    else:
        found = [p for p in members(harness, _WORDS[part]) if p.parent() == harness]
    if not found:
        raise HarnessError(f"the run has no process of {part}")
    return found


def with_children(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def stop_for_a_while(found: Sequence[psutil.Process], seconds: float) -> Callable[[], None]:
    """SIGSTOP now, SIGCONT after ``seconds``, when what this returns is called, or when this process ends, however."""
    guard = guarded(found)

    def go_on() -> None:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.resume()

    timer = threading.Timer(seconds, go_on)
    timer.daemon = True

    def end() -> None:
        timer.cancel()
        go_on()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.communicate(timeout=_ENDS_SECONDS)

    try:
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        timer.start()
    except BaseException:
        end()
        raise
    return end


def restart(harness: psutil.Process, part: Part, found: Sequence[psutil.Process]) -> Callable[[], None] | None:
    if part == "target-master":
        found[0].send_signal(signal.SIGHUP)
    elif part == "target-worker":
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
            time.sleep(1.0)
    elif part == "locust-master":
        found[0].send_signal(signal.SIGINT)
    elif part == "harness":
        found[0].kill()  # who ran the cell takes the run up again
    elif part in ("postgresql", "redis"):
        return ended_and_started(found[0], signal.SIGINT if part == "postgresql" else signal.SIGTERM)
    else:
        found[0].terminate()
        time.sleep(APART_SECONDS)
        with contextlib.suppress(HarnessError):  # it is not back yet: it is ended once then
            processes(harness, part)[0].terminate()
    return None


def started_by(shown: Sequence[str], folder: Path) -> list[str]:
    """The command of a server whose command line reads so. Redis writes its address over its own: one word is left,
    and the file of settings lies in its folder (harness.run.redis_server)."""
    if shown and "redis-server " in shown[0]:
        return [shown[0].split()[0], str(folder / "redis.conf")]
    return list(shown)


def ended_and_started(process: psutil.Process, number: signal.Signals) -> Callable[[], None]:
    """Ends a server in order and, some seconds later, starts it as it was; returns what ends that one."""
    folder, variables, user = process.cwd(), process.environ(), process.uids().real
    command = started_by(process.cmdline(), Path(folder))
    process.send_signal(number)
    deadline = time.monotonic() + _ENDS_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(AWAY_SECONDS)
    name = pwd.getpwuid(user).pw_name if user != os.geteuid() else None
    again = subprocess.Popen(
        command, cwd=folder, env=variables, user=name, group=name, extra_groups=None if name is None else [],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=die_with_parent(),
    )  # fmt: skip

    def end() -> None:
        again.send_signal(number)
        try:
            again.wait(_ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(again.pid, signal.SIGKILL)
            again.wait()

    return end
