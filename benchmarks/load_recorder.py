"""Cost of recording one request: ours against client_python's ``labels().observe()``, both called as Locust calls them.

Both listeners get Locust's keyword arguments in turns of one loop, so the machine's mood is the same for both; the best
turn of each counts, which is the one that was disturbed least.
"""

from __future__ import annotations

import sys
import timeit
from typing import Any

from prometheus_client import CollectorRegistry, Histogram

from exporters.load_histogram import edges
from exporters.load_recorder import Recorder

Row = tuple[str, float, str, str, bool]

_CALLS = 20_000
_TURNS = 25
_NAMES = 20
GOAL_RATIO = 0.5


def run() -> list[Row]:
    """About five seconds."""
    bounds = edges([0.8, 2.0])
    recorder = Recorder(bounds)
    theirs = Histogram(
        "request_seconds", "-", ["method", "name", "outcome"], buckets=bounds, registry=CollectorRegistry()
    )

    def observe(request_type: str, name: str, response_time: float, exception: object = None, **_: Any) -> None:
        theirs.labels(request_type, name, "error" if exception else "ok").observe(response_time / 1000)

    best = {"ours": float("inf"), "theirs": float("inf")}
    for turn in range(_TURNS):
        event = {
            "request_type": "GET",
            "name": f"/name/{turn % _NAMES}",
            "context": {},
            "response": object(),
            "exception": None,
            "start_time": 1.0,
            "url": "http://127.0.0.1/",
            "response_length": 512,
            "response_time": 10.0 + 7 * turn,
        }
        for label, listener in (("ours", recorder.record), ("theirs", observe)):
            spent = timeit.timeit("f(**e)", globals={"f": listener, "e": event}, number=_CALLS)
            best[label] = min(best[label], spent / _CALLS * 1e6)
    ratio = best["ours"] / best["theirs"]
    return [
        ("cost per recorded request", best["ours"], "us", "", True),
        ("client_python labels().observe()", best["theirs"], "us", "", True),
        ("recorder over client_python", ratio, "ratio", f"<= {GOAL_RATIO}", ratio <= GOAL_RATIO),
    ]


if __name__ == "__main__":
    for row in run():
        sys.stdout.write(f"{row}\n")
