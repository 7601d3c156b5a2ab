"""Secrets of a plan stand nowhere but in the plan: a whole run with canaries, then all that it made is searched."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import redis
import requests

from harness.errors import ExitCode
from tests import servers

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(400)]

CANARIES = {
    "header": "canary-token-5f1c", "redis": "canary-redis-8a2b", "database": "canary-pg-77d0",
    "hook": "canary-hook-19ee", "query": "canary-query-c4c4",
}  # fmt: skip
PLAN = """\
name: canary
kind: smoke
target:
  url: {url}
  headers: {{Authorization: "Bearer {header}"}}
  redis: [{{name: cache, url: "{redis_url}"}}]
  metrics: ["{url}/metrics?token={query}"]
  processes: [{{name: self, pid: {pid}}}]
scrape_interval: 1s
load:
  locustfile: load.py
  stages: [{{duration: 40s, users: 3}}]
notify: {{webhook: "{url}/hooks/{hook}"}}
objectives: {{latency_p95: 1s, error_ratio: 90%}}
"""
LOAD = """\
from locust import HttpUser, constant, task

class Clumsy(HttpUser):
    wait_time = constant(0.5)

    @task
    def fails_and_tells(self):
        self.client.get("/a", name="/a")
        with self.client.get("/b?access_token={query}", name="/b", catch_response=True) as answer:
            answer.failure("refused: {url_with_password}")
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"# TYPE a counter\na 1\n" if self.path.startswith("/metrics") else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def held(text: bytes, where: str) -> list[str]:
    return [f"{name} in {where}" for name, canary in CANARIES.items() if canary.encode() in text]


def of_processes(process: psutil.Process) -> list[str]:
    """Canaries in the command lines and environments of the harness and all that it started."""
    found = []
    for one in [process, *process.children(recursive=True)]:
        for file in ("cmdline", "environ"):
            try:
                found += held(Path(f"/proc/{one.pid}/{file}").read_bytes(), f"/proc/PID/{file} of {one.name()}")
            except (OSError, psutil.Error):
                continue
    return found


def of_metrics(process: psutil.Process) -> list[str]:
    """Canaries in what the harness and its children serve on /metrics; and that none listens beyond loopback."""
    found = []
    for one in [process, *process.children(recursive=True)]:
        try:
            listening = [c.laddr for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
        for address in listening:
            if address.ip not in ("127.0.0.1", "::1"):
                found.append(f"{one.name()} listens on {address.ip}")
                continue
            try:
                body = requests.get(f"http://127.0.0.1:{address.port}/metrics", timeout=2).content
            except requests.RequestException:
                continue
            found += held(body, f"/metrics of {one.name()}")
    return found


def test_secrets_are_in_nothing_that_a_run_makes(service: str, tmp_path: Path) -> None:
    with servers.start_redis(tmp_path) as cache:
        redis.Redis.from_url(cache).config_set("requirepass", CANARIES["redis"])
        redis_url = cache.replace("redis://", f"redis://:{CANARIES['redis']}@", 1)
        words = {**CANARIES, "url": service, "redis_url": redis_url, "pid": str(os.getpid())}
        url_with_password = f"postgresql://u:{CANARIES['database']}@db.example/x"
        (tmp_path / "plan.yml").write_text(PLAN.format(**words))
        (tmp_path / "load.py").write_text(LOAD.format(query=CANARIES["query"], url_with_password=url_with_password))
        process = psutil.Popen(
            [sys.executable, "-m", "harness.cli", "run", "plan.yml"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        seen: set[str] = set()
        looks = 0
        said = b""
        try:
            while process.poll() is None:
                seen.update(of_processes(process))
                seen.update(of_metrics(process))
                looks += 1
                try:
                    said, _ = process.communicate(timeout=1)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
        assert looks > 10, "it was looked at while it ran"
        assert process.returncode in (ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE), said.decode()
        seen.update(held(said, "what it printed"))
        (directory,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir() and not path.is_symlink())
        files = [path for path in directory.rglob("*") if path.is_file()]
        assert {"plan.yml", "run.json", "verdict.json", "report.html", "junit.xml"} <= {path.name for path in files}
        for path in files:
            seen.update(held(path.read_bytes(), str(path.relative_to(directory))))
            assert not stat.S_IMODE(path.stat().st_mode) & 0o022, f"{path} can be written by others"
        assert seen == set()
