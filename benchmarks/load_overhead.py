"""Requests per second of a Locust process with the exporter, over without it.

One Locust process with 30 users that never wait (FastHttpUser, one core full) against a local server in another one.
Short windows with and without the exporter take turns in that one process (with, without, without, with, ...), so both
see the same connections and the same machine. In a window "with", every request is recorded, the loop's lag is
measured and what was imported is kept from the garbage collector, and every five seconds of them this process scrapes:
all that the exporter does in a run.

Two ratios: requests per second, and requests per CPU second of the Locust process, which other work on the machine
disturbs less. Each is of the sums over all windows, so that the scrapes count with their share. Its standard error is
the jackknife's over the pairs (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11).
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any

Row = tuple[str, float, str, str, bool]

GOAL = 0.98
_PAIRS = 170
_WINDOW = 0.3  # seconds
_SCRAPE_EVERY = 17  # windows with the exporter: once in five seconds, as in a run
_USERS = 30


def run() -> list[Row]:
    """Under two minutes."""
    server = _start("--server")
    try:
        assert server.stdout is not None
        locust = _start("--locust", server.stdout.readline().strip())
        try:
            found = _watch(locust)
        finally:
            locust.kill()
            locust.wait()
    finally:
        server.kill()
        server.wait()
    rate = _ratio(found["with"], found["without"], "requests", "seconds")
    per_cpu = _ratio(found["with"], found["without"], "requests", "cpu")
    without = statistics.median(w["requests"] / w["seconds"] for w in found["without"])
    return [
        ("requests per second without exporter", without, "rps", "", True),
        ("requests per second, with over without", rate, "ratio", f">= {GOAL}", rate >= GOAL),
        ("standard error of that ratio", _error(found, "requests", "seconds"), "ratio", "", True),
        ("requests per CPU second, with over without", per_cpu, "ratio", f">= {GOAL}", per_cpu >= GOAL),
        ("standard error of that ratio, CPU", _error(found, "requests", "cpu"), "ratio", "", True),
    ]


Window = dict[str, float]


def _ratio(with_: list[Window], without: list[Window], over: str, under: str) -> float:
    """The one's figure over the other's, each of all windows together."""
    rates = [sum(w[over] for w in windows) / sum(w[under] for w in windows) for windows in (with_, without)]
    return rates[0] / rates[1]


def _error(found: dict[str, list[Window]], over: str, under: str) -> float:
    """Standard error of the ratio: how far it goes when one pair of windows is left out, summed over the pairs."""
    with_, without = found["with"], found["without"]
    left_out = [
        _ratio(with_[:pair] + with_[pair + 1 :], without[:pair] + without[pair + 1 :], over, under)
        for pair in range(len(with_))
    ]
    return math.sqrt(len(left_out) - 1) * statistics.pstdev(left_out)


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.load_overhead", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _watch(locust: subprocess.Popen[str]) -> dict[str, list[Window]]:
    """Scrapes at each "scrape PORT" that the child says; returns what it found in the end."""
    assert locust.stdout is not None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for line in locust.stdout:
        if not line.startswith("scrape "):
            found: dict[str, list[Window]] = json.loads(line)
            return found
        url = f"http://127.0.0.1:{line.split()[1]}/metrics"
        threading.Thread(target=lambda url=url: opener.open(url, timeout=30).read(), daemon=True).start()
    raise RuntimeError("the Locust process ended without a result")


def _server() -> None:
    """Answers every request at once; keeps connections open."""
    from gevent.server import StreamServer

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 256\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 256

    def serve(connection: Any, _: object) -> None:
        with contextlib.suppress(ConnectionError):  # the load ends in the middle of requests
            while connection.recv(4096):
                connection.sendall(answer)

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _locust(port: str) -> None:
    import gevent
    from locust import FastHttpUser, task
    from locust.env import Environment

    from exporters.load_histogram import edges
    from exporters.load_lag import LoopLag
    from exporters.load_recorder import Recorder
    from exporters.load_server import LoadServer
    from harness.load.request_listener import listen

    class Visitor(FastHttpUser):
        host = f"http://127.0.0.1:{port}"

        @task
        def visit(self) -> None:
            for number in range(20):
                self.client.get("/", name=f"/{number}")

    environment = Environment(user_classes=[Visitor])
    runner = environment.create_local_runner()
    recorder = Recorder(edges([0.8, 2.0]))
    request = environment.events.request
    (locusts,) = request._handlers
    runner.start(_USERS, spawn_rate=_USERS)
    gevent.sleep(2)

    metrics_port = LoadServer(recorder).start()

    def window(kind: str, scraped: bool) -> Window:
        watch = None
        before = (runner.stats.num_requests, time.perf_counter(), time.process_time())
        if kind == "with":
            request_listener = listen(request, recorder.record)
            gc.freeze()
            watch = gevent.spawn(LoopLag().watch, gevent.sleep)
            if scraped:
                sys.stdout.write(f"scrape {metrics_port}\n")
                sys.stdout.flush()
        gevent.sleep(_WINDOW)
        after = (runner.stats.num_requests, time.perf_counter(), time.process_time())
        if watch is not None:
            request.remove_listener(request_listener)
            request.add_listener(locusts)
            watch.kill()
            gc.unfreeze()
        requests, seconds, cpu = (b - a for a, b in zip(before, after, strict=True))
        return {"requests": requests, "seconds": seconds, "cpu": cpu}

    found: dict[str, list[Window]] = {"with": [], "without": []}
    for pair in range(_PAIRS):
        for kind in ("with", "without") if pair % 2 else ("without", "with"):
            found[kind].append(window(kind, scraped=pair % _SCRAPE_EVERY == 0))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    runner.quit()


if __name__ == "__main__":
    if "--server" in sys.argv:
        _server()
    elif "--locust" in sys.argv:
        _locust(sys.argv[-1])
    else:
        for row in run():
            sys.stdout.write(f"{row}\n")
