"""The parts that a run can start again in its middle, as its supervisor sees them."""

from __future__ import annotations

import http.client
from collections.abc import Callable

from exporters.metric_names import PART_PROMETHEUS, PART_SIDECAR
from harness.prom.server import PrometheusServer
from harness.run.child import Child

_ANSWER_SECONDS = 1.0


class SidecarPart:
    """The sidecar of a run: a new child at the same address.

    Args:
        child: the first one.
        address: its "host:port", which Prometheus scrapes.
        again: starts another one there, without waiting. May raise HarnessError.
        replaced: is told each new child, so that the run's end finds it.
    """

    part = PART_SIDECAR
    title = "the sidecar"

    def __init__(
        self, child: Child, address: str, again: Callable[[], Child], replaced: Callable[[Child], None]
    ) -> None:
        self.child = child
        self._address = address
        self._again = again
        self._replaced = replaced

    def alive(self) -> bool:
        return self.child.alive()

    def ending(self) -> str:
        return self.child.ending()

    def answers(self) -> bool:
        # Not /metrics: rendering it for nobody would be work beside the target.
        return answers(self._address, "/favicon.ico")

    def begin(self) -> None:
        self.child = self._again()
        self._replaced(self.child)

    def kill(self) -> None:
        self.child.kill()


class PrometheusPart:
    """The Prometheus of a run: the same server on the same data and port; its write-ahead log holds what it had."""

    part = PART_PROMETHEUS
    title = "Prometheus"

    def __init__(self, server: PrometheusServer) -> None:
        self._server = server

    def alive(self) -> bool:
        return self._server.alive()

    def ending(self) -> str:
        return self._server.ending()

    def answers(self) -> bool:
        return answers(self._server.address, "/-/ready")

    def begin(self) -> None:
        self._server.begin()

    def kill(self) -> None:
        self._server.stop(timeout=0.0)


def answers(address: str, path: str) -> bool:
    """Whether an HTTP server there answers with 200 within a second."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
