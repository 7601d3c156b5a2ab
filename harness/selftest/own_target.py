"""The reference target apart from the run: what turns hostile around one of them meets that one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.assets import data_path
from harness.run.mingus import start_mingus
from harness.run.postgres import start_postgres
from harness.run.redis_server import start_redis

_PLAN = "selftest.yml"


@dataclass(frozen=True)
class OwnTarget:
    """Where it is; ``pid`` is that of its leading process."""

    url: str
    metrics_url: str
    database_url: str
    redis_url: str
    pid: int


@contextmanager
def own_target(
    folder: Path, database: Callable[[str], str] = lambda url: url, faults: Sequence[str] = ()
) -> Iterator[OwnTarget]:
    """Starts it, with its PostgreSQL and Redis, below ``folder``, which is made; it ends with the block.

    Args:
        database: gives the URL by which target and sidecar reach PostgreSQL, from that of the server.
        faults: of the reference target, on from its start.

    Raises:
        HarnessError: a part did not start.
    """
    folder.mkdir(parents=True)
    with ExitStack() as parts:
        _, url = parts.enter_context(start_postgres(folder, folder / "postgres.log"))
        database_url = database(url)
        _, redis_url = parts.enter_context(start_redis(folder, folder / "redis.log"))
        child, base, metrics = parts.enter_context(start_mingus(database_url, redis_url, faults, folder / "target.log"))
        yield OwnTarget(base, metrics, database_url, redis_url, child.pid)


def plan_for(target: OwnTarget, folder: Path, hosts: Sequence[str] = ()) -> tuple[Path, dict[str, str]]:
    """Writes the lab's plan against that target; returns it and the variables that it needs.

    Args:
        hosts: that may be loaded, where it is not this one.
    """
    plan: dict[str, Any] = yaml.safe_load((data_path("plans") / _PLAN).read_text(encoding="utf-8"))
    plan["target"] = section(target, hosts)
    file = folder / "surrounded.yml"
    file.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    # Passwords are in them: they stand in no file.
    return file, {"LAB_DATABASE_URL": target.database_url, "LAB_REDIS_URL": target.redis_url}


def section(target: OwnTarget, hosts: Sequence[str]) -> Mapping[str, Any]:
    """The plan's ``target``. Pure."""
    return {
        "url": target.url,
        "allow_hosts": ["127.0.0.1", *hosts],
        "metrics": [target.metrics_url],
        "processes": [{"name": "web", "pid": target.pid}],
        "databases": [{"name": "main", "url": "${LAB_DATABASE_URL}"}],
        "redis": [{"name": "cache", "url": "${LAB_REDIS_URL}"}],
    }
