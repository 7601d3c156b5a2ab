"""What the lab does to a run from outside of its target: to processes that the run started, and to nothing else."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from harness.selftest.whole_run import Meddle, members


@dataclass(frozen=True)
class Beat:
    """Stopped for ``stopped`` seconds, then left alone for ``running``, again and again.

    A scrape waits one interval for its answer, here one second: it is lost when its process stays stopped so long.
    So of a cycle of c seconds with s stopped, s - 1 of c scrapes are lost.
    """

    stopped: float
    running: float


LOSE_A_TENTH = Beat(stopped=2.0, running=8.0)  # 1 of 10
LOSE_MOST = Beat(stopped=4.0, running=1.0)  # 3 of 5; no gap is longer than is tolerated, so that the share decides
# As a hypervisor takes a core away. Burning the cores would disturb the target too, and what else runs here.
STEAL_CPU = Beat(stopped=0.4, running=0.4)


def reload_target(harness: psutil.Process) -> None:
    """What an operator does: SIGHUP to gunicorn's master, which replaces its workers in order."""
    masters = [p for p in members(harness, "gunicorn") if p.parent() == harness]
    for master in masters or members(harness, "gunicorn")[:1]:
        master.send_signal(signal.SIGHUP)


def lose_a_tenth(harness: psutil.Process) -> Callable[[], None]:
    """One in ten scrapes of the sidecar is lost."""
    return beat(members(harness, "exporters.sidecar"), LOSE_A_TENTH)


def lose_most(harness: psutil.Process) -> Callable[[], None]:
    """Three in five scrapes of the sidecar are lost."""
    return beat(members(harness, "exporters.sidecar"), LOSE_MOST)


def steal_cpu(harness: psutil.Process) -> Callable[[], None]:
    """The load generator's processes do not run for half of the time."""
    return beat([*members(harness, "--worker"), *members(harness, "--master ")], STEAL_CPU)


def meddlings() -> Mapping[str, Meddle]:
    """By the names of ``Case.outside``; the clock is stepped when the run is over (harness.selftest.clock_step)."""
    return {
        "reload_target": reload_target,
        "lose_a_tenth": lose_a_tenth,
        "lose_most": lose_most,
        "steal_cpu": steal_cpu,
    }


def beat(processes: Sequence[psutil.Process], rhythm: Beat) -> Callable[[], None]:
    """Stops and continues processes in a thread of its own; returns what ends that, with all of them running."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            _all(processes, psutil.Process.suspend)
            ended.wait(rhythm.stopped)
            _all(processes, psutil.Process.resume)
            ended.wait(rhythm.running)

    thread = threading.Thread(target=run, name="beat", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


def _all(processes: Sequence[psutil.Process], action: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            action(process)
