"""A small real HTTP server to load, and helpers around the launcher."""

from __future__ import annotations

import http.server
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.load.config import VARIABLE
from harness.load.launcher import LoadLauncher, LoadStatus
from harness.plan.model import Load, Plan, Stage, Target

# A test sets proxy variables that must change nothing for the load; nor for us.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class HttpTarget:
    """What the server saw: requests by path, and the headers of the last one by path."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: Counter[str] = Counter()
        self.headers: dict[str, dict[str, str]] = {}
        self.lock = threading.Lock()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    target: HttpTarget

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        with self.target.lock:
            self.target.seen[path] += 1
            self.target.headers[path] = {k.lower(): v for k, v in self.headers.items()}
        if path == "/drop":
            self.close_connection = True
            return
        if path == "/hang":
            time.sleep(2.5)
        if path == "/slow":
            time.sleep(0.5)
        body = b"ok"
        self.send_response(500 if path == "/status" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of five, a sixth connection waits a second for its second attempt

    def handle_error(self, *_: object) -> None:
        pass  # a client that gave up waiting is part of the test


@pytest.fixture(scope="module")
def http_target() -> Iterator[HttpTarget]:
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    handler.target = target = HttpTarget(server.server_address[1])  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield target
    server.shutdown()
    server.server_close()


def make_plan(url: str, locustfile: Path, *, stages: tuple[Stage, ...], **changes: Any) -> Plan:
    target = {"url": url} | changes.pop("target", {})
    load = {"locustfile": str(locustfile), "stages": stages} | changes.pop("load", {})
    return Plan(name="test", target=Target(**target), load=Load(**load), **changes)


def scrape(address: str) -> Samples:
    """/metrics, parsed by client_python's own parser; a series that stands there twice is an error."""
    text = DIRECT.open(f"http://{address}/metrics", timeout=10).read().decode()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(samples: Samples, metric: str, /, **labels: str) -> float:
    """The sum of all samples of a name that carry these labels."""
    return sum(v for (n, found), v in samples.items() if n == metric and labels.items() <= dict(found).items())


def wait_for(launcher: LoadLauncher, condition: Callable[[LoadStatus], bool], timeout: float = 20) -> LoadStatus:
    deadline = time.monotonic() + timeout
    while not condition(status := launcher.poll()):
        assert time.monotonic() < deadline, f"waited in vain; the last status was {status}"
        time.sleep(0.1)
    return status


def leftovers(control_dir: Path) -> list[int]:
    """Processes that were told of this control directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(control_dir) in process.environ().get(VARIABLE, "") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
