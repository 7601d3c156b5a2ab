"""A request with ``catch_response=True`` and without a with-block: Locust counts none, also none that failed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.load.load_helpers import HttpTarget

# Importing Locust patches the process: it is done in one of its own.
PROGRAM = """
import json, sys
from types import SimpleNamespace
import locust
from locust import TaskSet
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS
from harness.load.with_blocks import MOST_OPEN, count_blocks_not_entered, count_left_blocks

if sys.argv[2] == "ours":
    count_left_blocks()
    count_blocks_not_entered()

def task(make, act, user):
    hook, told = EventHook(), []
    hook.add_listener(lambda **event: told.append(event))
    raised = ""
    try:
        tasks = TaskSet(user)
        tasks.schedule_task(lambda _: act(make(sys.argv[1], hook, user), told))
        tasks.execute_next_task()
    except Exception as error:
        raised = type(error).__name__
    return raised, [kind(event) for event in told]

def kind(event):
    if event is None or event["exception"] is None:
        return event and ""
    return ERROR_KINDS[error_kind(event["exception"], event["response"])]

def bare(path):
    return lambda client, told: client.get(path, catch_response=True)

def raises(client, told):
    client.get("/status", catch_response=True)
    raise LookupError("the task breaks off")

def refused(client, told):
    client.get("http://127.0.0.1:1/", catch_response=True)

def entered(client, told):
    with client.get("/ok", catch_response=True) as answer:
        assert client.get("/status").status_code >= 400
        answer.failure("no")

def entered_later(client, told):
    answers = [client.get(path, catch_response=True) for path in ("/ok", "/status")]
    for answer in answers:
        with answer:
            answer.success()

def endless(client, told):
    for _ in range(MOST_OPEN + 3):
        client.get("/ok", catch_response=True)
    told.append(None)  # those before were counted while it runs, but the last

found = []
for make in (HttpSession, FastHttpSession):
    user = SimpleNamespace(
        context=dict, min_wait=None, max_wait=None, wait_function=None, environment=SimpleNamespace(web_ui=None)
    )
    for act in (bare("/ok"), bare("/status"), refused, raises, entered, entered_later, endless):
        found.append(task(make, act, user))
    raised, kinds = found.pop()
    found.append([raised, [len(kinds), kinds.index(None)]])
    found.append([bool(getattr(user.__dict__.get("_harness_not_entered"), "answers", ())), []])
print(json.dumps(found))
"""
COUNTED = [
    ["", [""]],
    ["", ["status"]],
    ["", ["connection"]],
    ["LookupError", ["status"]],
    ["", ["status", "validation"]],
    ["", ["", ""]],
    ["", [24, 22]],
    [False, []],
]


def asked(url: str, whose: str) -> tuple[list[list[object]], str]:
    command = [sys.executable, "-c", PROGRAM, url, whose]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[object]] = json.loads(done.stdout)
    return found, done.stderr


@pytest.mark.parametrize("client", [0, 1], ids=["plain", "fast"])
def test_each_request_is_counted_once_at_its_tasks_end(http_target: HttpTarget, client: int) -> None:
    found, said = asked(http_target.url, "ours")
    assert found[8 * client : 8 * (client + 1)] == COUNTED
    assert said.count("without a with-block") == 1, "the log does not grow with the run"


def test_locust_itself_forgets_them(http_target: HttpTarget) -> None:
    """When it does not any more, the patch may go."""
    alone, _ = asked(http_target.url, "locust's")
    for client in (0, 8):
        assert [kinds for _, kinds in alone[client : client + 4]] == [[]] * 4
