"""What `harness init` writes runs as it is: a short real run gives a verdict, on Mingus and on a small service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.run.local_stack import start_local_stack
from harness.run.ports import answers
from tests import servers

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]

SMALL = """
import sys
from flask import Flask
app = Flask("small")
paths = {"/items/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}]}}}
if sys.argv[2] == "described":
    app.add_url_rule("/openapi.json", "d", lambda: {"openapi": "3.0.3", "paths": paths})
    text = {"Content-Type": "text/plain; version=0.0.4"}  # and nothing of a connection pool
    app.add_url_rule("/metrics", "m", lambda: ("# TYPE a counter\\na 1\\n", 200, text))
app.add_url_rule("/items/<int:number>", "i", lambda number: {"id": number})
app.add_url_rule("/health", "h", lambda: "ok")
app.run(port=int(sys.argv[1]), threaded=True)
"""


@contextmanager
def mingus(folder: Path) -> Iterator[str]:
    work, logs = folder / "work", folder / "logs"
    work.mkdir(mode=0o711)
    logs.mkdir()
    with start_local_stack(work, logs) as stack:
        yield stack.url


@contextmanager
def small(kind: str) -> Iterator[str]:
    port = servers.free_port()
    process = subprocess.Popen([sys.executable, "-c", SMALL, str(port), kind], stderr=subprocess.DEVNULL)
    try:
        servers.wait_until(lambda: answers(port), "the small service")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("service", ["mingus", "described", "plain"])
def test_a_run_of_what_was_written_gives_a_verdict(service: str, tmp_path: Path) -> None:
    def harness(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "harness.cli", *words, "--json"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, object] = json.loads(done.stdout)
        return told

    with mingus(tmp_path) if service == "mingus" else small(service) as url:
        written = harness("init", url)
        assert written["openapi"] == ("/openapi.json" if service == "described" else None)
        assert harness("check", "plan.yml")["ready"] is True
        verdict = harness("run", "plan.yml", "--duration", "2m")
    assert verdict["outcome"] in ("pass", "warn"), verdict
    names = {one["objective"]: one["outcome"] for one in verdict["objectives"]}  # type: ignore[attr-defined]
    assert names["error_ratio"] == "pass"
