"""The reference target with everything it needs, for one run: PostgreSQL, Redis, Mingus on loopback and free ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.plan.model import DatabaseTarget, Plan, ProcessTarget, RedisTarget, Target
from harness.run.child import Child
from harness.run.mingus import start_mingus
from harness.run.ports import LOOPBACK
from harness.run.postgres import start_postgres
from harness.run.redis_server import start_redis


@dataclass(frozen=True)
class LocalStack:
    """What was started."""

    url: str
    metrics_url: str
    database_url: str
    redis_url: str
    target: Child
    postgres: Child
    redis: Child

    @property
    def children(self) -> tuple[Child, ...]:
        return (self.postgres, self.redis, self.target)


@contextmanager
def start_local_stack(
    work: Path, logs: Path, faults: Sequence[str] = (), check: Callable[[], None] = lambda: None,
    ports: tuple[int, int] | None = None,
) -> Iterator[LocalStack]:  # fmt: skip
    """Starts the stack below ``work``; ends it, the target first.

    Args:
        check: called while waiting; may raise to give up.
        ports: of the target and of its metrics where it stood before; others where they are taken.

    Raises:
        PreflightError: a server is not installed.
        HarnessError: a part did not start.
    """
    with ExitStack() as parts:
        postgres, database_url = parts.enter_context(start_postgres(work, logs / "postgres.log", check))
        redis, redis_url = parts.enter_context(start_redis(work, logs / "redis.log", check))
        target, url, metrics_url = parts.enter_context(
            start_mingus(database_url, redis_url, faults, logs / "target.log", check, ports)
        )
        yield LocalStack(url, metrics_url, database_url, redis_url, target, postgres, redis)


def on_local_stack(plan: Plan, stack: LocalStack) -> Plan:
    """The plan against the stack that was started; the plan's names for its parts stay. Pure."""
    target = plan.target
    resolved = target.model_dump() | {
        "url": stack.url,
        "allow_hosts": tuple(dict.fromkeys((*target.allow_hosts, LOOPBACK))),
        "metrics": (stack.metrics_url,),
        "processes": (ProcessTarget(name=_name(target.processes, "web"), pid=stack.target.pid),),
        "databases": (DatabaseTarget(name=_name(target.databases, "main"), url=stack.database_url),),
        "redis": (RedisTarget(name=_name(target.redis, "cache"), url=stack.redis_url),),
    }
    return plan.model_copy(update={"target": Target.model_validate(resolved)})


def _name(parts: Sequence[ProcessTarget | DatabaseTarget | RedisTarget], default: str) -> str:
    return parts[0].name if parts else default
