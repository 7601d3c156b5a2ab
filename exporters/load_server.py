"""Serves the load metrics from within a Locust process: /metrics, by gevent's WSGI server; on loopback unless told.

The one file here that knows gevent. A scrape renders in slices (``load_exposition.slices``), so that the users'
greenlets wait half a millisecond for it and not half a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

from exporters import load_lag
from exporters import metric_names as names
from exporters.load_exposition import CONTENT_TYPE, histogram, request_pieces, slices
from exporters.load_recorder import Recorder
from exporters.machine_info import MachineCollector, machine_id

LOOPBACK = "127.0.0.1"
# sleep(0) would let only ready greenlets run; a real timer lets the loop look at its sockets (see benchmarks).
PAUSE_SECONDS = 0.0001

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Route = Callable[[Mapping[str, Any], StartResponse], Iterable[bytes]]

logger = logging.getLogger(__name__)


class LoadServer:
    """The HTTP server of one Locust process.

    Args:
        recorder: request counts.
        gauges: called at each scrape; yields pieces of the text format (whole families) for what only Locust knows.
        routes: further paths, each a WSGI application.
        host: address to listen on.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        gauges: Callable[[], Iterable[str]] = tuple,
        routes: Mapping[str, Route] | None = None,
        host: str = LOOPBACK,
    ) -> None:
        self._recorder = recorder
        self._host = host
        self._gauges = gauges
        self._routes = {"/metrics": self._metrics, **(routes or {})}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._process.register(MachineCollector(machine_id()))
        self._lag = load_lag.LoopLag()
        self._server: WSGIServer | None = None
        self._greenlet: gevent.Greenlet | None = None

    def start(self, port: int = 0, *, fixed: bool = False) -> int:
        """Listens and returns the port; ``port`` when it is free, else any free one.

        Args:
            fixed: no other port will do, since somebody else decided where it is scraped.

        Raises:
            OSError: it cannot listen.
        """
        try:
            self._server = self._listen(port)
        except OSError:
            if not port or fixed:
                raise
            logger.warning("port %d is taken; the load metrics move to another one", port)
            self._server = self._listen(0)
        self._greenlet = gevent.spawn(self._lag.watch, gevent.sleep)
        return int(self._server.server_port)

    def stop(self) -> None:
        """Idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill()
        if self._server is not None:
            self._server.stop(timeout=1)

    def _listen(self, port: int) -> WSGIServer:
        server: StreamServer = WSGIServer((self._host, port), self._application, log=None, error_log=logger)
        server.start()
        return server

    def _application(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        route = self._routes.get(environ.get("PATH_INFO", ""))
        if route is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"nothing here; try /metrics\n"]
        return route(environ, start_response)

    def _metrics(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
        return slices(self._pieces(), self._pause)

    @staticmethod
    def _pause() -> None:
        gevent.sleep(PAUSE_SECONDS)

    def _pieces(self) -> Iterator[str]:
        # One copy at one moment: families agree with each other, whatever arrives while they are written.
        yield from request_pieces(self._recorder.snapshot(), self._recorder.edges, self._recorder.capped)
        yield from self._gauges()
        lag = self._lag
        yield histogram(
            names.LOOP_LAG, "How late the event loop woke a sleeper.", load_lag.EDGES, lag.counts, lag.total
        )
        yield generate_latest(self._process).decode()
