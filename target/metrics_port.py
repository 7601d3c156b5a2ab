"""/metrics on a port of its own, answered by a thread of its own in every worker.

A service whose request threads all wait for something cannot answer on its own port, and then the metrics that would
say what they wait for are missing just when they matter. The master listens, the workers inherit the socket: whichever
is free answers for all of them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_BACKLOG = 16


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket, to be opened before the workers are forked. Raises OSError when the port is taken."""
    server = socket.socket()
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(_BACKLOG)
    except OSError:
        server.close()
        raise
    return server


def serve(listening: socket.socket, registry: Callable[[], CollectorRegistry]) -> WSGIServer:
    """Answers scrapes on the socket from a daemon thread; call it after the fork: threads do not survive one."""
    # Not at the top: gunicorn.conf.py imports this before it tells prometheus_client where processes share metrics.
    from prometheus_client import make_wsgi_app
    from prometheus_client.exposition import ThreadingWSGIServer, _SilentHandler

    host, port = listening.getsockname()
    server = ThreadingWSGIServer((host, port), _SilentHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = host, port
    server.setup_environ()
    server.set_app(make_wsgi_app(registry()))
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
