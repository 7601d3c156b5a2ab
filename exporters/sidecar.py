"""The sidecar: watches processes, containers, databases and Redis next to the target, and serves /metrics.

    python -m exporters.sidecar --config FILE.json [--port-file FILE] [--exit-with-parent]

Listens on loopback unless the configuration says otherwise, needs no privilege but the target's user, ends promptly on
SIGTERM and SIGINT with exit 0; a configuration that cannot be used is exit 2, an address in use exit 1.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from exporters.sidecar_collector import SidecarCollector
from exporters.sidecar_config import ConfigError, SidecarConfig, load_config

# The first readings get this long before the port is told, so that the first scrape is complete.
FIRST_READINGS_SECONDS = 2.0
STOP_SECONDS = 1.0
PARENT_SECONDS = 1.0

log = logging.getLogger(__name__)


@contextlib.contextmanager
def serving(config: SidecarConfig) -> Iterator[int]:
    """Runs collectors and HTTP server; yields the port. Raises OSError when the address cannot be had."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    collector = SidecarCollector(config)
    registry.register(collector)
    server, thread = start_http_server(config.port, config.host, registry)
    try:
        collector.start(patience=FIRST_READINGS_SECONDS)
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(STOP_SECONDS)
        collector.stop(patience=STOP_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """The process; returns its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    parent = os.getppid()
    try:
        config = load_config(options.config)
    except ConfigError as error:
        sys.stderr.write(f"sidecar: {error}\n")
        return 2
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with serving(config) as port:
            if options.port_file is not None:
                _write_port(options.port_file, port)
            log.info(
                "sidecar of stack %s listens on %s:%d, every %g s", config.stack, config.host, port, config.interval
            )
            while not stopped.wait(PARENT_SECONDS if options.exit_with_parent else None):
                if os.getppid() != parent:
                    log.warning("the parent process has gone; the sidecar ends too")
                    break
    except OSError as error:
        sys.stderr.write(f"sidecar: cannot listen on {config.host}:{config.port}: {error.strerror or error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sidecar", description="Serves metrics of what stands beside the target.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration, JSON")
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once the metrics are ready")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when the process that started this one ends"
    )
    return parser


def _write_port(path: Path, port: int) -> None:
    """Whole or not at all: who waits for the file never reads half a number."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{port}\n")
    Path(temporary).replace(path)


if __name__ == "__main__":
    # Not sys.exit: the interpreter's own ending would meet threads that hang in a read.
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
