"""Locust's statistics and our record share one listener, and neither loses a request by the other."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

# Importing Locust patches the process: it is done in one of its own.
PRELUDE = """
import json
from locust.env import Environment
from harness.load.request_listener import listen

environment = Environment(user_classes=[])
hook = environment.events.request
recorded = []
request = dict(request_type="GET", name="/a", response_time=12.5, response_length=7, exception=None,
               response=None, context={}, start_time=1.0, url="http://localhost/a")
"""


def run(program: str) -> Any:
    source = PRELUDE + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_count_each_request_once_and_failures_too() -> None:
    assert run("""
        runner = environment.create_local_runner()
        listen(hook, lambda *given: recorded.append(given))
        hook.fire(**request)
        hook.fire(**{**request, "exception": ValueError("no"), "response_time": 3.0})
        total = runner.stats.total
        print(json.dumps([len(hook._handlers), total.num_requests, total.num_failures, total.total_response_time,
                          total.total_content_length, [given[:4] for given in recorded], repr(recorded[1][4])]))
    """) == [1, 2, 1, 15.5, 14, [["GET", "/a", 12.5, 7], ["GET", "/a", 3.0, 7]], "ValueError('no')"]


def test_neither_s_failure_keeps_the_other_from_its_count() -> None:
    assert run("""
        runner = environment.create_local_runner()
        def broken(*given):
            recorded.append(given)
            raise RuntimeError("ours")
        listen(hook, broken)
        hook.fire(**request)
        hook.fire(**{**request, "response_time": "no number"})
        print(json.dumps([runner.stats.total.num_requests, len(recorded)]))
    """) == [2, 2]


def test_without_locust_s_own_listener_every_request_is_recorded_all_the_same() -> None:
    assert run("""
        listen(hook, lambda *given: recorded.append(given[:4]))
        hook.fire(**request)
        hook.fire(name="/b", request_type="GET")
        print(json.dumps(recorded))
    """) == [["GET", "/a", 12.5, 7], ["GET", "/b", None, 0]]


def test_a_later_locust_that_counts_elsewhere_would_be_noticed_here() -> None:
    assert (
        run("""
        environment.create_local_runner()
        (own,) = hook._handlers
        listen(hook, lambda *given: None)
        print(json.dumps(own in hook._handlers))
    """)
        is False
    )
