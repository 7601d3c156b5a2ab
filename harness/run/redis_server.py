"""A Redis of the run's own: loopback, free port, a password of its own, nothing kept on disk."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from harness.errors import PreflightError
from harness.run.child import Child, Program
from harness.run.ports import LOOPBACK, on_free_port

_START_SECONDS = 15.0


def find_binary() -> str:
    """Raises PreflightError when Redis is not installed."""
    found = shutil.which("redis-server")
    if found is None:
        raise PreflightError(
            "Redis is not installed here (no redis-server)",
            remedy="install it (Debian: apt-get install redis-server), or give a running target with --target URL",
        )
    return found


@contextmanager
def start_redis(work: Path, log: Path, check: Callable[[], None] = lambda: None) -> Iterator[tuple[Child, str]]:
    """Runs a server below ``work``; yields it and its URL.

    Raises:
        PreflightError: not installed.
        HarnessError: it did not start.
    """
    binary = find_binary()
    home = work / "redis"
    home.mkdir(parents=True)
    password = secrets.token_urlsafe(18)

    def start(port: int) -> tuple[Child, str]:
        url = f"redis://:{password}@{LOOPBACK}:{port}/0"
        # A file and not arguments: a command line can be read by every user of the machine.
        config = home / "redis.conf"
        config.touch(mode=0o600)
        config.write_text(
            f'bind {LOOPBACK}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndaemonize no\n',
            encoding="utf-8",
        )
        child = Child(Program(name="Redis", argv=[binary, str(config)], log=log, cwd=home))
        try:
            child.wait_until(lambda: _accepts(url), _START_SECONDS, check)
        except BaseException:
            child.kill()
            raise
        return child, url

    child, url = on_free_port(start)
    try:
        yield child, url
    finally:
        child.stop()


def _accepts(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
