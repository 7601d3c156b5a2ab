"""A worker of the open model dies, and its successor joins: how long until the rate is the plan's again?

200 arrivals a second, evenly spaced, on two workers; counted by the server every 0.1 s, since a process that dies takes
its counters with it. One worker is killed (SIGKILL), five times over. *Restored* is the first moment from which three
successive seconds each bring 97 % of the rate. The join: seconds below 97 % of the rate after that, while the new
worker comes up and takes its share.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks._running_load import RunningLoad, poll
from harness.plan.model import Stage

Row = tuple[str, float, str, str, bool | None]

RATE = 200.0
GOAL = 5.0
_ROUNDS = 5
_WARMUP = 15.0
_AFTER = 25.0  # seconds watched after each kill: a worker needs some to come up
_BIN = 0.1
_LEAST = 0.97
_LASTING = 3  # seconds
_LENGTH = _WARMUP + _ROUNDS * (_AFTER + 8) + 120


def run() -> list[Row]:
    """Two and a half minutes."""
    restored, joined = [], []
    with contextlib.ExitStack() as stack:
        counts = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loss-"))) / "counts"
        server = ("-m", "benchmarks.load_worker_loss", "--server", str(counts))
        stage = Stage(duration=_LENGTH, rate=RATE)
        load = RunningLoad(stack, server, stage, model="open", spacing="even", workers=2, slots=80)
        poll([load], _WARMUP)
        for _ in range(_ROUNDS):
            _settle(load, counts)
            killed = time.monotonic()
            _worker(2).kill()
            poll([load], _AFTER)
            times, made = _read(counts)
            first = restoration(times, made, killed)
            restored.append(first)
            joined.append(disturbance(times, made, killed + first))
    return [
        (f"a worker died: rate restored after, median of {_ROUNDS}", statistics.median(restored), "s", "", None),
        ("the longest", max(restored), "s", f"<= {GOAL:g} s", max(restored) <= GOAL),
        ("its successor joined: seconds below 97 % of the rate, the most", max(joined), "s", f"<= {GOAL:g} s",
         max(joined) <= GOAL),
    ]  # fmt: skip


def restoration(times: NDArray[np.float64], made: NDArray[np.float64], killed: float) -> float:
    """Seconds from the kill to where the rate is the plan's again; inf when it never is.

    Args:
        times: ends of the bins, unix or monotonic seconds; made: requests in each.
    """
    for start in np.arange(0.0, times[-1] - killed - _LASTING, _BIN):
        moments = killed + start + np.arange(_LASTING)
        if all(_made(times, made, one, one + 1.0) >= _LEAST * RATE for one in moments):
            return float(start)
    return float("inf")


def disturbance(times: NDArray[np.float64], made: NDArray[np.float64], since: float) -> float:
    """Seconds, in whole ones, in which less than 97 % of the rate was made after ``since``."""
    if not np.isfinite(since):
        return float("inf")
    moments = np.arange(since, times[-1] - 1.0, 1.0)
    return float(sum(_made(times, made, float(one), float(one) + 1.0) < _LEAST * RATE for one in moments))


def _made(times: NDArray[np.float64], made: NDArray[np.float64], start: float, end: float) -> float:
    return float(made[(times > start) & (times <= end)].sum())


def _settle(load: RunningLoad, counts: Path) -> None:
    """Until three seconds on end brought what the plan wants of them."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        poll([load], 1.0)
        times, made = _read(counts)
        now = float(times[-1])
        if all(_made(times, made, now - k - 1, now - k) >= _LEAST * RATE for k in range(_LASTING)):
            return
    raise RuntimeError(f"the load never came to {RATE:g} arrivals per second")


def _read(counts: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = [line.split() for line in counts.read_text().splitlines(keepends=True) if line.endswith("\n")]
    times, made = np.array([[float(a), float(b)] for a, b in rows]).T
    return times, made


def _worker(number: int) -> psutil.Process:
    """This benchmark's own Locust worker."""
    found: list[psutil.Process] = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(f'"locust-worker-{number}"' in value for value in child.environ().values()):
                found.append(child)
    if not found:
        raise RuntimeError(f"locust-worker-{number} does not run")
    return found[0]


def _server(counts: Path) -> None:
    """Answers at once, and writes every 0.1 s how many it answered."""
    import gevent
    from gevent.server import StreamServer

    seen = 0

    def serve(connection: Any, _: object) -> None:
        nonlocal seen
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                seen += 1
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def write(into: Callable[[str], Any]) -> None:
        nonlocal seen
        due = time.monotonic()
        while True:
            due += _BIN
            gevent.sleep(max(0.0, due - time.monotonic()))
            took, seen = seen, 0
            into(f"{time.monotonic():.4f} {took}\n")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    with counts.open("w", buffering=1) as file:
        gevent.spawn(write, file.write)
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    if "--server" in sys.argv:
        _server(Path(sys.argv[-1]))
    else:
        for row in run():
            sys.stdout.write(f"{row}\n")
