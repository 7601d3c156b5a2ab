"""The sidecar: watches processes, containers, databases and Redis next to the target, and serves /metrics.

    python -m exporters.sidecar --config FILE.json [--port-file FILE] [--exit-with-parent] [--watch] [--listen ADDRESS]

Listens on loopback unless the configuration or --listen says otherwise, needs no privilege but the target's user, ends
promptly on SIGTERM and SIGINT with exit 0; a configuration that cannot be used is exit 2, an address in use exit 1.
With --watch it stands: it waits for its configuration and takes each new one (``exporters.sidecar_standing``).
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

from exporters.machine_info import MachineCollector, machine_id
from exporters.sidecar_collector import SidecarCollector
from exporters.sidecar_config import DEFAULT_LISTEN, ConfigError, load_config, parse_listen
from exporters.sidecar_standing import StandingCollector

# The first readings get this long before the port is told, so that the first scrape is complete.
FIRST_READINGS_SECONDS = 2.0
STOP_SECONDS = 1.0
PARENT_SECONDS = 1.0

log = logging.getLogger(__name__)


@contextlib.contextmanager
def serving(host: str, port: int, collector: SidecarCollector | StandingCollector) -> Iterator[int]:
    """Runs collectors and HTTP server; yields the port. Raises OSError when the address cannot be had."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(MachineCollector(machine_id()))
    registry.register(collector)
    server, thread = start_http_server(port, host, registry)
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
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    collector: SidecarCollector | StandingCollector
    try:
        if options.watch:
            host, port = parse_listen(options.listen or DEFAULT_LISTEN)
            collector = StandingCollector(options.config)
        else:
            config = load_config(options.config)
            host, port = parse_listen(options.listen) if options.listen else (config.host, config.port)
            collector = SidecarCollector(config)
            log.info("sidecar of stack %s, every %g s", config.stack, config.interval)
    except ConfigError as error:
        sys.stderr.write(f"sidecar: {error}\n")
        return 2
    try:
        with serving(host, port, collector) as bound:
            if options.port_file is not None:
                _write_port(options.port_file, bound)
            log.info("the sidecar listens on %s:%d", host, bound)
            while not stopped.wait(PARENT_SECONDS if options.exit_with_parent or options.watch else None):
                if options.exit_with_parent and os.getppid() != parent:
                    log.warning("the parent process has gone; the sidecar ends too")
                    break
                if isinstance(collector, StandingCollector):
                    collector.look()
    except OSError as error:
        sys.stderr.write(f"sidecar: cannot listen on {host}:{port}: {error.strerror or error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sidecar", description="Serves metrics of what stands beside the target.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration, JSON")
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once the metrics are ready")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when the process that started this one ends"
    )
    parser.add_argument("--watch", action="store_true", help="wait for the configuration, and take each new one")
    parser.add_argument("--listen", metavar="HOST:PORT", help="wins over the configuration")
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
