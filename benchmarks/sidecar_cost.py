"""CPU that the sidecar takes beside a target of six processes, one PostgreSQL and one Redis, scraped every 5 s.

The first seconds (imports, first looks) are left out: they are paid once, a soak goes on for a day.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import requests

from tests.servers import ROOT, postgres_server, redis_server, stop, wait_until

INTERVAL_SECONDS = 5.0
MEASURED_SECONDS = 40.0  # eight intervals: four PSS readings, one full look at all command lines
SETTLE_SECONDS = 3.0
MEMBERS = 6
MEMBER_MB = 60
GOAL_CORES = 0.01

# Members as a web worker's size, asleep: their own work is not the sidecar's cost.
_MEMBER = f"import os, time; keep = [os.urandom(1024) * 1024 for _ in range({MEMBER_MB})]; print('x', flush=True); time.sleep(600)"  # noqa: E501


def run(seconds: float = MEASURED_SECONDS) -> list[tuple[str, float, str, str, bool | None]]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        home = Path(name)
        postgres = stack.enter_context(postgres_server(home))
        cache = stack.enter_context(redis_server(home))
        tag = f"sidecar-cost-{time.monotonic_ns()}"
        for _ in range(MEMBERS):
            stack.enter_context(_member(tag))
        config = {
            "interval": INTERVAL_SECONDS,
            "processes": [{"name": "web", "match": tag}],
            "databases": [{"name": "main", "url": postgres.url}],
            "redis": [{"name": "cache", "url": cache.url}],
        }
        sidecar, port = stack.enter_context(_sidecar(home, config))
        session = stack.enter_context(requests.Session())
        time.sleep(SETTLE_SECONDS)
        before, began, samples, scrapes = _cpu(sidecar), time.monotonic(), 0, []
        while time.monotonic() - began < seconds:
            asked = time.monotonic()
            text = session.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
            scrapes.append(time.monotonic() - asked)
            samples = sum(not line.startswith("#") for line in text.splitlines())
            if f'namedprocess_namegroup_num_procs{{groupname="web"}} {MEMBERS:.1f}' not in text:
                raise RuntimeError(f"the sidecar does not see {MEMBERS} members")
            time.sleep(INTERVAL_SECONDS - (time.monotonic() - asked))
        cores = (_cpu(sidecar) - before) / (time.monotonic() - began)
        memory = sidecar.memory_info().rss / 2**20
    return [
        ("sidecar CPU, 6 processes + PostgreSQL + Redis, 5 s", cores, "cores", f"< {GOAL_CORES}", cores < GOAL_CORES),
        ("sidecar resident memory", memory, "MiB", "", None),
        ("series on /metrics", float(samples), "series", "", None),
        ("longest scrape", max(scrapes) * 1000, "ms", "", None),
    ]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def _member(tag: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", _MEMBER, tag], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        stop(process)


@contextlib.contextmanager
def _sidecar(home: Path, config: dict[str, object]) -> Iterator[tuple[psutil.Process, int]]:
    file, port_file = home / "sidecar.json", home / "sidecar.port"
    file.write_text(json.dumps(config))
    with (home / "sidecar.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "exporters.sidecar", "--config", file, "--port-file", port_file],
            cwd=ROOT, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(port_file.exists, "the sidecar", log=home / "sidecar.log")
        yield psutil.Process(process.pid), int(port_file.read_text())
    finally:
        stop(process)
