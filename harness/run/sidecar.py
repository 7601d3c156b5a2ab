"""The sidecar as a child of the run: its configuration from the plan, its port."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.plan.model import Plan
from harness.run.child import Child, Program
from harness.run.ports import LOOPBACK

_START_SECONDS = 30.0
_LONGEST_INTERVAL = 5.0


def sidecar_config(plan: Plan) -> dict[str, Any]:
    """What the sidecar reads. Its interval is the scrape interval, so that each scrape finds a new value. Pure."""
    target = plan.target
    return {
        "listen": f"{LOOPBACK}:0",
        "interval": min(plan.scrape_interval, _LONGEST_INTERVAL),
        "stack": plan.stack,
        "processes": [p.model_dump(exclude_none=True) for p in target.processes],
        "containers": list(target.containers),
        "databases": [d.model_dump() for d in target.databases],
        "redis": [r.model_dump() for r in target.redis],
        "docker_url": None,
    }


def watches_anything(plan: Plan) -> bool:
    """Whether the plan names a part that the sidecar can watch."""
    target = plan.target
    return bool(target.processes or target.containers or target.databases or target.redis)


@contextmanager
def start_sidecar(
    plan: Plan, work: Path, log: Path, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[Child, str]]:
    """Starts the sidecar; yields it and its "host:port".

    Raises:
        HarnessError: it did not start.
    """
    work.mkdir(parents=True, exist_ok=True)
    config, port_file = work / "sidecar.json", work / "sidecar.port"
    # The configuration holds database passwords: readable by its owner alone, and never on a command line.
    config.touch(mode=0o600)
    config.write_text(json.dumps(sidecar_config(plan)), encoding="utf-8")
    port_file.unlink(missing_ok=True)
    child = _launch(work, log)
    try:
        child.wait_until(lambda: read_port(port_file) is not None, _START_SECONDS, check)
        yield child, f"{LOOPBACK}:{read_port(port_file)}"
    finally:
        child.stop(timeout=5.0)


def start_again(work: Path, log: Path, address: str) -> Child:
    """Another sidecar by the same configuration at the address ("host:port") of the one before; it is not waited for.

    Raises:
        HarnessError: it cannot be started.
    """
    return _launch(work, log, "--listen", address)


def _launch(work: Path, log: Path, *more: str) -> Child:
    files = ["--config", str(work / "sidecar.json"), "--port-file", str(work / "sidecar.port")]
    return Child(Program(name="the sidecar", argv=[sys.executable, "-m", "exporters.sidecar", *files, *more], log=log))


def read_port(file: Path) -> int | None:
    """The port in a port file, None while it is not there or half written."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else None
