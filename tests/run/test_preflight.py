import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporters import process_members
from harness.errors import PreflightError
from harness.plan.model import DatabaseTarget, Plan, ProcessTarget, PrometheusTarget, RedisTarget
from harness.run.preflight import PIDFILE_SLACK_SECONDS, Check, preflight, require
from tests import servers
from tests.run.plans import make_plan


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/metrics" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def plan_with(**target: object) -> Plan:
    plan = make_plan()
    return plan.model_copy(update={"target": plan.target.model_copy(update=target)})


def look(plan: Plan, name: str) -> Check:
    return next(c for c in preflight(plan, environ={}, now=0.0) if c.name == name)


def test_what_a_plain_plan_needs_is_here(service: str) -> None:
    checks = preflight(plan_with(url=service), environ={}, now=0.0)
    assert [(c.name, c.ok) for c in checks] == [
        ("locustfile", True), ("promtool", True), ("prometheus", True), ("target", True),
        ("disk", True), ("memory", True), ("open files", True), ("ports", True), ("clock", True),
    ]  # fmt: skip
    assert checks[3].detail == f"{service}/health answers 404", "any HTTP answer means that it is there"
    require(checks)


def test_a_target_that_does_not_answer() -> None:
    port = servers.free_port()
    found = look(plan_with(url=f"http://127.0.0.1:{port}"), "target")
    assert not found.ok
    assert found.detail == f"http://127.0.0.1:{port}/health does not answer: connection refused"
    with pytest.raises(PreflightError, match="connection refused") as error:
        require([found])
    assert "--target" in error.value.remedy


def test_metrics_must_answer_200(service: str) -> None:
    found = look(plan_with(url=service, metrics=(f"{service}/metrics",)), "target metrics")
    assert (found.ok, found.detail) == (False, f"{service}/metrics answers 503")


def test_databases_and_redis(tmp_path: Path, service: str) -> None:
    with servers.start_postgres(tmp_path) as database, servers.start_redis(tmp_path) as cache:
        plan = plan_with(
            url=service,
            databases=(DatabaseTarget(name="main", url=database),),
            redis=(RedisTarget(name="cache", url=cache),),
        )
        assert look(plan, "database main").ok
        assert look(plan, "redis cache").ok


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:{port}/d", "pgbouncer://u:s3cret@127.0.0.1:{port}/"])
def test_an_unreachable_database_is_named_without_its_password(service: str, url: str) -> None:
    url = url.format(port=servers.free_port())
    found = look(plan_with(url=service, databases=(DatabaseTarget(name="main", url=url),)), "database main")
    assert not found.ok
    assert "cannot be connected to" in found.detail
    assert "s3cret" not in found.detail
    assert "target.databases" in found.remedy


def test_an_unreachable_redis_is_named_without_its_password(service: str) -> None:
    url = f"redis://:s3cret@127.0.0.1:{servers.free_port()}/0"
    found = look(plan_with(url=service, redis=(RedisTarget(name="c", url=url),)), "redis c")
    assert not found.ok
    assert "s3cret" not in found.detail


def test_processes(tmp_path: Path, service: str) -> None:
    pidfile = tmp_path / "pid"
    pidfile.write_text(str(os.getpid()))

    def found(**how: object) -> Check:
        return look(plan_with(url=service, processes=(ProcessTarget(name="p", **how),)), "process p")

    assert found(pid=os.getpid()).ok
    assert found(pidfile=str(pidfile)).ok
    assert not found(pidfile=str(tmp_path / "none")).ok
    assert not found(match="no process has such a name 7f3").ok
    assert not found(pid=2**22 + 1).ok
    assert found(pid=10**30).detail == f"there is no process {10**30}"
    pidfile.write_text(f"{os.getpid()}\n/var/lib/postgresql\n5432\n")  # as postmaster.pid
    assert found(pidfile=str(pidfile)).ok
    os.utime(pidfile, (1, 1))
    assert PIDFILE_SLACK_SECONDS == process_members.PIDFILE_SLACK_SECONDS
    assert found(pidfile=str(pidfile)).detail == (
        f"the pid file {pidfile} is older than process {os.getpid()}, which is another one"
    )
    pidfile.write_text("")
    assert found(pidfile=str(pidfile)).detail.endswith("cannot be read: it is empty")
    pidfile.write_text("-1")
    assert found(pidfile=str(pidfile)).detail == "there is no process -1"


def test_a_container_that_is_not_there(service: str) -> None:
    found = look(
        plan_with(url=service, containers=("harness-no-such-container",)), "container harness-no-such-container"
    )
    assert not found.ok
    assert found.remedy


def test_locustfiles(tmp_path: Path) -> None:
    def found(content: bytes | None) -> Check:
        file = tmp_path / "l.py"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        plan = make_plan()
        load = plan.load.model_copy(update={"locustfile": str(file)})
        return look(plan.model_copy(update={"load": load}), "locustfile")

    assert found(b"x = 1\n").ok
    assert "No such file" in found(None).detail
    assert "l.py:2: invalid syntax" in found(b"a = 1\nb = = 2\n").detail
    assert not found(b"\x00\x01\x02").ok
    assert not found(b"\xff\xfe\xfd").ok


def test_a_named_prometheus_needs_the_folder_that_it_watches(service: str) -> None:
    plan = make_plan(prometheus=PrometheusTarget(url=service))
    found = look(plan, "prometheus")
    assert not found.ok
    assert "HARNESS_FILE_SD_DIR" in found.detail


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(PreflightError) as error:
        require([Check("a", False, "is not", "do"), Check("b", True, "is"), Check("c", False, "is not either")])
    assert str(error.value) == "2 things that the plan needs are not there:\n  a: is not\n    do\n  c: is not either"
