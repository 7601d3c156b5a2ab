"""Locustfiles of other kinds, TLS, and where the plan's headers go."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.load.launcher import LoadLauncher
from harness.plan.model import Plan, Stage
from tests.load.load_helpers import HttpTarget, Samples, leftovers, make_plan, scrape, value, wait_for

SHORT = (Stage(duration=3, users=4),)


def run(plan: Plan, folder: Path) -> Samples:
    """The worker's metrics after a whole load."""
    launcher = LoadLauncher(plan, folder / "control", folder / "logs")
    try:
        launcher.start(30)
        wait_for(launcher, lambda s: s.state == "holding")
        launcher.hold()
        return scrape(dict(launcher.scrape_targets())["locust-worker-1"])
    finally:
        launcher.stop()
        assert leftovers(folder) == []


def test_a_pytest_style_locustfile_counts_each_request_once(tmp_path: Path, http_target: HttpTarget) -> None:
    # Locust has pytest import every locustfile then, the harness' own one for a second time.
    locustfile = tmp_path / "test_visit.py"
    locustfile.write_text(
        "import time\n\ndef test_visit(fastsession):\n    fastsession.get('/ok')\n    time.sleep(0.05)\n"
    )
    http_target.seen["/ok"] = 0
    samples = run(make_plan(http_target.url, locustfile, stages=SHORT), tmp_path)
    counted, seen = value(samples, "locust_request_duration_seconds_count", name="/ok"), http_target.seen["/ok"]
    # At the end a user may be sent away in the middle of a request that the target has seen: one each at most.
    assert seen - SHORT[0].users <= counted <= seen
    assert counted > 10


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extension = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *extension, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return key, cert


@pytest.fixture(scope="module")
def tls_target(certificate: tuple[Path, Path]) -> Iterator[HttpTarget]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            target.seen[self.path] += 1
            target.headers[self.path] = {k.lower(): v for k, v in self.headers.items()}
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128

        daemon_threads = True

        def finish_request(self, request: object, client_address: object) -> None:
            # The handshake in the connection's own thread: a client that refuses it must not stop the others.
            super().finish_request(context.wrap_socket(request, server_side=True), client_address)  # type: ignore[arg-type]

        def handle_error(self, *_: object) -> None:
            pass

    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = Server(("127.0.0.1", 0), Handler)
    target = HttpTarget(server.server_address[1])
    target.url = f"https://localhost:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield target
    server.shutdown()
    server.server_close()


TLS_FILE = """
import os
from locust import FastHttpUser, HttpUser, constant, task

class Fast(FastHttpUser):
    wait_time = constant(0.05)
    default_headers = {{"X-Own": "kept"}}

    @task
    def both(self):
        self.client.get("/fast", headers={{"X-Team": "of-the-file"}})
        self.client.get("{other}/elsewhere-fast", name="elsewhere")

class Plain(HttpUser):
    wait_time = constant(0.05)

    @task
    def both(self):
        self.client.get("/plain", headers={{"X-Team": "of-the-file"}})
        self.client.get("{other}/elsewhere-plain", name="elsewhere")
"""


def test_the_ca_file_is_trusted_and_headers_stay_with_the_target(
    tmp_path: Path, http_target: HttpTarget, tls_target: HttpTarget, certificate: tuple[Path, Path]
) -> None:
    (tmp_path / "user.py").write_text(TLS_FILE.format(other=http_target.url))
    headers = {"Authorization": "Bearer secret", "X-Team": "of-the-plan"}
    target = {"ca_file": str(certificate[1]), "headers": headers}
    samples = run(make_plan(tls_target.url, tmp_path / "user.py", stages=SHORT, target=target), tmp_path)
    for path in ("/fast", "/plain"):
        assert value(samples, "locust_request_duration_seconds_count", name=path, outcome="ok") > 5
        assert tls_target.headers[path]["authorization"] == "Bearer secret"
        assert tls_target.headers[path]["x-team"] == "of-the-file"
    assert tls_target.headers["/fast"]["x-own"] == "kept"
    assert value(samples, "locust_request_duration_seconds_count", outcome="error") == 0
    for path in ("/elsewhere-fast", "/elsewhere-plain"):
        assert http_target.seen[path] > 5
        assert "authorization" not in http_target.headers[path]


def test_a_certificate_of_another_ca_is_refused(
    tmp_path: Path, http_target: HttpTarget, tls_target: HttpTarget, certificate: tuple[Path, Path]
) -> None:
    (tmp_path / "user.py").write_text(TLS_FILE.format(other=http_target.url))
    other = tmp_path / "other.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other"]
    subprocess.run([*command, "-keyout", str(tmp_path / "k"), "-out", str(other)], check=True, capture_output=True)
    tls_target.seen.clear()
    target = {"ca_file": str(other)}
    samples = run(make_plan(tls_target.url, tmp_path / "user.py", stages=SHORT, target=target), tmp_path)
    assert not tls_target.seen
    for path in ("/fast", "/plain"):
        refused = value(samples, "locust_request_errors_total", name=path, error="connection")
        assert refused > 5, {key: number for key, number in samples.items() if "errors" in key[0] and number}
        assert value(samples, "locust_request_duration_seconds_count", name=path) == refused
