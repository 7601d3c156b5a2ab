"""A with-block that an exception leaves: its request is counted all the same, as what it was."""

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
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.exception import RescheduleTask, StopUser
from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS
from harness.load.with_blocks import count_left_blocks

if sys.argv[2] == "ours":
    count_left_blocks()
user = SimpleNamespace(context=dict)
found = []

def ask(make, path, act):
    hook, told = EventHook(), []
    hook.add_listener(lambda **event: told.append(event))
    raised = ""
    try:
        with make(sys.argv[1], hook, user).get(path, catch_response=True) as answer:
            act(answer)
    except BaseException as error:
        raised = type(error).__name__
    kinds = ["" if e["exception"] is None else ERROR_KINDS[error_kind(e["exception"], e["response"])] for e in told]
    found.append([raised, kinds])

def read(answer):
    return answer.json()["token"]

def check(answer):
    assert "token" in answer.text

def go_on(answer):
    raise RescheduleTask()

def failed(answer):
    answer.failure("no token")
    raise LookupError("no token")

def well(answer):
    answer.success()

for make in (HttpSession, FastHttpSession):
    for path, act in [("/ok", read), ("/ok", check), ("/status", read), ("/status", go_on), ("/ok", go_on),
                      ("/ok", failed), ("/status", well), ("/ok", str)]:
        ask(make, path, act)
print(json.dumps(found))
"""
COUNTED = [
    ["JSONDecodeError", ["validation"]],
    ["AssertionError", ["validation"]],
    ["JSONDecodeError", ["status"]],
    ["RescheduleTask", ["status"]],
    ["RescheduleTask", [""]],
    ["LookupError", ["validation"]],
    ["", [""]],
    ["", [""]],
]


def asked(url: str, whose: str) -> list[list[object]]:
    command = [sys.executable, "-c", PROGRAM, url, whose]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("client", [0, 1], ids=["plain", "fast"])
def test_each_request_is_counted_once_and_its_exception_goes_on(http_target: HttpTarget, client: int) -> None:
    assert asked(http_target.url, "ours")[8 * client : 8 * (client + 1)] == COUNTED


def test_locust_itself_forgets_them(http_target: HttpTarget) -> None:
    """When it does not any more, the patch may go."""
    alone = asked(http_target.url, "locust's")
    assert [counted for _, counted in alone[:5]] == [counted for _, counted in alone[8:13]] == [[]] * 5
