"""Metrics answer while every request thread waits for a connection: when they matter most."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest
import requests

from target.metrics_port import listen
from tests.servers import free_port, mingus_server, start_postgres, start_redis, wait_until

THREADS = 2


def test_metrics_while_every_thread_waits_for_the_pool(tmp_path: Path) -> None:
    port = free_port()
    environ = {
        "MINGUS_METRICS_PORT": str(port), "MINGUS_THREADS": str(THREADS), "MINGUS_POOL_OVERFLOW": "0",
        "MINGUS_POOL_TIMEOUT": "20",
    }  # fmt: skip

    def scrape() -> str:
        return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=1).text

    with (
        start_postgres(tmp_path) as database,
        start_redis(tmp_path) as cache,
        mingus_server(
            tmp_path, database, cache, workers=1, pool_size=1, faults=["connection_leak:per_minute=600"],
            environ=environ,
        ) as server,
    ):  # fmt: skip
        wait_until(lambda: 'db_pool_connections{pool="main",state="in_use"} 1.0' in scrape(), "the leak")

        def wait_in_vain() -> None:
            with contextlib.suppress(requests.ConnectionError):  # the server is ended under it
                requests.get(f"{server.url}/system/health", timeout=40)

        waiting = [threading.Thread(target=wait_in_vain, daemon=True) for _ in range(THREADS)]
        for thread in waiting:
            thread.start()
        wait_until(lambda: f'db_pool_waiting{{pool="main"}} {THREADS}.0' in scrape(), "both threads wait")
        with pytest.raises(requests.Timeout):
            requests.get(f"{server.url}/metrics", timeout=1)
        assert f'db_pool_waiting{{pool="main"}} {THREADS}.0' in scrape()


def test_a_taken_port_is_an_error() -> None:
    with listen(0) as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])
