"""An HTTP server on the host, where containers reach it: takes webhooks, and answers as a small service."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.compose.engine import HOST_ADDRESS


@dataclass
class Receiver:
    """``url``: as containers reach it. ``posted``: the JSON documents that came, by path."""

    port: int
    posted: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{HOST_ADDRESS}:{self.port}"


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver(0)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                found.posted.setdefault(self.path, []).append(json.loads(body))
            self._answer(b"{}")

        def do_GET(self) -> None:
            self._answer(b"ok")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
