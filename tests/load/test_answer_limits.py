"""A target whose answers do not end, are too long or are no text: each request is counted, as what it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

SECONDS = "1.5"
MOST_BODY = 20_000_000
ENDS = 120  # seconds; without the limits it is never over
WHOLE = {"/good": 2, "/large": 10 * 1024 * 1024, "/odd-text": 19}
FAILED = {
    "/dripping-headers": "timeout", "/dripping-body": "timeout",
    "/endless-headers": "connection", "/endless-line": "connection", "/endless-body": "validation",
    "/bomb": "validation", "/odd-failure": "status",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    command = [sys.executable, "-m", "harness.selftest.hostile_server"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    server.kill()
    server.communicate()


@pytest.fixture(scope="module")
def came_to(hostile: str) -> dict[str, Any]:
    paths = [*WHOLE, *FAILED, "/odd-encoding"]
    command = [sys.executable, "-m", "tests.load.answers_probe", hostile, SECONDS, str(MOST_BODY), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ENDS, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("client", ["plain", "fast"])
def test_what_is_whole_is_no_error(came_to: dict[str, Any], client: str) -> None:
    for path, size in WHOLE.items():
        one = came_to[f"{client} {path}"]
        assert (one["error"], one["status"], one["bytes"]) == ("", 200, size), path


@pytest.mark.parametrize("client", ["plain", "fast"])
def test_what_is_not_is_a_failed_request_of_its_kind(came_to: dict[str, Any], client: str) -> None:
    assert {path: came_to[f"{client} {path}"]["error"] for path in FAILED} == FAILED


def test_an_error_status_is_kept_whatever_its_body_is(came_to: dict[str, Any]) -> None:
    """geventhttpclient decodes the body of each error as UTF-8; what that raises, Locust does not take for a failure of
    the request: the request was counted by nobody."""
    assert came_to["fast /odd-failure"]["status"] == came_to["plain /odd-failure"]["status"] == 500


def test_an_encoding_that_nobody_knows_is_counted(came_to: dict[str, Any]) -> None:
    assert came_to["fast /odd-encoding"]["error"] == "validation"
    assert came_to["plain /odd-encoding"]["error"] == ""  # requests hands such a body over as it came


def test_the_limit_is_told(came_to: dict[str, Any]) -> None:
    assert "no whole answer within 1.5 s" in came_to["fast /dripping-body"]["text"]
    assert "no whole answer within 1.5 s" in came_to["plain /dripping-headers"]["text"]
    assert "read it with stream=True" in came_to["plain /endless-body"]["text"]


def test_memory_is_bounded(came_to: dict[str, Any]) -> None:
    assert came_to["peak bytes"] < 500e6
