"""Real servers for the tests: PostgreSQL, Redis and Mingus on free loopback ports, ended when the block is left.

Each is a context manager over its own directory, so tests run in parallel without meeting each other.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
import requests

from harness.run.ports import free_port
from harness.run.postgres import find_binaries
from target import launch

START_SECONDS = 30.0
STOP_SECONDS = 10.0
ROOT = Path(__file__).resolve().parent.parent


def stop(process: subprocess.Popen[bytes], sig: int = signal.SIGTERM, timeout: float = STOP_SECONDS) -> None:
    """End a child of ours: politely, then with SIGKILL; always reaped."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def wait_until(
    ready: Callable[[], bool], what: str, *, log: Path | None = None, seconds: float = START_SECONDS
) -> None:
    """Poll until ready() is true.

    Raises:
        TimeoutError: with the tail of the log, when it did not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            raise TimeoutError(f"{what} was not ready after {seconds:.0f} s\n{tail}")
        time.sleep(0.05)


@contextlib.contextmanager
def _server_directory(tmp: Path, prefix: str, user: pwd.struct_passwd | None) -> Iterator[Path]:
    """A directory the server's user can reach: below tmp when every parent lets that user through, else below /tmp."""
    if user is not None and not _reachable(tmp, user):
        with tempfile.TemporaryDirectory(prefix=prefix, dir="/tmp", ignore_cleanup_errors=True) as name:
            path = Path(name)
            os.chown(path, user.pw_uid, user.pw_gid)
            yield path
        return
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=tmp))
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _reachable(directory: Path, user: pwd.struct_passwd) -> bool:
    for parent in (directory.resolve(), *directory.resolve().parents):
        status = parent.stat()
        bit = 0o100 if status.st_uid == user.pw_uid else 0o010 if status.st_gid == user.pw_gid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: use the user the package made. None: run as ourselves."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


@dataclass
class PostgresServer:
    """A running PostgreSQL; ``url`` is postgresql://postgres@127.0.0.1:port/mingus."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def postgres_server(tmp: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """PostgreSQL with an empty database ``mingus``; settings are server parameters, e.g. {"max_connections": "20"}."""
    binaries, user = find_binaries(), _server_user()
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    port = free_port()
    with _server_directory(tmp, "pg-", user) as home:
        data, log = home / "data", home / "server.log"
        initdb = [
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        done = subprocess.run(initdb, cwd=home, capture_output=True, text=True, **identity)  # type: ignore[call-overload]
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")
        parameters = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(home),
            "fsync": "off",
            "shared_buffers": "32MB",
            **(settings or {}),
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        for key, value in parameters.items():
            command += ["-c", f"{key}={value}"]
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=home, stdout=out, stderr=out, **identity)  # type: ignore[call-overload]
        url = f"postgresql://postgres@127.0.0.1:{port}/mingus"
        try:
            wait_until(lambda: _create_database(port, process), "PostgreSQL", log=log)
            yield PostgresServer(url, port, process, log)
        finally:
            # SIGINT is PostgreSQL's "fast" shutdown: sessions are cut, no waiting for clients.
            stop(process, signal.SIGINT)


def _create_database(port: int, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"PostgreSQL ended with {process.returncode} while starting")
    try:
        with psycopg.connect(
            f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True, connect_timeout=2
        ) as connection:
            connection.execute("CREATE DATABASE mingus")
    except psycopg.OperationalError:
        return False
    return True


@contextlib.contextmanager
def start_postgres(tmp: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """As postgres_server, yielding the URL alone."""
    with postgres_server(tmp, settings=settings) as server:
        yield server.url


@dataclass
class RedisServer:
    url: str
    port: int
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def redis_server(tmp: Path, *, port: int | None = None, args: Sequence[str] = ()) -> Iterator[RedisServer]:
    """Redis without persistence; ``args`` are added to its command line."""
    port = port or free_port()
    with _server_directory(tmp, "redis-", None) as home:
        log = home / "redis.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                 "--dir", str(home), *args],
                stdout=out, stderr=out,
            )  # fmt: skip
        try:
            wait_until(lambda: _redis_answers(port), "Redis", log=log)
            yield RedisServer(f"redis://127.0.0.1:{port}/0", port, process)
        finally:
            stop(process)


def _redis_answers(port: int) -> bool:
    client = redis.Redis(host="127.0.0.1", port=port, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


@contextlib.contextmanager
def start_redis(tmp: Path, *, args: Sequence[str] = ()) -> Iterator[str]:
    """As redis_server, yielding the URL alone."""
    with redis_server(tmp, args=args) as server:
        yield server.url


@dataclass
class MingusServer:
    """A running reference target. ``process`` is gunicorn's master."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **kwargs: object) -> requests.Response:
        return self.session.get(self.url + path, timeout=20, **kwargs)  # type: ignore[arg-type]

    def post(self, path: str, json: object = None, **kwargs: object) -> requests.Response:
        return self.session.post(self.url + path, json=json, timeout=20, **kwargs)  # type: ignore[arg-type]


@contextlib.contextmanager
def mingus_server(
    tmp: Path,
    database_url: str,
    redis_url: str,
    *,
    workers: int = 2,
    pool_size: int = 8,
    faults: Sequence[str] = (),
    fault_token: str = "",
    environ: Mapping[str, str] | None = None,
) -> Iterator[MingusServer]:
    """The reference target behind gunicorn; ``environ`` adds MINGUS_* settings."""
    port = free_port()
    log = Path(tempfile.mkdtemp(prefix="mingus-", dir=tmp)) / "mingus.log"
    env = {
        **os.environ,
        **launch.environment(
            database_url, redis_url, workers=workers, pool_size=pool_size, faults=list(faults),
            fault_token=fault_token, secret="tests",
        ),
        **(environ or {}),
    }  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(launch.command(port), cwd=ROOT, env=env, stdout=out, stderr=out)
    server = MingusServer(f"http://127.0.0.1:{port}", process, log)

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"Mingus ended with {process.returncode}\n{log.read_text(errors='replace')[-3000:]}")
        try:
            return server.get("/health").status_code == 200
        except requests.RequestException:
            return False

    try:
        wait_until(ready, "Mingus", log=log)
        yield server
    finally:
        server.session.close()
        stop(process)


@dataclass
class Stack:
    """PostgreSQL, Redis and Mingus together."""

    database_url: str
    redis: RedisServer
    mingus: MingusServer


@contextlib.contextmanager
def reference_stack(tmp: Path, **mingus: object) -> Iterator[Stack]:
    """The whole reference target; keywords go to mingus_server."""
    with (
        start_postgres(tmp) as database_url,
        redis_server(tmp) as cache,
        mingus_server(tmp, database_url, cache.url, **mingus) as server,  # type: ignore[arg-type]
    ):
        yield Stack(database_url, cache, server)


PYTHON = sys.executable
