"""Latency from the intended start: what is added to which request, and users of a constant pace."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

# Importing Locust patches the process: it is done in one of its own.
PRELUDE = """
import json
import time
import gevent
from locust import SequentialTaskSet, TaskSet, User, between, constant, constant_pacing, constant_throughput, task
from locust.env import Environment
from harness.load import open_model

recorded = []
listener = open_model.from_intended_start(lambda method, name, took: recorded.append(took))
"""


def run(program: str) -> Any:
    source = PRELUDE + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_the_first_request_of_a_late_task_counts_the_lateness() -> None:
    assert run("""
        def user():
            open_model._begin_late(0.5)
            for took in (10.0, 20.0):
                listener("GET", "/", took)
            open_model._begin_late(0.5)
            listener("GET", "/", None)
        gevent.spawn(user).join()
        listener("GET", "/", 30.0)
        print(json.dumps(recorded))
    """) == [510.0, 20.0, None, 30.0]


def test_a_constant_pace_is_found_on_users_and_on_their_task_sets() -> None:
    assert run("""
        class Set(SequentialTaskSet):
            wait_time = constant_throughput(2)
            @task
            def one(self): pass

        class Paced(User):
            wait_time = constant_pacing(1)

        class Within(User):
            wait_time = between(1, 2)
            tasks = {Set: 1}

        class Free(User):
            wait_time = constant(1)
            @task
            def one(self): pass

        class Bare(User):
            pass
        print(json.dumps([open_model.any_paced([one]) for one in (Paced, Within, Free, Bare)]))
    """) == [True, True, False, False]


def test_a_paced_user_makes_up_for_a_stall_and_counts_from_when_it_should_have_begun() -> None:
    starts, times = run("""
        starts = []

        class Paced(User):
            wait_time = constant_pacing(0.1)

            def on_start(self):
                time.sleep(0.5)  # no part of the pace

            @task
            def one(self):
                starts.append(time.perf_counter())
                if len(starts) == 3:
                    time.sleep(0.65)  # the target stalls
                listener("GET", "/", (time.perf_counter() - starts[-1]) * 1000)

        open_model.keep_pace()
        environment = Environment(user_classes=[Paced])
        environment.create_local_runner()
        environment.runner.start(1, 1)
        while len(starts) < 16:
            gevent.sleep(0.02)
        environment.runner.quit()
        print(json.dumps([starts, recorded]))
    """)
    assert starts[15] - starts[0] >= 1.49, "never ahead of the pace"
    # The third began at 0.2 s and stalled to 0.85: the fourth should have begun at 0.3, the fifth at 0.4, ... A slow
    # machine only makes them later.
    assert all(late >= least for late, least in zip(times[3:8], (540, 440, 340, 240, 140), strict=True)), times


def test_a_locustfile_may_still_wait_within_a_task() -> None:
    assert run("""
        from harness.load.arrivals import Arrivals
        from harness.plan.arrivals import RateStage, Schedule

        took = []

        class Visitor(User):
            wait_time = constant(0.3)

            @task
            def one(self):
                began = time.perf_counter()
                self._sleep_like_a_person()
                took.append(time.perf_counter() - began >= 0.29)

        class Set(TaskSet):
            @task
            def one(self):
                began = time.perf_counter()
                self.wait()
                took.append(time.perf_counter() - began >= 0.29)

        Visitor._sleep_like_a_person = lambda self: gevent.sleep(0.3)

        class Nested(User):
            wait_time = constant(0.3)
            tasks = [Set]

        arrivals = Arrivals(Schedule([RateStage(60, 20.0)], "even", 1))
        open_model.take_arrivals(arrivals)
        gevent.spawn(arrivals.run)
        environment = Environment(user_classes=[Visitor, Nested])
        environment.create_local_runner()
        environment.runner.start(20, 100)
        gevent.sleep(0.3)
        arrivals.share_out(0.0, 0, ["me"], "me")
        gevent.sleep(2)
        environment.runner.quit()
        print(json.dumps([all(took), len(took) >= 20, arrivals.started >= len(took)]))
    """) == [True, True, True]
