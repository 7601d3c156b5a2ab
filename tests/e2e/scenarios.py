"""The whole runs that the tests look at, besides the fault lab's cases: name to the way it is made."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from tests.e2e.standing import kill_and_start, kill_only, standing_run, terminate
from tests.e2e.standing import kill_harness as standing_harness_killed
from tests.e2e.whole_run import (
    A_THIRD,
    HERE,
    LOAD_BEGAN,
    MOST_OF_IT,
    STARTING,
    Whole,
    interrupt,
    kill,
    members,
    whole_run,
)


def twice(process: psutil.Process) -> None:
    interrupt(process)
    time.sleep(0.3)
    interrupt(process)


def kill_harness(process: psutil.Process) -> None:
    process.kill()


def target_hangs(tmp: Path) -> Whole:
    """The target's processes stop where they are half-way: their ports still take connections, nothing answers."""
    stopped: list[psutil.Process] = []

    def hang(process: psutil.Process) -> None:
        stopped.extend(members(process, "gunicorn"))
        for member in stopped:
            member.suspend()

    try:
        return whole_run(tmp, meddle=hang)
    finally:
        for member in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()


def someone_elses(tmp: Path, *arguments: str, dies: bool = False) -> Whole:
    """A run against a service that the harness did not start; ``dies``: it goes as soon as the load begins."""
    service = subprocess.Popen([sys.executable, str(HERE / "service.py")], stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout is not None
        port = int(service.stdout.readline())
        plan = tmp / "plan.yml"
        plan.write_text(
            f"""\
name: other
kind: smoke
target:
  url: http://127.0.0.1:{port}
  processes: [{{name: service, pid: {service.pid}}}]
scrape_interval: 1s
load:
  locustfile: {HERE / "visit.py"}
  warmup: 5s
  stages: [{{duration: 90s, users: 10, spawn_rate: 10}}]
objectives: {{latency_p95: 1s}}
"""
        )

        def end_service(_: psutil.Process) -> None:
            service.kill()
            service.wait()

        return whole_run(
            tmp, arguments, plan=plan, when=LOAD_BEGAN, meddle=end_service if dies else None
        )  # fmt: skip
    finally:
        service.kill()
        service.wait()
        if service.stdout:
            service.stdout.close()


def hard_failure(tmp: Path, fault: str = "", meddle: Callable[[psutil.Process], None] | None = None) -> Whole:
    """At the scrape interval of long runs, with two minutes of health before it."""
    return whole_run(
        tmp,
        ("--duration", "6m", "--set", "scrape_interval=5s", *(("--fault", fault) if fault else ())),
        when=A_THIRD,
        meddle=meddle,
    )


def kill_the_target(process: psutil.Process) -> None:
    for one in members(process, "gunicorn"):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


SCENARIOS: dict[str, Callable[[Path], Whole]] = {
    "other-service": someone_elses,
    # parts that die
    "sidecar-killed": partial(whole_run, meddle=kill("exporters.sidecar")),
    "prometheus-killed": partial(whole_run, meddle=kill("--web.listen-address")),
    "worker-killed": partial(whole_run, meddle=kill("--worker")),
    "master-killed": partial(whole_run, meddle=kill("--master ")),
    "target-killed": partial(whole_run, meddle=kill("gunicorn")),
    "target-dies-at-once": partial(someone_elses, dies=True),
    "target-hangs": target_hangs,
    "harness-killed": partial(whole_run, when=MOST_OF_IT, meddle=kill_harness),
    # hard failures, which end the run
    "abort-target": partial(hard_failure, meddle=kill_the_target),
    "abort-errors": partial(hard_failure, fault="error_burst:ratio=0.7,delay=120"),
    "abort-pool": partial(hard_failure, fault="connection_leak:per_minute=1200,delay=120"),
    "blip": partial(hard_failure, fault="stall:every=100,pause=3,delay=60"),
    # nothing done
    "idle-users": partial(whole_run, arguments=("--set", f"load.locustfile={HERE / 'idle.py'}")),
    # signals
    "interrupted": partial(whole_run, meddle=interrupt),
    "interrupted-early": partial(whole_run, when=LOAD_BEGAN, meddle=interrupt),
    "interrupted-at-start": partial(whole_run, when=STARTING, meddle=interrupt),
    "interrupted-twice": partial(whole_run, when=LOAD_BEGAN, meddle=twice),
    # standing services
    "standing": standing_run,
    "standing-worker-killed": partial(standing_run, meddle=kill_and_start("locust-worker-1")),
    "standing-worker-gone": partial(standing_run, meddle=kill_only("locust-worker-2")),
    "standing-prometheus-restarted": partial(standing_run, meddle=kill_and_start("prometheus", after=6.0)),
    "standing-stopped": partial(standing_run, meddle=terminate, second=("--duration", "20s")),
    "standing-sidecar-stopped": partial(standing_run, meddle=kill_only("sidecar")),
    "standing-harness-killed": partial(standing_run, meddle=standing_harness_killed, second=("--duration", "20s")),
    "standing-bare": partial(standing_run, alertmanager=False, admin=False),
    # stress: a service that answers 50 requests per second, and one whose pool empties and stays empty
    "stress-recovers": partial(whole_run, arguments=("--fault", "lock_contention:ms=20"), plan=HERE / "stress.yml"),
    "stress-never-recovers": partial(
        whole_run, arguments=("--fault", "connection_leak:per_minute=40,delay=75"), plan=HERE / "stress.yml"
    ),
    # plans that ask too much
    "too-short": partial(whole_run, arguments=("--duration", "40s", "--set", "objectives.fd_growth=5%")),
}

# They drive the target, and with it the machine, to its limit: beside others the load generator is at its own first.
ALONE = frozenset({"stress-recovers", "stress-never-recovers"})
