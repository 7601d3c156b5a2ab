"""What a scrape of 200 names does to the event loop of a Locust process.

A child process serves a full exporter (200 names x 2 outcomes x 64 buckets) on gevent; this process scrapes it. The
child notes at every greenlet switch how much CPU time its thread spent since the last: the longest stretch in which the
exporter's greenlets or the loop itself ran without giving way. Beside it stands how late a 5 ms sleeper woke while
scraped, and while idle, which is the machine's own share.

A virtual machine charges a thread for time that the host took from it: plain arithmetic of 0.7 ms now and then costs
4 ms of thread CPU. The longest slice is therefore the median of several rounds, each its own process: a slice that the
exporter makes too long is too long in every round, the host's thefts are not. The longest of all rounds and the longest
stretch of that plain arithmetic stand beside it.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import time
import urllib.request
from statistics import median
from typing import Any

Row = tuple[str, float, str, str, bool | None]

NAMES = 200
ROUNDS = 5
SCRAPES = 30
GOAL_SLICE_MS = 2.0
_PHASE = 3.0  # seconds of each phase
_IDLE_SLICE = 5e-5  # seconds
_STRETCHES = 1000  # of plain arithmetic, about as many as the slices of 30 scrapes
_STRETCH = 0.0007  # seconds each, about the p99 of the slices


def measure() -> dict[str, float]:
    """Figures of one round of 30 scrapes.

    Times in ms: slice_max and slice_p99 (stretches of thread CPU), work (thread CPU of one scrape, all slices),
    arithmetic_max (the longest of 1,000 stretches of plain arithmetic of 0.7 ms, in thread CPU), delay_p99 and
    delay_max (a sleeper while scraped), idle_p99 and idle_max; also series and bytes of a scrape.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load_scrape", "--child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        time.sleep(_PHASE)
        _say(child, "scraping")
        spent = []
        text = b""
        for _ in range(SCRAPES):
            began = time.perf_counter()
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/metrics", timeout=30
            ) as answer:
                text = answer.read()
            spent.append(time.perf_counter() - began)
            time.sleep(_PHASE / SCRAPES)
        _say(child, "end")
        found: dict[str, float] = json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait()
    found["series"] = sum(not line.startswith(b"#") for line in text.splitlines())
    found["bytes"] = len(text)
    found["scrape_ms"] = sorted(spent)[len(spent) // 2] * 1000
    return found


def _say(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdin is not None
    child.stdin.write(word + "\n")
    child.stdin.flush()


def run() -> list[Row]:
    """About a minute."""
    rounds = [measure() for _ in range(ROUNDS)]
    found = {key: median(one[key] for one in rounds) for key in rounds[0]}
    return [
        ("series in the scrape", found["series"], "count", "", None),
        ("time of a scrape, median", found["scrape_ms"], "ms", "", None),
        (
            f"longest slice of exporter work, thread CPU, median of {ROUNDS} rounds",
            found["slice_max"],
            "ms",
            f"<= {GOAL_SLICE_MS:g} ms",
            found["slice_max"] <= GOAL_SLICE_MS,
        ),
        ("longest slice of all rounds, thread CPU", max(one["slice_max"] for one in rounds), "ms", "", None),
        (
            "longest of plain arithmetic of 0.7 ms, all rounds",
            max(one["arithmetic_max"] for one in rounds),
            "ms",
            "",
            True,
        ),
        ("p99 of the slices, thread CPU", found["slice_p99"], "ms", "", None),
        ("loop delay while scraped, p99", found["delay_p99"], "ms", "", None),
        ("loop delay while idle, p99", found["idle_p99"], "ms", "", None),
        ("loop delay while scraped, longest", found["delay_max"], "ms", "", None),
        ("loop delay while idle, longest", found["idle_max"], "ms", "", None),
    ]


def _p99(values: list[float]) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[int(len(ordered) * 0.99)]


def _longest_arithmetic() -> float:
    """Seconds of thread CPU of the longest of equal stretches of arithmetic: what the machine adds to any slice."""

    def stretch(turns: int) -> float:
        began = time.thread_time()
        for number in range(turns):
            _ = number * number
        return time.thread_time() - began

    turns = int(10_000 * _STRETCH / median(stretch(10_000) for _ in range(50)))
    longest = 0.0
    for _ in range(_STRETCHES):
        longest = max(longest, stretch(turns))
        time.sleep(_PHASE / _STRETCHES)
    return longest


def _child() -> None:
    import gevent
    import greenlet
    from gevent.fileobject import FileObject

    from exporters.load_histogram import edges
    from exporters.load_recorder import Recorder
    from exporters.load_server import LoadServer

    recorder = Recorder(edges([0.8, 2.0]))
    draw = random.Random(1)  # noqa: S311 - no secret
    for number in range(NAMES):
        for _ in range(100):
            recorder.record(
                request_type="GET",
                name=f"/some/longer/path/of/a/real/service/{number}",
                response_time=draw.expovariate(1 / 200),
                response_length=512,
                exception=None if draw.random() < 0.9 else TimeoutError(),
            )
    # As in a Locust child of the harness (harness.load.plumbing).
    gc.collect()
    gc.freeze()
    server = LoadServer(recorder)
    port = server.start()
    delays: list[float] = []

    def meter() -> None:
        while True:
            began = time.perf_counter()
            gevent.sleep(0.005)
            delays.append((time.perf_counter() - began - 0.005) * 1000)

    ours = {greenlet.getcurrent(), gevent.spawn(meter)}
    state = {"since": time.thread_time()}
    slices: list[float] = []

    def trace(event: str, args: Any) -> None:
        now = time.thread_time()
        origin, _ = args
        if origin not in ours:  # the exporter's greenlets and the loop
            slices.append(now - state["since"])
        state["since"] = time.thread_time()

    def summary() -> tuple[float, float]:
        found = _p99(delays), max(delays, default=0.0)
        delays.clear()
        return found

    lines = FileObject(sys.stdin.buffer, "rb")
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    lines.readline()
    idle = summary()
    greenlet.settrace(trace)
    lines.readline()
    greenlet.settrace(None)
    busy = summary()
    arithmetic = _longest_arithmetic()
    found = {
        "arithmetic_max": arithmetic * 1000,
        "slice_max": max(slices) * 1000,
        # Of those that did something: most switches are the loop's own, and take microseconds.
        "slice_p99": _p99([s for s in slices if s > _IDLE_SLICE]) * 1000,
        "work": sum(slices) / SCRAPES * 1000,
        "delay_p99": busy[0],
        "delay_max": busy[1],
        "idle_p99": idle[0],
        "idle_max": idle[1],
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if "--child" in sys.argv:
        _child()
    else:
        for row in run():
            sys.stdout.write(f"{row}\n")
