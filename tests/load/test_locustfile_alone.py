"""Locust itself, as a subprocess, with our locustfile against a real Mingus."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from tests.servers import ROOT, Stack, free_port, mingus_server, redis_server, start_postgres

LOCUSTFILE = "harness/load/locustfile.py"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    work = tmp_path_factory.mktemp("alone")
    with (
        start_postgres(work) as database,
        redis_server(work) as cache,
        mingus_server(work, database, cache.url, fault_token="break") as mingus,
    ):
        yield Stack(database, cache, mingus)


def run_locust(
    host: str | None, tmp_path: Path, *args: str, users: int = 10, seconds: int = 4, **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--headless", "-u", str(users), "-r",
               str(max(1, users)), "-t", f"{seconds}s", "--csv", str(tmp_path / "out"), *args]  # fmt: skip
    if host:
        command += ["--host", host]
    # A generous limit: these tests share their machine; the rule itself is tested apart.
    env = {**os.environ, "TARGET_P95_MS": "9000", **environ}
    env.pop("HARNESS_LOAD_CONFIG", None)
    env.update(environ)
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90)


def stats(tmp_path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (tmp_path / "out_stats.csv").open() as file:
        return {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}


def failures(tmp_path: Path) -> dict[tuple[str, str], str]:
    with (tmp_path / "out_failures.csv").open() as file:
        return {(row["Method"], row["Name"]): row["Error"] for row in csv.DictReader(file)}


def test_every_journey_is_made_and_valid(stack: Stack, tmp_path: Path) -> None:
    done = run_locust(stack.mingus.url, tmp_path, users=50, seconds=10)
    assert done.returncode == 0, done.stderr[-2000:]
    made = stats(tmp_path)
    expected = {
        ("POST", "/register"), ("POST", "/login"), ("GET", "/dashboard"), ("PUT", "/profile"), ("GET", "/features"),
        ("GET", "/subscription"), ("GET", "/health"), ("GET", "/system/health"), ("POST", "/logout"),
    }  # fmt: skip
    assert set(made) - {("", "Aggregated")} == expected
    for name in expected:
        assert int(made[name]["Request Count"]) >= 1, name
        assert int(made[name]["Failure Count"]) == 0, name
    assert int(made["GET", "/dashboard"]["Request Count"]) > int(made["GET", "/features"]["Request Count"])


def test_registrations_stop_at_the_limit_and_become_log_ins(stack: Stack, tmp_path: Path) -> None:
    def count() -> int:
        with psycopg.connect(stack.database_url) as connection:
            return int(connection.execute("SELECT count(*) FROM users").fetchone()[0])  # type: ignore[index]

    before = count()
    config = json.dumps({"max_users": 3, "seed": 5, "workers": 1})
    done = run_locust(stack.mingus.url, tmp_path, users=8, seconds=6, HARNESS_LOAD_CONFIG=config, TARGET_P95_MS="0.01")
    # Under the harness, which judges by itself, Locust's exit code is no verdict.
    assert done.returncode == 0, done.stderr[-2000:]
    assert "TARGET_P95_MS" not in done.stderr
    made = stats(tmp_path)
    assert count() - before == 3
    assert int(made["POST", "/register"]["Request Count"]) >= 3
    assert int(made["POST", "/login"]["Request Count"]) >= 3
    assert int(made["", "Aggregated"]["Failure Count"]) == 0, failures(tmp_path)


def test_workers_share_the_accounts_and_never_an_address(stack: Stack, tmp_path: Path) -> None:
    port = str(free_port())
    with psycopg.connect(stack.database_url) as connection:
        before = connection.execute("SELECT count(*) FROM users").fetchone()
    config = json.dumps({"max_users": 5, "seed": 3})
    env = {**os.environ, "TARGET_P95_MS": "9000", "HARNESS_LOAD_CONFIG": config}
    common = [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--host", stack.mingus.url]
    workers = [
        subprocess.Popen(
            [*common, "--worker", "--master-port", port],
            cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        done = run_locust(
            stack.mingus.url, tmp_path, "--master", "--master-bind-port", port, "--expect-workers", "2", users=12
        )
    finally:
        for worker in workers:
            worker.wait(20)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(stats(tmp_path)["", "Aggregated"]["Failure Count"]) == 0
    with psycopg.connect(stack.database_url) as connection:
        after = connection.execute("SELECT count(*) FROM users").fetchone()
    assert before is not None and after is not None
    assert after[0] - before[0] == 5, "three accounts of one worker, two of the other, shared by twelve users"


def test_an_expired_token_logs_in_again_without_a_failure(stack: Stack, tmp_path: Path) -> None:
    with mingus_server(
        tmp_path, stack.database_url, stack.redis.url, workers=1, environ={"MINGUS_SESSION_TTL": "1"}
    ) as short:
        done = run_locust(short.url, tmp_path, users=10, seconds=9)
    assert done.returncode == 0, done.stderr[-2000:]
    made = stats(tmp_path)
    assert int(made["", "Aggregated"]["Failure Count"]) == 0, failures(tmp_path)
    # Everybody who arrives registers and logs in once; each further log-in followed an expired token.
    assert int(made["POST", "/login"]["Request Count"]) > int(made["POST", "/register"]["Request Count"])


def test_errors_of_the_target_fail_the_run(stack: Stack, tmp_path: Path) -> None:
    guard = {"Authorization": "Bearer break"}
    stack.mingus.post("/faults", {"faults": ["error_burst:ratio=0.2"]}, headers=guard)
    try:
        done = run_locust(stack.mingus.url, tmp_path, users=15, seconds=3)
    finally:
        stack.mingus.post("/faults", {"faults": []}, headers=guard)
    assert done.returncode == 1
    assert "of the requests failed, more than 1%" in done.stderr
    assert any("500" in error for error in failures(tmp_path).values())


def test_a_slow_target_fails_the_run(stack: Stack, tmp_path: Path) -> None:
    done = run_locust(stack.mingus.url, tmp_path, seconds=5, TARGET_P95_MS="0.01")  # time for an answer anywhere
    assert done.returncode == 1
    assert "exceeds TARGET_P95_MS 0.01 ms" in done.stderr


def test_no_request_is_no_pass(stack: Stack, tmp_path: Path) -> None:
    done = run_locust(stack.mingus.url, tmp_path, users=0, seconds=2)
    assert done.returncode == 1
    assert "no request was made" in done.stderr


def test_an_unreachable_target_fails_the_run(tmp_path: Path) -> None:
    done = run_locust(None, tmp_path, seconds=2, TEST_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "100.00% of the requests failed" in done.stderr


@pytest.mark.parametrize(("variable", "value"), [("PCT_MOBILE", "1.5"), ("PCT_MOBILE", "x"), ("TARGET_P95_MS", "-1")])
def test_a_wrong_variable_ends_the_run_with_its_name(variable: str, value: str, tmp_path: Path) -> None:
    done = run_locust("http://127.0.0.1:1", tmp_path, seconds=1, **{variable: value})
    assert done.returncode == 1
    assert f"{variable}='{value}' must be a number" in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def lying_server(answer: Callable[[str, str], tuple[int, object]]) -> Iterator[str]:
    """A server that answers what it likes: (method, path) -> (status, JSON body or raw text)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answer(self.command, self.path)
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = reply

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_right_status_with_a_wrong_body_is_a_validation_failure(tmp_path: Path) -> None:
    def answer(method: str, path: str) -> tuple[int, object]:
        return {"/register": (201, {"user_id": 1, "email": "other@example.com"}), "/health": (200, "<html>")}.get(
            path, (302, {})
        )

    with lying_server(answer) as url:
        done = run_locust(url, tmp_path, users=10, seconds=5)
    assert done.returncode == 1
    seen = failures(tmp_path)
    assert "ResponseInvalid" in seen["POST", "/register"]
    assert "another user's e-mail address" in seen["POST", "/register"]
    assert "ResponseInvalid" in seen["GET", "/health"] and "not JSON" in seen["GET", "/health"]


def test_a_token_refused_before_its_end_is_a_failure(tmp_path: Path) -> None:
    registered: list[str] = []

    def answer(method: str, path: str) -> tuple[int, object]:
        if path == "/register":
            registered.append(path)
            return 409, {}
        if path == "/login":
            return 200, {"token": "x" * 32, "expires_in": 3600}
        return 401, {"error": "no"}

    # Registration is refused, so nobody gets in: every answer is a failure, and the address is tried again.
    with lying_server(answer) as url:
        run_locust(url, tmp_path, users=3, seconds=4)
    seen = failures(tmp_path)
    assert "409" in seen["POST", "/register"]
    # The second try accepts 409 (the first may have got through), logs in, and the early 401 is a failure.
    assert any("401" in error for (_, name), error in seen.items() if name != "/register")
