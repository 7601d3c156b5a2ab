"""Beside a peer: wrk (Debian's 4.1, C, one thread) on the same servers, in the same run: what each does, and does not.

wrk asks as fast as its connections are answered, with one prepared request, and looks at the status alone: no users who
log in, no check of what came back, no metrics while it runs, no plan of arrivals. So its CPU for a request is the floor
that a load generator in C has, and ours is what a Locust user in Python costs; both are told, without a goal. (wrk2 and
Vegeta, which keep a rate, are not in Debian 12.)

On the server of ``load_stall`` (silent for 2 s of every 30) both are paced to one rate, wrk by a Lua ``delay``. It does
not make the requests that its connections missed; it adds them to its histogram after the run, from the mean interval
(``stats_correct`` in its source), so its p99 comes near theory too. The open model makes them, and measures each.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._running_load import RunningLoad, increases, poll, quantile
from benchmarks.load_stall import EVERY, RATE, THEORY
from harness.plan.model import Stage

Row = tuple[str, float, str, str, bool | None]

_CONNECTIONS = 30
_FLAT_OUT = 15.0
_WARMUP = 15.0
_ROUNDS = 2
_PACED = 4  # connections, each asking ten times a second
_SERVER = ("-m", "benchmarks.load_overhead", "--server")
_STALLING = ("-m", "benchmarks.load_stall", "--server")
_REQUESTS, _CPU = "locust_request_duration_seconds_count", "process_cpu_seconds_total"
_DELAY = "function delay() return {} end\n"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Peer:
    """What one run of wrk told: requests, seconds, its own CPU seconds, p99 in seconds."""

    requests: float
    seconds: float
    cpu: float
    p99: float


def run() -> list[Row]:
    """Two and a half minutes."""
    if shutil.which("wrk") is None:
        return [("wrk is not installed: scripts/setup.sh --tests", float("nan"), "", "", False)]
    with contextlib.ExitStack() as stack:
        peer = _wrk(_serving(stack, _SERVER), _CONNECTIONS, _FLAT_OUT)
    length = _WARMUP + _FLAT_OUT + 30
    with contextlib.ExitStack() as stack:
        closed = _watched(RunningLoad(stack, _SERVER, Stage(duration=length, users=_CONNECTIONS)))
    with contextlib.ExitStack() as stack:
        opened = _watched(RunningLoad(stack, _SERVER, Stage(duration=length, rate=400.0), model="open", slots=100))
    costs = [peer.cpu / peer.requests * 1e6, *(found[_CPU] / found[_REQUESTS] * 1e6 for found in (closed, opened))]
    ours, theirs = _stalling()
    return [
        ("requests per second flat out, wrk (one thread)", peer.requests / peer.seconds, "1/s", "", None),
        ("requests per second flat out, closed users (one worker)", closed[_REQUESTS] / _FLAT_OUT, "1/s", "", None),
        ("CPU for a request, wrk", costs[0], "us", "", None),
        ("CPU for a request, closed users flat out", costs[1], "us", "", None),
        ("CPU for a request, open model at 400/s", costs[2], "us", "", None),
        ("CPU for a request, closed users over wrk", costs[1] / costs[0], "times", "", None),
        ("p99 by theory, a server silent for 2 s of every 30", THEORY, "s", "", None),
        ("p99 there, wrk paced to 40 a second", theirs, "s", "", None),
        ("p99 there, open model at 40 a second", ours, "s", "within 5 %", abs(ours / THEORY - 1) <= 0.05),
    ]


def _stalling() -> tuple[float, float]:
    """p99 of the open model and of wrk at one rate, side by side, each on a server of its own."""
    warmup, judged = 30.0, _ROUNDS * EVERY
    edges = (0.001, 0.01, *(round(0.05 * n, 2) for n in range(1, 50)), 5.0, 60.0)
    with contextlib.ExitStack() as stack:
        stage = Stage(duration=warmup + judged + 20, rate=RATE)
        opened = RunningLoad(stack, _STALLING, stage, edges=edges, model="open", spacing="even")
        url = _serving(stack, _STALLING)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wrk-")))
        script = folder / "pace.lua"
        script.write_text(_DELAY.format(round(1000 * _PACED / RATE)))
        poll([opened], warmup)
        before = opened.counters()
        paced = _start(url, _PACED, judged, "-s", str(script))
        poll([opened], judged)
        ours = quantile(increases(before, opened.counters()), "locust_request_duration_seconds", 0.99)
        return ours, paced().p99


def _watched(load: RunningLoad) -> dict[str, float]:
    poll([load], _WARMUP)
    before = load.counters()
    poll([load], _FLAT_OUT)
    return increases(before, load.counters())


def _serving(stack: contextlib.ExitStack, arguments: Sequence[str]) -> str:
    """A server's URL."""
    server = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    stack.callback(server.wait)
    stack.callback(server.kill)
    assert server.stdout is not None
    return f"http://127.0.0.1:{server.stdout.readline().strip()}/"


def _wrk(url: str, connections: int, seconds: float) -> Peer:
    return _start(url, connections, seconds)()


def _start(url: str, connections: int, seconds: float, *more: str) -> Callable[[], Peer]:
    """Starts wrk; what it returns waits for its end."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "--latency", *more, url]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    began = time.monotonic()

    def finish() -> Peer:
        assert child.stdout is not None
        told = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        counted = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", told)
        p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", told)
        if child.returncode or counted is None or p99 is None:
            raise RuntimeError(f"wrk told nothing after {time.monotonic() - began:.0f} s: {told[-300:]!r}")
        return Peer(
            requests=float(counted[1]),
            seconds=float(counted[2]) * _UNITS[counted[3]],
            cpu=usage.ru_utime + usage.ru_stime,
            p99=float(p99[1]) * _UNITS[p99[2]],
        )

    return finish


if __name__ == "__main__":
    for row in run():
        sys.stdout.write(f"{row}\n")
