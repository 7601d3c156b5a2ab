"""How to start Mingus: its command line and its environment. Pure; the caller starts and ends the process.

    subprocess.Popen(command(port), env={**os.environ, **environment(...)}, cwd=directory())

Ready when ``GET /health`` answers 200; SIGTERM to the process ends it and its workers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from target.faults import FAULT_PARAMETERS, parse_faults

POOL_OVERFLOW = 2
FAULTS = tuple(FAULT_PARAMETERS)  # names that environment(faults=...) accepts


def directory() -> Path:
    """The folder that holds the package ``target``: a working directory from which the command surely works."""
    return Path(__file__).resolve().parent.parent


def command(port: int, *, host: str = "127.0.0.1") -> list[str]:
    """The command line of gunicorn's master with this Python; it matches ``gunicorn.*target``."""
    config = Path(__file__).resolve().parent / "gunicorn.conf.py"
    return [sys.executable, "-m", "gunicorn", "-c", str(config), "--bind", f"{host}:{port}", "target.wsgi:app"]


def environment(
    database_url: str,
    redis_url: str,
    *,
    workers: int = 2,
    pool_size: int = 8,
    faults: Sequence[str] = (),
    fault_token: str = "",
    secret: str = "",
    metrics_port: int = 0,
    metrics_host: str = "127.0.0.1",
) -> dict[str, str]:
    """The variables Mingus reads, to be laid over the caller's own environment.

    Args:
        database_url: postgresql://user:password@host:port/database.
        redis_url: redis://host:port/db.
        workers: gunicorn worker processes.
        pool_size: connections each worker's pool keeps; 2 more may be opened under load.
        faults: specifications such as "memory_leak:mb_per_s=2,delay=30", on from the start.
        fault_token: guards run-time changes through /faults; empty means that there are none.
        secret: key of the password pepper; stable over restarts on the same database.
        metrics_port: a port for /metrics alone, which answers while every request thread waits; 0: none.
        metrics_host: the address of that port.

    Raises:
        ValueError: a fault is unknown or wrongly written; the message names what would be right.
    """
    parse_faults(";".join(faults))
    return {
        "MINGUS_DATABASE_URL": database_url,
        "MINGUS_REDIS_URL": redis_url,
        "MINGUS_WORKERS": str(workers),
        "MINGUS_POOL_SIZE": str(pool_size),
        # No more threads than connections: a healthy Mingus then never waits for its pool, whatever the load.
        "MINGUS_THREADS": str(min(8, pool_size + POOL_OVERFLOW)),
        "MINGUS_POOL_OVERFLOW": str(POOL_OVERFLOW),
        "MINGUS_FAULTS": ";".join(faults),
        "MINGUS_FAULT_TOKEN": fault_token,
        "MINGUS_SECRET": secret,
        "MINGUS_METRICS_PORT": str(metrics_port),
        "MINGUS_METRICS_HOST": metrics_host,
        # glibc gives each thread an arena of its own and raises its mmap threshold as it goes: both make a healthy
        # threaded server's memory creep for hours, which a memory test would have to forgive.
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }
