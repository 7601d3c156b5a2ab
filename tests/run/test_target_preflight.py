"""What the target answers before any load: there at all, what the plan expects, where it sends to, and its clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness.errors import PlanError
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.run import target_preflight
from harness.run.check import Check
from harness.run.preflight import preflight
from harness.run.target_preflight import (
    check_clock_of,
    check_pool,
    check_target,
    check_target_metrics,
    skew,
    target_checks,
)

NOW = 1_790_000_000.0


class Service(ThreadingHTTPServer):
    """Answers each path with a status, headers and a body."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, str | None]]
    endless: bytes
    guard: str = ""  # who asks for metrics with another Authorization is not let in

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        if self.path == "/metrics" and self.server.guard not in ("", self.headers.get("Authorization")):
            status, headers, body = 401, {}, b""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
            while self.path == "/endless":
                self.wfile.write(self.server.endless)
        except OSError:
            pass  # the asker went away, which is what is tested

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), _Handler)
    server.answers, server.asked, server.endless = {}, [], b"a 1\n" * 16_384
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def plan(url: str, more: str = "") -> Plan:
    text = f"name: t\ntarget:\n  url: {url}\n{more}load: {{stages: [{{duration: 60s, users: 1}}]}}\n"
    return load_plan_text(text, where="t.yml", environ={})


@pytest.mark.parametrize("status", [200, 204, 404, 500])
def test_any_answer_of_the_service_means_that_it_is_there(service: Service, status: int) -> None:
    service.answers["/health"] = (status, {}, b"")
    found = check_target(plan(service.url))
    assert (found.ok, found.detail, found.warning) == (True, f"{service.url}/health answers {status}", "")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_with_nobody_behind_it_is_no_target(service: Service, status: int) -> None:
    service.answers["/health"] = (status, {}, b"")
    found = check_target(plan(service.url))
    assert (found.ok, found.remedy) == (False, "start the service behind it, or correct target.health_path")


def test_a_target_that_sends_the_load_to_another_host_is_refused(service: Service) -> None:
    service.answers["/health"] = (302, {"Location": "https://production.example/login"}, b"")
    found = check_target(plan(service.url))
    assert not found.ok
    assert found.detail.endswith(
        "answers 302 and sends to https://production.example/login, a host that the plan does not allow"
    )
    assert "--allow-host production.example" in found.remedy
    service.answers["/health"] = (302, {"Location": "/login"}, b"")
    assert check_target(plan(service.url)).ok
    service.answers["/health"] = (302, {"Location": "http://localhost:1/login"}, b"")
    assert check_target(plan(service.url)).ok


def test_headers_that_are_not_accepted_are_said(service: Service) -> None:
    service.answers["/health"] = (401, {}, b"")
    assert check_target(plan(service.url)).warning.endswith("the plan gives no target.headers")
    found = check_target(plan(service.url, "  headers: {Authorization: Bearer xyz}\n"))
    assert found.warning == "it lets nobody in there: the plan's headers are not accepted"
    assert service.asked[-1] == ("/health", "Bearer xyz")


def test_each_path_must_answer_as_the_plan_expects(service: Service) -> None:
    service.answers |= {"/health": (200, {}, b""), "/a": (200, {}, b""), "/b": (500, {}, b"")}
    checks = list(target_checks(plan(service.url, "  expects: {/a: 200, /b: 200, /c: 404}\n")))
    assert [(c.name, c.ok, c.detail) for c in checks[1:]] == [
        ("target /a", True, "answers 200"),
        ("target /b", False, "answers 500; the plan expects 200"),
        ("target /c", True, "answers 404"),
    ]
    assert checks[2].key == ("target", "expects", "/b")
    assert checks[2].remedy.startswith("every such request of the load would go wrong")


@pytest.mark.parametrize(
    ("what", "said"), [("a: 200", "no path of a URL"), ("/a: yes", "whole number"), ("/a: 9", "expects")]
)
def test_expectations_that_are_none(what: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        plan("http://127.0.0.1:1", f"  expects: {{{what}}}\n")


@pytest.mark.parametrize(
    ("ahead", "apart"), [(0.0, 0.0), (0.9, 0.0), (10.0, 9.7), (-10.0, -9.1), (3600.0, 3599.7), (-86400.0, -86399.1)]
)
def test_how_far_clocks_are_apart(ahead: float, apart: float) -> None:
    taken = (NOW + 0.1, NOW + 0.3)
    date = formatdate(int(NOW + ahead), usegmt=True)
    found = skew(date, taken)
    assert found == pytest.approx(apart, abs=1e-6)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 32 Foo 2026 00:00:00 GMT", "\x00"])
def test_a_date_that_is_none_tells_nothing(date: str | None) -> None:
    assert skew(date, (NOW, NOW)) is None


def test_a_target_with_another_clock_is_noted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.answers["/health"] = (200, {"Date": formatdate(NOW + 120, usegmt=True)}, b"")
    monkeypatch.setattr(target_preflight.time, "time", lambda: NOW)
    found = check_target(plan(service.url))
    assert (found.ok, found.warning) == (
        True, "the clock of the target is 120 s ahead of this machine's: let NTP keep both in step",
    )  # fmt: skip


def test_a_prometheus_with_another_clock_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_preflight.time, "time", lambda: NOW)

    def found(ahead: float) -> Check | None:
        service.answers["/"] = (200, {"Date": formatdate(NOW + ahead, usegmt=True)}, b"")
        return check_clock_of("prometheus", service.url + "/", 5.0)

    near, far = found(3), found(-60)
    assert near is not None and near.ok
    assert far is not None and not far.ok
    assert far.detail == "59 s behind this machine's: the judged time would be another"
    assert far.remedy
    service.answers["/"] = (200, {}, b"")
    assert check_clock_of("prometheus", service.url + "/", 5.0) is None


