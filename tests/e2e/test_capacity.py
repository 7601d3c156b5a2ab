"""Whole capacity runs: servers of known capacity, and Mingus with one resource that runs out. Minutes each.

They need a machine that does nothing else: a load generator that is late is INCONCLUSIVE, and rightly so.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from harness.plan.files import SHIPPED_NAME
from harness.run.ports import free_port
from tests.e2e.whole_run import Whole, whole_run
from tests.judge.queues import mmc_capacity
from tests.servers import mingus_server, start_postgres, start_redis

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]

HERE = Path(__file__).parent
LIMIT = 0.4  # seconds


@contextlib.contextmanager
def helper(script: str, *arguments: str) -> Iterator[int]:
    """A script of this folder that prints its port and serves until it is ended."""
    process = subprocess.Popen([sys.executable, str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def run(tmp: Path, plan: dict[str, Any]) -> Whole:
    file = tmp / "capacity.yml"
    file.write_text(yaml.safe_dump({"name": "capacity", "kind": "capacity", "abort_on": [], **plan}))
    return whole_run(tmp, [], plan=file)


def drawn(seed: int) -> tuple[list[str], float]:
    """Arguments of the server and the capacity that follows from them."""
    draw = random.Random(seed)
    if seed % 3 == 2:
        rate = math.exp(draw.uniform(math.log(60), math.log(150)))
        return ["--rate", f"{rate:.3f}"], rate / 0.99
    servers, service = draw.randint(3, 8), draw.uniform(0.045, 0.07)
    return ["--servers", str(servers), "--service", f"{service:.5f}"], mmc_capacity(servers, service, LIMIT)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_server_of_unknown_capacity_is_found_within_twelve_minutes(seed: int, tmp_path: Path) -> None:
    arguments, truth = drawn(seed)
    with helper("known_capacity.py", *arguments) as port:
        whole = run(
            tmp_path,
            {
                "target": {"url": f"http://127.0.0.1:{port}"},
                "scrape_interval": "1s",
                # A token bucket refuses by its own clock: chance arrivals would make its capacity a matter of luck.
                "load": {
                    "locustfile": str(HERE / "capacity_locustfile.py"),
                    "model": "open",
                    "spacing": "even" if "--rate" in arguments else "poisson",
                },
                "capacity": {"start": 20, "max": 1000, "tolerance": "15%", "settle": "8s", "hold": "10s",
                             "confirm": "40s", "ramp": "0s", "longest": "12m"},
                "objectives": {"latency_p95": f"{LIMIT * 1000:.0f}ms", "error_ratio": "1%", "restarts": "off",
                               "capacity": f">= {truth / 2:.0f} rps"},
            },
        )  # fmt: skip
    told = whole.verdict["capacity"]
    assert whole.exit_code == 0, whole.output[-3000:]
    assert told["low"] <= truth <= told["high"], (told, truth)
    assert abs(told["estimate"] / truth - 1) <= 0.05, (told, truth)
    assert told["sentence"] in whole.output.replace("It holds", "it holds")
    before = (whole.directory / "verdict.json").read_bytes()
    command = [sys.executable, "-m", "harness.cli", "judge", str(whole.directory)]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == whole.exit_code, again.stderr
    assert (whole.directory / "verdict.json").read_bytes() == before


def mingus_run(
    tmp: Path, *, workers: int, pool: int, threads: int, far: float = 0.0, slow: float = 0.0, fault: str = ""
) -> Whole:  # fmt: skip
    """Mingus with a database that is ``far`` seconds away, or a Redis that takes ``slow`` seconds for each command."""
    with contextlib.ExitStack() as stack:
        database, redis = stack.enter_context(start_postgres(tmp)), stack.enter_context(start_redis(tmp))
        near, metrics = database, free_port()
        if far:
            there = str(urlsplit(database).port)
            port = stack.enter_context(helper("slow_proxy.py", "--to", there, "--each", str(far)))
            near = database.replace(f":{there}/", f":{port}/")
        if slow:
            there = str(urlsplit(redis).port)
            port = stack.enter_context(helper("slow_proxy.py", "--to", there, "--each", str(slow), "--serial"))
            redis = redis.replace(f":{there}/", f":{port}/")
        environ = {"MINGUS_THREADS": str(threads), "MINGUS_METRICS_PORT": str(metrics), "MINGUS_POOL_OVERFLOW": "0"}
        environ |= {"MINGUS_FAULTS": fault} if fault else {}
        mingus = stack.enter_context(mingus_server(tmp, near, redis, workers=workers, pool_size=pool, environ=environ))
        return run(
            tmp,
            {
                "target": {
                    "url": mingus.url,
                    "metrics": [f"http://127.0.0.1:{metrics}/metrics"],
                    "processes": [{"name": "web", "pid": mingus.process.pid}],
                    "databases": [{"name": "main", "url": database}],
                    "redis": [{"name": "cache", "url": redis}],
                },
                "scrape_interval": "1s",
                "load": {"locustfile": SHIPPED_NAME},
                "capacity": {"start": 20, "max": 600, "tolerance": "20%", "settle": "6s", "hold": "15s",
                             "confirm": "25s", "confirmations": 2, "ramp": "60s", "longest": "12m"},
                "objectives": {"latency_p95": "800ms", "error_ratio": "1%", "capacity": ">= 5 users"},
            },
        )  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "mingus"),
    [
        ("db_pool", {"workers": 1, "pool": 2, "threads": 16, "far": 0.004}),
        ("redis", {"workers": 1, "pool": 16, "threads": 16, "slow": 0.015}),
        # 40 ms of CPU more for each request of its one thread (hashing lets other threads run beside it): it fills a
        # core long before the load generator does.
        ("cpu", {"workers": 1, "pool": 8, "threads": 1, "fault": "cpu_work:ms=40"}),
    ],
)
def test_what_runs_out_first_is_named(signal: str, mingus: dict[str, Any], tmp_path: Path) -> None:
    whole = mingus_run(tmp_path, **mingus)
    assert whole.exit_code == 0, whole.output[-3000:]
    told = whole.verdict["capacity"]
    assert told["ended"] == "narrow", whole.output[-3000:]
    assert told["limiting"]["order"], json.dumps(told)
    assert told["limiting"]["order"][0]["signal"] == signal, json.dumps(told["limiting"]["order"])
