"""Does a stall of the target show? p99 of the open and of the closed model, against what theory gives.

A server answers at once, but stalls for two seconds of every thirty. At a fixed arrival rate 2/30 of all requests meet
the stall, each waits for the rest of it, evenly between 0 and 2 s: of all requests one in a hundred waits longer than
2 s - 0.01 * 30 s = 1.7 s. A closed model's user waits for its one answer and asks nothing meanwhile ("coordinated
omission", Gil Tene, How NOT to Measure Latency, 2013): a share of its requests too small for any p99 meets the stall.

Both loads run at the same time, each against a server of its own, at the same rate.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

from benchmarks._running_load import RunningLoad, increases, poll, quantile
from harness.plan.model import Stage

Row = tuple[str, float, str, str, bool]

EVERY, PAUSE = 30.0, 2.0
RATE = 40.0
THEORY = PAUSE - 0.01 * EVERY
_WARMUP = 30.0  # users are made, the workers share the arrivals out
_ROUNDS = 3
_LENGTH = _WARMUP + _ROUNDS * EVERY + 20
_USERS = 4  # of the closed model, each asking ten times a second
_EDGES = (0.001, 0.01, *(round(0.05 * n, 2) for n in range(1, 50)), 5.0, 60.0)


def run() -> list[Row]:
    """Two minutes."""
    server = ("-m", "benchmarks.load_stall", "--server")
    with contextlib.ExitStack() as stack:
        loads = {
            "open": RunningLoad(
                stack, server, Stage(duration=_LENGTH, rate=RATE), edges=_EDGES, model="open", spacing="even"
            ),
            "closed": RunningLoad(
                stack, server, Stage(duration=_LENGTH, users=_USERS), edges=_EDGES, wait=f"constant({_USERS / RATE})"
            ),
        }
        poll(loads.values(), _WARMUP)
        before = {name: load.counters() for name, load in loads.items()}
        poll(loads.values(), _ROUNDS * EVERY)
        found = {
            name: quantile(increases(before[name], load.counters()), "locust_request_duration_seconds", 0.99)
            for name, load in loads.items()
        }
    off = abs(found["open"] / THEORY - 1)
    return [
        ("p99 by theory", THEORY, "s", "", True),
        ("p99 of the open model", found["open"], "s", "", True),
        ("open model off theory", off, "ratio", "<= 0.05", off <= 0.05),
        ("p99 of the closed model", found["closed"], "s", "", True),
    ]


def _server() -> None:
    """Answers at once, but for the last two seconds of every thirty."""
    import gevent
    from gevent.server import StreamServer

    began = time.monotonic()

    def serve(connection: Any, _: object) -> None:
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                into = (time.monotonic() - began) % EVERY
                if into > EVERY - PAUSE:
                    gevent.sleep(EVERY - into)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    if "--server" in sys.argv:
        _server()
    else:
        for row in run():
            sys.stdout.write(f"{row}\n")
