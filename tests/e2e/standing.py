"""One `harness run --services` in standing services, what may happen to them meanwhile, and what they saw of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.standing_stack import Stack, standing_stack
from tests.e2e.whole_run import HALF_WAY, HERE, Whole, whole_run

SETTLE_SECONDS = 8.0  # until agents noticed the end, and Prometheus that they ended


@dataclass(frozen=True)
class Standing(Whole):
    """A run in standing services, and what they saw of it.

    Attributes:
        posted: what the notification's hook received.
        live: answers of the standing Prometheus after the run: most users by instance, load processes ever and now up.
        orders_left: whether the run's order still stood in the control folder.
        again: the run after it.
        judged: exit code and words of `harness judge last`, while the services still stood.
    """

    posted: list[tuple[str, Any]] = field(default_factory=list)
    live: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    orders_left: bool = False
    again: Whole | None = None
    judged: tuple[int, str] | None = None

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / "alerts.jsonl").read_text().splitlines()]


def standing_run(
    tmp: Path,
    arguments: Sequence[str] = (),
    *,
    meddle: Callable[[Stack, psutil.Process], None] | None = None,
    when: re.Pattern[str] = HALF_WAY,
    plan: Path = HERE / "standing.yml",
    second: Sequence[str] | None = None,
    **stack: bool,
) -> Standing:
    """One `harness run --services`; with ``second``, another one after it, by these arguments."""
    with standing_stack(tmp, **stack) as standing:
        environ = {"NOTIFY_WEBHOOK_URL": standing.hook_url}
        common = ("--services", str(standing.services_file))
        whole = whole_run(
            tmp, (*common, *arguments), plan=plan, when=when, environ=environ,
            meddle=None if meddle is None else lambda process: meddle(standing, process),
        )  # fmt: skip
        time.sleep(SETTLE_SECONDS)
        live = {
            "users": standing.query("max_over_time(locust_users[10m])"),
            "up": standing.query('max_over_time(up{job="load"}[10m])'),
            "load_now": standing.query('up{job="load"} == 1'),
        }
        left = (standing.home / "control" / "run.json").exists()
        judged = judge_last(tmp, standing) if whole.exit_code < 0 else None
        again = whole_run(tmp, (*common, *second), plan=plan, environ=environ) if second is not None else None
        return Standing(
            **vars(whole), posted=standing.posted, live=live, orders_left=left, again=again, judged=judged
        )  # fmt: skip


def judge_last(tmp: Path, standing: Stack) -> tuple[int, str]:
    command = [sys.executable, "-m", "harness.cli", "judge", "last", "--services", str(standing.services_file)]
    done = subprocess.run(command, cwd=tmp, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def kill_and_start(name: str, after: float = 1.0) -> Callable[[Stack, psutil.Process], None]:
    def meddle(stack: Stack, _: psutil.Process) -> None:
        stack.services[name].kill()
        time.sleep(after)
        stack.services[name].start()

    return meddle


def kill_only(name: str) -> Callable[[Stack, psutil.Process], None]:
    return lambda stack, _: stack.services[name].kill()


def kill_harness(_: Stack, process: psutil.Process) -> None:
    process.kill()


def terminate(_: Stack, process: psutil.Process) -> None:
    process.send_signal(signal.SIGTERM)