def test_the_series_of_the_target_are_counted(service: Service) -> None:
    body = b"# HELP a b\n# TYPE a counter\n" + b"".join(b'a{i="%d"} 1\n' % i for i in range(30_000)) + b"\n# EOF"
    service.answers["/metrics"] = (200, {}, body)
    counted: list[int] = []
    found = check_target_metrics(f"{service.url}/metrics", counted.append)
    assert (found.ok, counted) == (True, [30_000])
    assert "30,000 series make a large archive" in found.warning
    service.answers["/metrics"] = (200, {}, b"# nothing\n")
    assert check_target_metrics(f"{service.url}/metrics").detail.endswith("has not one series")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", ""),
        ("Text/Plain", ""),
        ("application/openmetrics-text; version=1.0.0", ""),
        ("text/html; charset=utf-8", "'text/html; charset=utf-8', of which Prometheus 3 scrapes nothing"),
        ("text/plain; version=0.0.4, charset=utf-8", "of which Prometheus 3 scrapes nothing"),
        (None, "they have no Content-Type, of which Prometheus 3 scrapes nothing"),
    ],
)
def test_metrics_that_only_an_older_prometheus_reads_are_told(service: Service, kind: str | None, said: str) -> None:
    service.answers["/metrics"] = (200, {"Content-Type": kind} if kind else {}, b"a 1\n")
    found = check_target_metrics(f"{service.url}/metrics")
    assert found.ok and said in found.warning and bool(found.warning) == bool(said)


def test_metrics_without_a_pool_are_told_since_every_plan_asks_for_one(service: Service) -> None:
    """What most services expose tells of none: `check` said that all is there, and each run was INCONCLUSIVE."""

    def told(body: bytes, objectives: str = "") -> list[str]:
        service.answers["/metrics"] = (200, {}, body)
        pools: list[set[str]] = []
        assert check_target_metrics(f"{service.url}/metrics", found=pools.append).ok
        text = f"  metrics: ['{service.url}/metrics']\nobjectives: {{latency_p95: 1s{objectives}}}\n"
        checks = list(check_pool(plan(service.url, text), pools))
        assert all(check.ok for check in checks), "it may begin with the load"
        return [check.warning for check in checks]

    waiting = b'db_pool_waiting{pool="main"} 0\n'
    [warning] = told(b"http_requests_total 7\n")
    assert "no db_pool_waiting in target.metrics" in warning and "--set objectives.db_pool_waiting=off" in warning
    assert told(waiting) == told(b"db_pool_waiting 0\n") == []
    assert told(b"a 1\n", ", db_pool_waiting: off") == []
    [warning] = told(waiting, ", db_pool_use: 90%")
    assert "no db_pool_connections in target.metrics" in warning and "db_pool_waiting" not in warning
    assert told(waiting + b"db_pool_connections 1\n", ", db_pool_use: 90%") == []
    assert list(check_pool(plan(service.url, ""), [])) == []


@pytest.mark.parametrize("endless", [b"a 1\n" * 16_384, b"x" * 65_536])
def test_a_body_without_an_end_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch, endless: bytes) -> None:
    monkeypatch.setattr(target_preflight, "MOST_METRICS_BYTES", 1_000_000)
    service.answers["/endless"], service.endless = (200, {}, b""), endless
    found = check_target_metrics(f"{service.url}/endless")
    assert not found.ok
    assert "does not end: 1 MB so far" in found.detail


def test_a_proxy_of_the_environment_is_not_asked_as_the_load_will_not(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    service.answers["/health"] = service.answers["/ok"] = (200, {"Date": formatdate(usegmt=True)}, b"")
    service.answers["/metrics"] = (200, {}, b"a 1\n")
    checks = list(target_checks(plan(service.url, "  expects: {/ok: 200}\n")))
    assert [(check.name, check.ok) for check in checks] == [("target", True), ("target /ok", True)], checks
    assert check_target_metrics(f"{service.url}/metrics").ok
    assert check_clock_of("prometheus", f"{service.url}/ok", 5.0) is not None


def guarded(service: Service) -> str:
    """Metrics for those whom they let in."""
    service.guard = "Bearer xyz"
    service.answers["/metrics"] = (200, {"Content-Type": "text/plain"}, b"a 1\n")
    return f"{service.url}/metrics"


def test_metrics_are_asked_as_the_runs_prometheus_will_ask_them(service: Service) -> None:
    url = guarded(service)
    headers = "  headers: {authorization: Bearer xyz, X-Other: abc}\n"
    for more, ok in ((headers, True), ("", False), (headers.replace("xyz", "abc"), False)):
        asked = plan(service.url, f"  metrics: ['{url}']\n{more}")
        found = [c for c in preflight(asked, environ={}, now=NOW) if c.name == "target metrics"]
        assert [c.ok for c in found] == [ok], found
        if not ok:
            assert found[0].detail == f"{url} answers 401"


def test_metrics_that_let_only_a_prometheus_of_somebody_else_in_are_no_reason_to_refuse(service: Service) -> None:
    url = guarded(service)
    found = check_target_metrics(url, ours=False)
    assert (found.ok, found.detail) == (True, f"{url} answers 401")
    assert found.warning.startswith("not to this machine")
    service.answers["/metrics"] = (404, {}, b"")
    service.guard = ""
    assert not check_target_metrics(url, ours=False).ok
