"""Expositions that are broken, endless, huge or nonsense: preflight says so, Prometheus lives on, and no scrape passes.

One real Prometheus scrapes a thousand addresses at once, each with its own body.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporters.metric_names import JOB_TARGET
from harness.prom.config import MOST_TARGET_SERIES, LiveScrape
from harness.prom.server import PrometheusServer
from harness.run import target_preflight
from harness.run.exposition import Exposition
from harness.run.target_preflight import check_target_metrics
from tests.fuzzing import MANY, cases

TOKENS = [
    b"# TYPE a counter\n", b"# HELP a b\n", b"# TYPE a wrong\n", b"# EOF\n", b"a 1\n", b"a NaN\n",
    b"a +Inf\n",
    b"a -Inf\n", b"a 1e999\n", b"a 0x10\n", b"a\n", b"a{\n", b'a{x="1"} 2\n', b'a{x="1",x="2"} 3\n', b'a{x="\\"} 1\n',
    b'a{x="\xff"} 1\n', b"a{} 1 99999999999999999999\n", b"a 1 -1\n", b'{__name__="b"} 1\n', b'harness="evil" 1\n',
    b'a{harness="other",job="load",instance="x"} 1\n', b"locust_users 5\n", b"\x00", b"\xff\xfe", b"\r\n", b"\n",
    b"a_bucket{le=\"x\"} 1\n", b"a " + b"9" * 400 + b"\n", b'a{x="' + b"y" * 5000 + b'"} 1\n', b"<html>", b"}",
    b" ", b"1",
]  # fmt: skip


class Bodies(ThreadingHTTPServer):
    """GET /N answers the body of number N; its last ones never end."""

    bodies: list[bytes]
    request_queue_size = 1024
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: Bodies

    def do_GET(self) -> None:
        body = self.server.bodies[int(self.path.rpartition("/")[2])]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        try:
            self.wfile.write(body)
            while body == b"endless":
                self.wfile.write(b"a 1\n" * 16_384)
        except OSError:
            pass  # given up, which is what is tested

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(bodies: list[bytes]) -> Iterator[str]:
    server = Bodies(("127.0.0.1", 0), _Handler)
    server.bodies = bodies
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unreadable(body: bytes) -> str:
    read = Exposition()
    read.feed(body)
    read.end()
    return read.unreadable


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!doctype html>\n<div id=root></div>\n", "line 1 is no sample: '<!doctype html>'"),
        (b'{"status": "ok"}', "line 1 is no sample"),
        (b"OK\n", "line 1 is no sample: 'OK'"),
        (b'# TYPE a gauge\na 1\n\nb{x="1"\n', "line 4 is no sample"),
        (b"a one\n", "line 1 is no sample"),
    ],
)
def test_preflight_refuses_what_no_scrape_reads(body: bytes, told: str) -> None:
    with serving([body]) as url:
        found = check_target_metrics(f"{url}/0")
    assert not found.ok and told in found.detail and found.remedy


@pytest.mark.parametrize(
    "line",
    [
        b"a 1", b"a\t-1.5e-3 1395066363000", b"  a:b_c  +Inf", b"a NaN", b"a .5", b'a{x="} {\\" 1"} 2', b" \t",
        b'a_bucket{le="1"} 5 # {trace_id="x"} 0.3', b'{"my.metric",x="1"} 1', b'a{x="\xc3\xa9"}3', b"a 1 # c",
        b'a {x="1",} 0x1p-2', b"\x00 ends it", b" # c",
    ],
)  # fmt: skip
def test_preflight_takes_every_way_to_write_a_sample(line: bytes) -> None:
    assert unreadable(b"# HELP a b\n" + line + b"\n# EOF\n") == ""


@pytest.mark.parametrize(
    "line", [b" " * 60_000 + b"x", b"a " * 30_000, b"a{" + b"} " * 30_000 + b"x", b"a{" + b" }" * 30_000]
)
def test_no_line_takes_more_than_a_look(line: bytes) -> None:
    assert unreadable(line), "in milliseconds; without care, in hours"


@pytest.mark.parametrize("size", [1, 2, 7, 65_536])
def test_it_does_not_matter_how_a_body_is_cut_into_pieces(size: int) -> None:
    body = b'a{x="1"} 1\n# no sample\n\nb 2\n' + b"y" * 70_000 + b"\nodd\nodder"
    read = Exposition()
    for start in range(0, len(body), size):
        read.feed(body[start : start + size])
    read.end()
    assert (read.series, read.unreadable) == (5, "line 6 is no sample: 'odd'")


@cases(60)
@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join)))
def test_preflight_takes_any_body(body: bytes) -> None:
    counted: list[int] = []
    with serving([body]) as url:
        found = check_target_metrics(f"{url}/0", counted.append)
    assert found.ok == bool(counted)
    assert found.ok or found.remedy
    lines = [line for line in body.split(b"\n") if line and not line.startswith(b"#")]
    assert counted == ([len(lines)] if found.ok else [])
    assert lines or found.detail.endswith("has not one series")


@cases(30)
@given(st.binary(max_size=400))
def test_preflight_takes_an_answer_that_is_no_http(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found = check_target_metrics(f"http://127.0.0.1:{listener.getsockname()[1]}/metrics")
        thread.join()
    assert isinstance(found.ok, bool)
    assert found.ok or found.remedy


def test_preflight_refuses_a_million_series(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'a{id="1234567"} 1\n'
    with serving([line * 1_000_000, b"endless"]) as url:
        before = psutil.Process().memory_info().rss
        found = check_target_metrics(f"{url}/0")
        assert not found.ok
        assert "1,000,000 series" in found.detail
        monkeypatch.setattr(target_preflight, "MOST_METRICS_BYTES", 10_000_000)
        assert "does not end" in check_target_metrics(f"{url}/1").detail
        assert psutil.Process().memory_info().rss - before < 100e6


def _body(number: int) -> bytes:
    dice = random.Random(number)
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(2000))
    return b"".join(dice.choice(TOKENS) for _ in range(dice.randrange(1, 40)))


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_prometheus_of_a_run_lives_through_a_thousand_of_them(tmp_path: Path) -> None:
    series = b"".join(b'a{id="%d"} 1\n' % i for i in range(MOST_TARGET_SERIES + 1))
    bodies = [_body(number) for number in range(MANY)] + [series, b"endless", b"# TYPE good counter\ngood 1\n"]
    with serving(bodies) as url:
        scrape = LiveScrape(
            "default", 15.0, tmp_path / "t.json", target_metrics=[f"{url}/{number}" for number in range(len(bodies))]
        )

        def config(address: str) -> str:
            made = yaml.safe_load(scrape.config_for(address))
            for job in made["scrape_configs"]:  # one address has one path: told apart by their number
                if "metrics_path" in job:
                    number = job["metrics_path"].rpartition("/")[2]
                    job["relabel_configs"].append({"target_label": "instance", "replacement": number})
            return yaml.safe_dump(made)

        with PrometheusServer(tmp_path / "data", tmp_path, config=config) as server:
            api, pid = server.api(), server.pid
            assert pid is not None
            deadline, up = time.monotonic() + 200, {}
            while len(up) < len(bodies) and time.monotonic() < deadline:
                found = api.query(f'up{{job="{JOB_TARGET}"}}', time.time())
                up = {int(one.labels["instance"]): float(one.values[0]) for one in found}
                time.sleep(0.5)
            assert len(up) == len(bodies), "each was scraped"
            assert up[MANY] == up[MANY + 1] == 0, "too many series, and no end"
            assert up[MANY + 2] == 1
            refused = {number for number in range(MANY) if unreadable(bodies[number])}
            assert len(refused) > MANY / 2
            wrong = [(unreadable(bodies[n]), bodies[n]) for n in sorted(refused) if up[n]]
            assert not wrong, "preflight refuses nothing that can be scraped"
            assert server.alive()
            assert psutil.Process(pid).memory_info().rss < 1.5e9
            stacks = {one.get("harness") for one in api.series(['{job="target"}'], time.time() - 300, time.time())}
            assert stacks == {"default"}, "no exposition names its own stack"
            assert not api.series(['locust_users{job="load"}'], time.time() - 300, time.time()), "nor the load's job"
