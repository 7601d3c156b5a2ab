"""gunicorn's settings for Mingus; ``target.launch`` gives the command line and the environment."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# gunicorn -c may run from anywhere; the application must be found all the same.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from target.metrics_port import listen, serve
from target.settings import SettingsError, read_settings

try:
    _settings = read_settings(os.environ)
except SettingsError as error:
    sys.exit(f"Mingus cannot start: {error}")

workers = _settings.workers
worker_class = "gthread"
threads = _settings.threads
worker_connections = 2000
# Longer than any think time of a load: else server and client race for each idle connection, and requests fail.
keepalive = 75
timeout = 60
graceful_timeout = 3
max_requests = _settings.max_requests
max_requests_jitter = _settings.max_requests // 10
control_socket_disable = True
accesslog = None
proc_name = "mingus"
chdir = str(Path(__file__).resolve().parent.parent)

DATABASE_WAIT_SECONDS = 30.0
_owner = os.getpid()
# SIGHUP reads this file again in the same master: what workers share must outlive that, and a port is bound once.
if os.environ.get("MINGUS_STATE_OWNER") != str(_owner):
    try:
        # Detached: as an object of this module it would be closed by the next reading.
        _descriptor = listen(_settings.metrics_port, _settings.metrics_host).detach() if _settings.metrics_port else -1
    except OSError as error:
        sys.exit(f"Mingus cannot start: its metrics cannot listen on port {_settings.metrics_port}: {error.strerror}")
    os.environ["MINGUS_METRICS_DESCRIPTOR"] = str(_descriptor)
    os.environ["MINGUS_STATE_DIR"] = tempfile.mkdtemp(prefix="mingus-")
    os.environ["MINGUS_STATE_OWNER"] = str(_owner)
_state = os.environ["MINGUS_STATE_DIR"]
_metrics_descriptor = int(os.environ["MINGUS_METRICS_DESCRIPTOR"])
_metrics = Path(_state) / "metrics"
_metrics.mkdir(exist_ok=True)
# Before anything imports prometheus_client, which looks at the variable then.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)


@atexit.register
def _remove_state() -> None:
    if os.getpid() == _owner:
        shutil.rmtree(_state, ignore_errors=True)


def on_starting(server: Any) -> None:
    """Create the schema once, before the first worker; wait a while for a database that is starting too."""
    from sqlalchemy import create_engine, exc

    import target.app  # noqa: F401 - loaded here, its memory is shared by all workers
    from target.faults import parse_faults
    from target.schema import create_schema

    try:
        parse_faults(_settings.faults)
    except ValueError as error:
        sys.exit(f"Mingus cannot start: MINGUS_FAULTS: {error}")
    engine = create_engine(_settings.sqlalchemy_url, connect_args={"connect_timeout": 5})
    deadline = time.monotonic() + DATABASE_WAIT_SECONDS
    while True:
        try:
            create_schema(engine)
            break
        except exc.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"Mingus cannot start: the database does not answer: {error.orig}")
            time.sleep(0.5)
    engine.dispose()
    # What is alive now lives for ever: out of the collector's sight, its pages are not written and stay shared.
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Metrics are answered also while every request thread waits."""
    from target.multiprocess import exposition_registry

    if _metrics_descriptor >= 0:
        serve(socket.socket(fileno=_metrics_descriptor), exposition_registry)


def child_exit(server: Any, worker: Any) -> None:
    """A dead worker's metrics are folded at once; a scrape would do it too."""
    from target.multiprocess import LiveProcessCollector

    try:
        LiveProcessCollector(_metrics).fold()
    except OSError as error:
        # The next scrape tries again and then says so itself; the master must not end over it.
        server.log.warning("a dead worker's metrics could not be folded: %s", error)
