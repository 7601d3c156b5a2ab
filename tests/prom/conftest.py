"""Real Prometheus servers for the tests, and an exporter whose numbers follow from the time alone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from harness.plan.model import Plan
from harness.plan.objectives import Objective
from harness.prom.block_writer import BlockWriter
from harness.prom.config import LiveScrape, write_targets
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory, RunRecord

T0 = 1_750_000_000.0  # a whole number of 2 h blocks is not wanted: runs begin anywhere


def series(metric: str, times, values, /, **labels: str) -> Series:
    times = np.asarray(times, dtype=float)
    values = np.broadcast_to(np.asarray(values, dtype=float), times.shape)
    return Series({"__name__": metric, **labels}, times, np.array(values))


def write_blocks(folder: Path, *listed: Series) -> Path:
    span = max(one.times[-1] for one in listed) - min(one.times[0] for one in listed)
    with BlockWriter(span) as writer:
        writer.add(listed)
        writer.finish(folder)
    return folder


def make_plan(*objectives: Objective, interval: float = 5.0, stack: str = "default") -> Plan:
    return Plan(
        name="p",
        stack=stack,
        target={"url": "http://localhost:1"},
        scrape_interval=interval,
        load={"locustfile": "x.py", "stages": [{"duration": 600, "users": 1}]},
        objectives=objectives,
    )


def make_run(path: Path, start: float, end: float | None, *listed: Series) -> RunDirectory:
    path.mkdir(parents=True, exist_ok=True)
    directory = RunDirectory(path)
    directory.write_record(RunRecord("r1", "p", start, "http://t", start, end, end, "completed"))
    if listed:
        write_blocks(directory.tsdb, *listed)
    return directory


def same(a: list[Series], b: list[Series]) -> None:
    """Equal label sets, times and values, bit by bit where it is no NaN."""

    def key(one: Series):
        return sorted(one.labels.items())

    a, b = sorted(a, key=key), sorted(b, key=key)
    assert [dict(x.labels) for x in a] == [dict(x.labels) for x in b]
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.times, y.times, err_msg=str(x.labels))
        np.testing.assert_array_equal(x.values, y.values, err_msg=str(x.labels))


@dataclass
class Exporter:
    """Serves `body()` on loopback."""

    server: ThreadingHTTPServer
    seen: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


def metrics_now() -> str:
    """Counters and a histogram that grow with the clock, a label that must be escaped, and one NaN."""
    now = time.time()
    lines = [
        f"demo_total {now % 1e6:.3f}",
        f'demo_wave{{odd="a\\"b\\\\c\\nd"}} {math.sin(now):.6f}',
        "demo_nan NaN",
    ]
    for outcome, share in (("ok", 1.0), ("error", 0.1)):
        count = int(now % 1e6 * 20 * share)
        for le, within in (("0.5", 0.5), ("1.0", 0.9), ("2.0", 0.99), ("+Inf", 1.0)):
            labels = f'method="GET",name="/",outcome="{outcome}",le="{le}"'
            lines.append(f"locust_request_duration_seconds_bucket{{{labels}}} {int(count * within)}")
        lines.append(f'locust_request_duration_seconds_count{{method="GET",name="/",outcome="{outcome}"}} {count}')
    return "\n".join(lines) + "\n"


def serve(respond) -> ThreadingHTTPServer:
    """An HTTP server on a free loopback port; ``respond(handler)`` answers GET and POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    length = int(handler.headers.get("Content-Length") or 0)
    handler.rfile.read(length)
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture(scope="session")
def exporter() -> Iterator[Exporter]:
    server = serve(lambda handler: answer(handler, 200, metrics_now().encode(), Content_Type="text/plain"))
    yield Exporter(server)
    server.shutdown()
    server.server_close()


RULES = """
groups:
  - name: load
    rules:
      - record: harness:demo:rate10s
        expr: sum by (harness) (rate(demo_total[10s]))
      - record: harness:demo_twice:rate10s
        expr: 2 * harness:demo:rate10s
      - record: harness:demo_labelled:last
        expr: sum by (harness) (demo_wave)
        labels: {kind: wave}
"""


@dataclass
class Live:
    """A live server that scraped the exporter each second, and since when."""

    server: PrometheusServer
    began: float
    ended: float
    rules: Path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, exporter: Exporter) -> Iterator[Live]:
    """Scraped for 30 s at 1 s, everything still in the head; the exporter is the target of the job ``load``."""
    home = tmp_path_factory.mktemp("live")
    rules = home / "rules"
    rules.mkdir()
    (rules / "recording.yml").write_text(RULES)
    targets = home / "load.json"
    write_targets(targets, [("locust-worker-1", exporter.address)], {})
    scrape = LiveScrape("default", 1.0, targets, rule_files=[rules / "recording.yml"])
    with PrometheusServer(home / "data", home, config=scrape.config_for, lookback=3) as server:
        began = time.time()
        time.sleep(30)
        yield Live(server, began, time.time(), rules)
