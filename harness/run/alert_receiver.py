"""Takes what Alertmanager delivers while a run is on, and records each delivery in the run directory.

``alerts.jsonl``: the first line says which alert is the dead man's switch (one that always fires, so that its delivery
proves the path), each further line is one delivery. The judge reads it (``harness.judge.notification``).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.run.protocols import Run
from harness.run.record import rfc3339
from harness.run.services import AlertService

PATH = "/alerts"
NO_WATCHDOG = "none"
MOST_BYTES = 16 * 2**20  # of the file: a day of a switch delivered every 30 s is 2 MiB
MOST_BODY = 2**20  # of one delivery
_READ_SECONDS = 10.0


class AlertLog:
    """The file of one run; lines are whole or not there. ``add`` may be called from several threads."""

    def __init__(self, file: Path, watchdog: str, *, most_bytes: int = MOST_BYTES) -> None:
        """Raises OSError."""
        self._most = most_bytes
        self._lock = threading.Lock()
        self._full = False
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = 0
        self._write({"watchdog": None if watchdog == NO_WATCHDOG else watchdog})

    def add(self, delivery: Mapping[str, Any]) -> None:
        """Records it; past the bound only that there were more. Raises OSError."""
        with self._lock:
            if not self._full:
                self._write(delivery)

    def close(self) -> None:
        with self._lock:
            self._full = True
            os.close(self._descriptor)

    def _write(self, data: Mapping[str, Any]) -> None:
        line = (json.dumps(data) + "\n").encode()
        if self._size + len(line) > self._most:
            self._full = True
            line = (json.dumps({"truncated": True}) + "\n").encode()
        os.write(self._descriptor, line)  # one call: nobody ever reads half a line of a living harness
        self._size += len(line)


def delivery(body: Mapping[str, Any], now: float) -> dict[str, Any]:
    """One line of the file from the body of Alertmanager's webhook (version 4). Raises ValueError. Pure."""
    alerts = body.get("alerts")
    if not isinstance(alerts, list) or not all(isinstance(alert, dict) for alert in alerts):
        raise ValueError("no list of alerts")
    return {
        "received_at": rfc3339(now),
        "status": str(body.get("status", "")),
        "receiver": str(body.get("receiver", "")),
        "group_labels": _texts(body.get("groupLabels")),
        "alerts": [
            {
                "status": str(alert.get("status", "")),
                "labels": _texts(alert.get("labels")),
                "annotations": _texts(alert.get("annotations")),
                "starts_at": str(alert.get("startsAt", "")),
                "ends_at": str(alert.get("endsAt", "")),
            }
            for alert in alerts
        ],
    }


def _texts(data: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


@contextmanager
def receive_alerts(service: AlertService, run: Run) -> Iterator[int]:
    """Receives until the context ends; yields the port.

    Raises:
        HarnessError: the address cannot be listened on, or the run directory not be written.
    """
    address = (service.listen.host, service.listen.port)
    try:
        log = AlertLog(run.directory.alerts, service.watchdog)
    except OSError as error:
        raise HarnessError(f"{run.directory.alerts} cannot be written: {error.strerror}") from error
    try:
        server = _Server(address, _handler(log, run))
    except OSError as error:
        log.close()
        raise HarnessError(f"the receiver of alerts cannot listen on {service.listen}: {error.strerror}") from error
    thread = threading.Thread(target=server.serve_forever, name="alerts", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        log.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that hangs must not hold up the end of a run


def _handler(log: AlertLog, run: Run) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _READ_SECONDS

        def do_POST(self) -> None:
            if self.path != PATH:
                self._answer(404)
                return
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BODY:
                self._answer(413)
                return
            try:
                body = json.loads(self.rfile.read(int(length)))
                line = delivery(body if isinstance(body, dict) else {}, run.clock())
            except (ValueError, RecursionError):
                self._answer(400)
                return
            try:
                log.add(line)
            except OSError as error:  # a full disk: Alertmanager keeps it and tries again
                run.journal.note(f"a delivery of Alertmanager could not be recorded: {error.strerror}")
                self._answer(500)
                return
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """What is delivered stands in the run directory."""

    return Handler
