"""Serves Mingus in the foreground, its secrets read from files: how a container runs it.

    FAULT=memory_leak python -m target --secrets /run/secrets/target --host 0.0.0.0 --port 5000 --metrics-port 9102

The folder of secrets holds ``database-url`` and ``redis-url``, and may hold ``pepper`` and ``fault-token``. In the
environment such values would show in every `docker inspect`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from target import launch
from target.faults import parse_faults

# What a fault's name alone stands for: the fault lab's numbers (docs/faults.md), strong enough for a run of minutes.
_NUMBERS = {
    "memory_leak": "mb_per_s=2",
    "memory_leak_lumps": "mb=10,every=8",
    "memory_leak_requests": "kb=80",
    "unbounded_cache": "kb=80",
    "capped_cache": "mb_per_s=4,cap_mb=80",
    "gc_saw_tooth": "mb_per_s=4,period=14",
    "fd_leak": "per_minute=120",
    "thread_leak": "per_minute=60",
    "crash_loop": "every=10",
    "worker_recycling": "requests=150",
    "connection_leak": "per_minute=60",
    "long_transactions": "count=2",
    "missing_index": "rows=1500",
    "lock_contention": "ms=80",
    "redis_busy": "ms=400,every=0.2",
    "redis_evictions": "mb_per_s=2,cap_mb=40",
    "cpu_creep": "ms_per_minute=15",
    "latency_creep": "ms_per_minute=100",
    "slow_dashboard": "ms=1500",
    "cpu_work": "ms=20",
    "rare_wait": "requests=1000,ms=2000",
    "stall": "every=12,pause=2",
    "error_burst": "ratio=0.2",
}
EXAMPLES = {name: f"{name}:{numbers}" for name, numbers in _NUMBERS.items()}


def fault_specification(text: str) -> str:
    """What FAULT means, as target.faults writes it: "memory_leak" or "memory_leak:mb_per_s=5;error_burst:ratio=0.1".

    Raises:
        ValueError: an unknown fault or parameter, or a name alone that has no example.
    """
    parts = [part.strip() for part in text.split(";") if part.strip()]
    specification = ";".join(EXAMPLES.get(part, part) for part in parts)
    parse_faults(specification)
    return specification


def main(arguments: Sequence[str], environ: dict[str, str]) -> str | None:
    """Becomes gunicorn; returns only when that cannot be, with the reason, or after ``--check`` (None: all is well)."""
    options = _parser().parse_args(arguments)
    try:
        faults = fault_specification(environ.get("FAULT", ""))
    except ValueError as error:
        return f"FAULT: {error}"
    if options.check:
        sys.stderr.write(f"faults that are on from the start: {faults or 'none'}\n")
        return None
    try:
        settings = launch.environment(
            _secret(options.secrets, "database-url"),
            _secret(options.secrets, "redis-url"),
            faults=[faults],
            secret=_secret(options.secrets, "pepper"),
            fault_token=_secret(options.secrets, "fault-token"),
            metrics_port=options.metrics_port,
            metrics_host=options.host,
        )
    except (OSError, ValueError) as error:
        return f"Mingus cannot start: {error}"
    command = launch.command(options.port, host=options.host)
    os.chdir(launch.directory())
    os.execve(command[0], command, {**environ, **settings})  # noqa: S606 - this process becomes gunicorn


def _secret(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8").strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="target", description="Serves the reference target Mingus.")
    parser.add_argument("--check", action="store_true", help="only tell what FAULT means, or that it means nothing")
    parser.add_argument("--secrets", type=Path, default=Path("/run/secrets/target"), metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--metrics-port", type=int, default=9102)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
