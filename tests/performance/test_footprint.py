from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from tests.performance import footprint


@pytest.fixture
def page() -> Iterator[tuple[str, list[str]]]:
    """(url, [body]) of a server in this process that answers the body to everything."""
    body = [""]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body[0].encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", body
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_local_service_is_read_from_its_processes(page: tuple[str, list[str]]) -> None:
    assert footprint.resident_bytes(page[0]) == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.1)


def test_elsewhere_its_metric_is_read_or_the_way_out_named(
    page: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "_is_local", lambda host: False)
    url, body = page
    with pytest.raises(footprint.MemoryUnreadable, match="process_resident_memory_bytes"):
        footprint.resident_bytes(url)
    body[0] = "process_resident_memory_bytes 5e+07\n"
    assert footprint.resident_bytes(url) == 5e7
    with pytest.raises(footprint.MemoryUnreadable, match="metrics"):
        footprint.resident_bytes("http://127.0.0.1:1")
