"""A worker that takes the last of the machine's memory ends itself, with its reason: the kernel would end another."""

from __future__ import annotations

import logging
import subprocess
import sys
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.load.last_words import telling
from harness.load.memory_guard import EVERY, EXIT_CODE, LEAST_LEFT, LEAST_OWN, MemoryGuard
from harness.load.processes import LocustChild
from harness.load.supervisor import _how_it_ended
from harness.selftest.hostile_target import served

MUCH = 2.0**35
MIB = 2**20


@pytest.mark.parametrize(
    ("free", "own", "ends"),
    [
        (LEAST_LEFT, MUCH, False),
        (LEAST_LEFT - 1, LEAST_OWN, True),
        (LEAST_LEFT - 1, LEAST_OWN - 1, False),
        (0, MUCH, True),
    ],
)
def test_it_ends_where_little_is_left_and_much_of_it_is_its_own(
    free: float, own: float, ends: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[int] = []
    with caplog.at_level(logging.CRITICAL):
        MemoryGuard(lambda: [(free, inf)], lambda: own, ended.append).look()
    assert ended == [EXIT_CODE] * ends
    assert [record.message.startswith("out of memory, ") for record in caplog.records] == [True] * ends


@pytest.mark.parametrize(
    ("bounds", "ends"),
    [
        ([(MUCH, inf), (200 * MIB, 1024 * MIB)], False),  # a steady worker of 730 MiB in a container of its own
        ([(MUCH, inf), (64 * MIB, 1024 * MIB)], False),
        ([(MUCH, inf), (64 * MIB - 1, 1024 * MIB)], True),
        ([(MUCH, inf), (LEAST_LEFT - 1, MUCH)], True),  # a large one is as a machine
        ([(LEAST_LEFT - 1, inf), (200 * MIB, 1024 * MIB)], True),  # the machine is out of memory, not the container
    ],
)
def test_of_a_small_container_a_share_is_left(bounds: list[tuple[float, float]], ends: bool) -> None:
    ended: list[int] = []
    MemoryGuard(lambda: bounds, lambda: 730.0 * MIB, ended.append).look()
    assert ended == [EXIT_CODE] * ends


def test_it_looks_once_in_so_many_bytes() -> None:
    looked: list[int] = []

    def bounds() -> list[tuple[float, float]]:
        looked.append(1)
        return [(MUCH, inf)]

    guard = MemoryGuard(bounds, lambda: MUCH, lambda _: None)
    for _ in range(1000):
        guard.read(EVERY // 100)
    assert len(looked) == 9


# As a Locust child does: importing Locust patches the process, which ends here.
PROGRAM = """
import sys
import locust
from types import SimpleNamespace
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from harness.load import memory_guard
from harness.load.client_defaults import apply_defaults

url, which, path = sys.argv[1:]
memory_guard.LEAST_LEFT, memory_guard.LEAST_OWN = 2**60, 0
apply_defaults(url, {}, 60.0, None)
client = {"plain": HttpSession, "fast": FastHttpSession}[which](url, EventHook(), SimpleNamespace(context=dict))
print(client.get(path).status_code, flush=True)
"""


@pytest.mark.parametrize("client", ["plain", "fast"])
def test_a_large_answer_where_no_memory_is_left_ends_the_worker_and_says_why(client: str) -> None:
    def asked(path: str) -> Any:
        command = [sys.executable, "-c", PROGRAM, url, client, path]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    with served() as (port, _):
        url = f"http://127.0.0.1:{port}"
        large, small = asked("/large"), asked("/good")
    assert (large.returncode, large.stdout) == (EXIT_CODE, "")
    assert "out of memory, so it ended itself" in large.stderr and "this worker has" in large.stderr
    assert (small.returncode, small.stdout, small.stderr) == (0, "200\n", "")


def test_the_run_is_told_the_reason() -> None:
    logged = (
        "[2026-11-23 20:00:00,000] host/INFO/locust.runners: 500 users\n"
        "[2026-11-23 20:00:01,000] host/ERROR/harness.load.memory_guard: 9MiB are left on this machine\n"
        "[2026-11-23 20:00:01,000] host/CRITICAL/harness.load.memory_guard: out of memory, so it ended itself\n"
    )

    def ended(how: str) -> str:
        return _how_it_ended(cast(LocustChild, SimpleNamespace(how_it_ended=lambda: how, last_words=lambda: logged)))

    assert telling(logged) == ended(f"exit code {EXIT_CODE}") == "out of memory, so it ended itself"
    assert ended("signal SIGKILL") == "signal SIGKILL" and ended("exit code 7") == "exit code 7"
