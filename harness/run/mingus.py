"""The reference target, started for one run."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from harness.errors import HarnessError, UsageError
from harness.run.child import Child, Program
from harness.run.ports import LOOPBACK, free_port, on_free_port
from harness.run.target_preflight import direct_get
from target import launch

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


def check_faults(faults: Sequence[str]) -> None:
    """Raises UsageError for a fault that the target does not have, or that is wrongly written."""
    try:
        launch.environment("", "", faults=list(faults))
    except ValueError as error:
        raise UsageError(f"--fault: {error}", remedy="write --fault NAME:key=value,key=value") from None


@contextmanager
def start_mingus(
    database_url: str, redis_url: str, faults: Sequence[str], log: Path, check: Callable[[], None] = lambda: None,
    ports: tuple[int, int] | None = None,
) -> Iterator[tuple[Child, str, str]]:  # fmt: skip
    """Runs the target behind gunicorn; yields it (its pid is gunicorn's master), its URL and its metrics' URL.

    Args:
        ports: of the target and of its metrics; others where these are taken. None: any.

    Raises:
        HarnessError: it did not become healthy.
    """
    token, secret = secrets.token_urlsafe(18), secrets.token_urlsafe(18)

    def start(port: int, metrics_port: int = 0) -> tuple[Child, str, str]:
        url, metrics_port = f"http://{LOOPBACK}:{port}", metrics_port or free_port()
        environment = launch.environment(
            database_url, redis_url, faults=list(faults), fault_token=token, secret=secret, metrics_port=metrics_port
        )
        child = Child(
            Program(
                name="the reference target",
                argv=launch.command(port),
                log=log,
                env={**os.environ, **environment},
                cwd=launch.directory(),
                orphan_signal=signal.SIGQUIT,  # gunicorn's quick shutdown
            )
        )
        try:
            child.wait_until(lambda: _healthy(url), _START_SECONDS, check)
        except BaseException:
            child.kill()
            raise
        return child, url, f"http://{LOOPBACK}:{metrics_port}/metrics"

    child, url, metrics_url = _on_ports(start, ports)
    try:
        yield child, url, metrics_url
    finally:
        child.stop(_STOP_SECONDS)


def _on_ports(start: Callable[..., tuple[Child, str, str]], ports: tuple[int, int] | None) -> tuple[Child, str, str]:
    if ports is not None:
        with suppress(HarnessError):
            return start(*ports)
    return on_free_port(start)


def _healthy(url: str) -> bool:
    try:
        return direct_get(f"{url}/health", timeout=2).status_code == 200
    except requests.RequestException:
        return False
