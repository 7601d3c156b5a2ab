"""A target whose answers do not end, are too long or are no text: each request is counted, as what it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from harness.selftest.hostile_target import served

SOON, LATE = "1.5", "90"  # seconds: what must come to an end, and what must have time on any machine
MOST_BODY = 20_000_000
ENDS = 100  # seconds of one call; without the limits it is never over
WHOLE = {"/good": 2, "/large": 10 * 1024 * 1024, "/odd-text": 19}
FAILED = {
    "/dripping-headers": "timeout", "/dripping-body": "timeout",
    "/endless-headers": "connection", "/endless-line": "connection", "/endless-body": "validation",
    "/bomb": "validation", "/odd-failure": "status",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    with served() as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def came_to(hostile: str) -> dict[str, Any]:
    dripping = [path for path in FAILED if path.startswith("/dripping")]
    others = [path for path in (*WHOLE, *FAILED, "/odd-encoding") if path not in dripping]
    return asked(hostile, SOON, dripping) | asked(hostile, LATE, others)


def asked(url: str, seconds: str, paths: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.load.answers_probe", url, seconds, str(MOST_BODY), *paths]
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


def test_the_way_out_is_told(came_to: dict[str, Any]) -> None:
    for client in ("plain", "fast"):
        assert "read it with stream=True" in came_to[f"{client} /endless-body"]["text"]


def test_memory_is_bounded(came_to: dict[str, Any]) -> None:
    assert came_to["peak bytes"] < 500e6


def test_what_is_packed_is_unpacked_piece_by_piece() -> None:
    command = [sys.executable, "-m", "tests.load.unpacking_probe"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ENDS, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
