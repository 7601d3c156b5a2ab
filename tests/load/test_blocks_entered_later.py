"""Answers that a locustfile asks for now and enters later, or at no time: each is counted once, as it was."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.load.load_helpers import HttpTarget

# Importing Locust patches the process: it is done in one of its own.
PROGRAM = """
import gc, json, sys
import locust
from types import SimpleNamespace
from gevent.pool import Pool
from locust import TaskSet, User
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.exception import StopUser
from locust.user.users import PytestUser
from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS
from harness.load.client_defaults import apply_defaults
from harness.load.with_blocks import MOST_OPEN, count_blocks_not_entered, count_left_blocks

url, which, act = sys.argv[1:]
gc.disable()  # what is counted must not wait for it
apply_defaults(url, {}, 1.0, None)
count_left_blocks()
count_blocks_not_entered()
hook, told = EventHook(), []

def record(request_type, name, response_time, response_length, exception, response, **_):
    told.append("" if exception is None else ERROR_KINDS[error_kind(exception, response)])

hook.add_listener(record)
make = {"plain": HttpSession, "fast": FastHttpSession}[which]
user = SimpleNamespace(
    context=dict, min_wait=None, max_wait=None, wait_function=None, environment=SimpleNamespace(web_ui=None)
)
client, many, kept = make(url, hook, user), 3 * MOST_OPEN, []

def ask(path="/ok"):
    return client.get(path, catch_response=True)

def enter(answers):
    for answer in answers:
        with answer:
            answer.failure("no")

def task(run):
    tasks = TaskSet(user)
    tasks.schedule_task(lambda _: run())
    try:
        tasks.execute_next_task()
    except Exception as error:
        told.append("raised")

def keep_many():
    kept.extend(ask() for _ in range(many))

def ask_and_break(path):
    answer = ask(path)
    answer.raise_for_status()
    raise LookupError("it breaks off")

def as_variable(path):
    answer = ask(path)
    assert answer is not None

def drop_each():
    for _ in range(many):
        answer = ask("/status")
    told.append(str(len(user.__dict__["_harness_not_entered"].answers)))

if act == "list":
    task(lambda: enter([ask() for _ in range(many)]))
elif act == "pool":
    task(lambda: enter(Pool(5).map(lambda _: ask(), range(many))))
elif act == "next task":
    task(keep_many)
    told.append("next")
    task(lambda: enter(kept))
elif act == "variable":
    for path in ("/ok", "/status", "/drop", "/hang", "http://127.0.0.1:1/"):
        task(lambda: as_variable(path))
elif act == "breaks":
    for path in ("/ok", "/status"):
        task(lambda: ask_and_break(path))
elif act == "drop":
    task(drop_each)
elif act == "user":
    class Stopped(User):
        def on_start(self):
            raise StopUser()
        def on_stop(self):
            kept.append(make(url, hook, self).get("/status", catch_response=True))
    Stopped(user.environment).run()
    told.append("ended")
    enter(kept)  # too late: it was counted
elif act == "pytest":
    def test(client):
        kept.append(client.get("/status", catch_response=True))
        raise StopUser()
    class Tests(PytestUser):
        fixture = SimpleNamespace(func=lambda self: iter([make(url, hook, self)]))
        functions = [SimpleNamespace(obj=test, fixturedef=fixture)]
    try:
        Tests(user.environment).run()
    except StopUser:
        pass
print(json.dumps(told))
"""
MANY = 60
COUNTED = {
    "list": ["validation"] * MANY,
    "pool": ["validation"] * MANY,
    "next task": ["next", *["validation"] * MANY],
    "variable": ["", "status", "connection", "timeout", "connection"],
    "breaks": ["", "raised", "status", "raised"],
    "drop": [*["status"] * (MANY - 2), "2", *["status"] * 2],
    "user": ["status", "ended"],
    "pytest": ["status"],
}


@pytest.mark.parametrize("act", COUNTED)
@pytest.mark.parametrize("client", ["plain", "fast"])
def test_each_is_counted_once_as_it_was(http_target: HttpTarget, client: str, act: str) -> None:
    command = [sys.executable, "-c", PROGRAM, http_target.url, client, act]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == COUNTED[act]
