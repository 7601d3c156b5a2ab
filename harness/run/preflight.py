"""What must be there before a run starts. Looks, and starts nothing (DESIGN: `harness check`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import docker
import psutil
import psycopg
import redis
import requests
from docker.errors import DockerException, NotFound

from exporters.load_histogram import edges
from harness.errors import PreflightError
from harness.plan.footprint import footprint
from harness.plan.model import DatabaseTarget, Plan, ProcessTarget, RedisTarget
from harness.plan.secrets import mask_url
from harness.run.baseline_preflight import check_baselines
from harness.run.check import Check, found
from harness.run.machine_preflight import look_around, machine_checks
from harness.run.matching import matching_processes, members_in_words, named_process, several_programs
from harness.run.named_prometheus import check_named_prometheus
from harness.run.own_queries import check_own_queries
from harness.run.postgres import find_binaries as find_postgres
from harness.run.redis_server import find_binary as find_redis
from harness.run.target_preflight import check_clock_of, check_pool, check_target_metrics, target_checks
from harness.run.tools import find_tool

__all__ = ["Check", "check_locustfile", "preflight", "require"]

_TIMEOUT = 5.0
MOST_PID = 2**22  # Linux' PID_MAX_LIMIT
PIDFILE_SLACK_SECONDS = 2.0  # as the sidecar's (exporters.process_members)


def preflight(plan: Plan, *, environ: Mapping[str, str], now: float, runs: Path = Path("runs")) -> list[Check]:
    """Looks at everything that the plan needs, in the order in which a person would.

    Args:
        now: unix seconds, to tell whether another run is on.
        runs: folder in which the run will be written.
    """
    series: list[int] = []
    checks = list(_checks(plan, environ, now, series.append))
    needs = footprint(plan, len(edges(plan.latency_limits)), target_series=sum(series))
    checks += check_baselines(plan, runs, now)
    return [*checks, *machine_checks(plan, needs, look_around(runs), load_here=True)]


def require(checks: Sequence[Check], where: Callable[[tuple[str | int, ...]], str] = lambda _: "") -> None:
    """Raises PreflightError that lists every check that failed, with its remedy.

    Args:
        where: "file:line: " of a key of the plan, or nothing.
    """
    failed = [c for c in checks if not c.ok]
    if not failed:
        return
    if len(failed) == 1:
        only = failed[0]
        raise PreflightError(f"{where(only.key)}{only.name}: {only.detail}", remedy=only.remedy)
    lines = [f"  {where(c.key)}{c.name}: {c.detail}" + (f"\n    {c.remedy}" if c.remedy else "") for c in failed]
    raise PreflightError(f"{len(failed)} things that the plan needs are not there:\n" + "\n".join(lines))


def _checks(plan: Plan, environ: Mapping[str, str], now: float, count: Callable[[int], None]) -> Iterator[Check]:
    yield replace(check_locustfile(Path(plan.load.locustfile)), key=("load", "locustfile"))
    yield found("promtool", lambda: find_tool("promtool"))
    yield from check_own_queries(plan)
    if plan.prometheus is None:
        yield found("prometheus", lambda: find_tool("prometheus"))
    else:
        prometheus = plan.prometheus
        named = found("prometheus", lambda: check_named_prometheus(prometheus, plan, environ, now))
        yield replace(named, key=("prometheus", "url"))
        clock = check_clock_of("prometheus", prometheus.url, plan.scrape_interval)
        if clock is not None:
            yield clock
    target = plan.target
    if target.reference:
        yield found("postgresql", lambda: str(find_postgres()))
        yield found("redis", find_redis)
        return
    yield from target_checks(plan)
    pools: list[set[str]] = []
    own = {"headers": target.headers, "ca_file": target.ca_file}
    as_asked: dict[str, Any] = own if plan.prometheus is None else {"ours": False}
    parts: tuple[tuple[str, Iterable[Check]], ...] = (
        ("metrics", (check_target_metrics(url, count, pools.append, **as_asked) for url in target.metrics)),
        ("databases", map(_database, target.databases)),
        ("redis", map(_redis, target.redis)),
        ("processes", map(_process, target.processes)),
        ("containers", map(_container, target.containers)),
    )
    for key, looks in parts:
        for index, check in enumerate(looks):
            yield replace(check, key=("target", key, index))
    yield from check_pool(plan, pools)


def check_locustfile(path: Path) -> Check:
    """Whether it can be read and parsed; importing it would run the user's code here."""
    name = "locustfile"
    try:
        source = path.read_bytes()
    except OSError as error:
        return Check(name, False, f"{path} cannot be read: {error.strerror}", "correct load.locustfile in the plan")
    try:
        compile(source, str(path), "exec")
    except SyntaxError as error:
        return Check(name, False, f"{path}:{error.lineno or 1}: {error.msg}", "correct the locustfile")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Check(
            name,
            False,
            f"{path} is not Python: {error or 'it is nested too deep'}",
            "correct load.locustfile in the plan",
        )
    return Check(name, True, str(path))


def _database(database: DatabaseTarget) -> Check:
    name = f"database {database.name}"
    parts = urlsplit(database.url)
    url = database.url
    if parts.scheme == "pgbouncer":  # its console is a database of that name and speaks the simple protocol only
        url = urlunsplit(
            parts._replace(scheme="postgresql", path=parts.path if parts.path.strip("/") else "/pgbouncer")
        )
    try:
        psycopg.connect(url, connect_timeout=int(_TIMEOUT), autocommit=True).close()
    except (psycopg.Error, ValueError, UnicodeError) as error:
        # The driver's text can quote the connection string; its first line tells host, port and cause only.
        cause = _masked(
            str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, database.url
        )
        return Check(
            name,
            False,
            f"{mask_url(database.url)} cannot be connected to: {cause}",
            f"correct the url of {database.name!r} in target.databases, or start that server",
        )
    return Check(name, True, mask_url(database.url))


def _redis(cache: RedisTarget) -> Check:
    name, url = cache.name, cache.url
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT)
        client.ping()
        client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        return Check(
            f"redis {name}",
            False,
            f"{mask_url(url)} does not answer: {_masked(str(error), url)}",
            f"correct the url of {name!r} in target.redis, or start that server",
        )
    return Check(f"redis {name}", True, mask_url(url))


def _process(process: ProcessTarget) -> Check:
    name = f"process {process.name}"
    remedy = f"start it on this machine, or correct {process.name!r} in target.processes"
    if process.match is not None:
        matching = matching_processes(process.match)
        if not matching:
            return Check(name, False, f"no process matches {process.match!r}", remedy)
        return Check(
            name, True, f"{process.match!r} matches {members_in_words(matching)}",
            warning=several_programs(process.name, matching),
        )  # fmt: skip
    pid = process.pid
    if process.pidfile is not None:
        try:
            pid, written = _pid_in(Path(process.pidfile))
        except (OSError, ValueError) as error:
            return Check(name, False, f"the pid file {process.pidfile} cannot be read: {error}", remedy)
        if _began(pid) > written + PIDFILE_SLACK_SECONDS:  # as the sidecar, which would watch nothing
            what = f"the pid file {process.pidfile} is older than process {pid}, which is another one"
            return Check(name, False, what, remedy)
    if pid is not None and 0 < pid <= MOST_PID and psutil.pid_exists(pid):
        return Check(name, True, members_in_words([named_process(pid)]))
    return Check(name, False, f"there is no process {pid}", remedy)


def _pid_in(file: Path) -> tuple[int, float]:
    """As the sidecar reads it: the first word, for PostgreSQL's has more lines; and when it was written, unix seconds.

    Raises:
        OSError, ValueError: there is none in it.
    """
    words = file.read_text(encoding="ascii").split()
    if not words:
        raise ValueError("it is empty")
    return int(words[0]), file.stat().st_mtime


def _began(pid: int) -> float:
    """When a process began, unix seconds; 0 where there is none."""
    try:
        return psutil.Process(pid).create_time() if 0 < pid <= MOST_PID else 0.0
    except psutil.Error:
        return 0.0


def _container(container: str) -> Check:
    name = f"container {container}"
    try:
        client = docker.from_env(timeout=int(_TIMEOUT))
        try:
            status = client.containers.get(container).status
        finally:
            client.close()
    except NotFound:
        return Check(name, False, "Docker knows no container of that name", "start it, or correct target.containers")
    except (DockerException, requests.RequestException) as error:
        return Check(name, False, f"Docker does not answer: {error}", "start Docker, or leave target.containers out")
    return Check(name, status == "running", f"is {status}", "start it")


def _masked(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(password, "***") if password else text
