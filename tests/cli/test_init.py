"""`harness init`: what is written for a service that runs, is a plan that `harness check` passes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request
from werkzeug.serving import make_server

from harness.cli import main
from harness.plan.loading import load_plan
from tests import servers

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "/api"}],
    "paths": {
        "/items": {"get": {}, "post": {"requestBody": {"content": {"application/json": {"example": {"name": "x"}}}}}},
        "/items/{id}": {
            "get": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]}
        },
        "/me": {"get": {"security": [{"bearer": []}]}},
        "/broken": {"get": {}},
    },
    "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
}


def application(described: bool, asked: list[tuple[str, str]]) -> Flask:
    app = Flask("small")

    @app.before_request
    def _count() -> None:
        asked.append((request.method, request.path))

    if described:
        app.add_url_rule("/openapi.json", "document", lambda: jsonify(DOCUMENT))
        app.add_url_rule("/api/items", "items", lambda: jsonify([]))
        app.add_url_rule("/api/items", "make", lambda: ("", 201), methods=["POST"])
        app.add_url_rule("/api/items/<int:number>", "item", lambda number: jsonify(number))
        app.add_url_rule("/api/broken", "broken", lambda: ("", 500))
        right = "Bearer s3cret-canary"
        app.add_url_rule("/api/me", "me", lambda: ("", 200 if request.headers.get("Authorization") == right else 401))
    else:
        app.add_url_rule("/health", "health", lambda: "ok")
        app.add_url_rule("/metrics", "metrics", lambda: "# TYPE a counter\na 1\n")
        app.add_url_rule("/private", "private", lambda: ("", 302, {"Location": "/login"}))
        app.add_url_rule("/search", "search", lambda: request.args["q"])
    return app


Start = Callable[[bool], tuple[str, list[tuple[str, str]]]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[tuple[Any, threading.Thread]] = []

    def begin(described: bool) -> tuple[str, list[tuple[str, str]]]:
        asked: list[tuple[str, str]] = []
        server = make_server("127.0.0.1", 0, application(described, asked), threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", asked

    yield begin
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TEST_BASE_URL", "TARGET_P95_MS", "PCT_MOBILE", "API_TOKEN", "API_KEY", "API_BASIC"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def test_from_its_openapi_document(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, asked = start(True)
    code, out, _ = harness(capsys, "init", url, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["openapi"], told["operations"]) == ("/openapi.json", ["GET /api/items", "GET /api/items/{id}"])
    assert {one["operation"]: one["reason"] for one in told["left_out"]} == {
        "GET /api/me": "it needs $API_TOKEN, which is not set",
        "GET /api/broken": "it answers 500",
        "POST /api/items": "its method was not asked for (--methods)",
    }
    assert {method for method, _ in asked} == {"GET"}, "nothing that could change something was asked"
    assert "name='/api/items/{id}'" in Path("locustfile.py").read_text().replace('"', "'")
    code, out, _ = harness(capsys, "check", "plan.yml", "--json")
    assert code == 0, out
    checks = {one["name"]: one["detail"] for one in json.loads(out)["checks"]}
    assert checks["target /api/items/1"] == "answers 200"


def test_what_a_token_lets_in_is_taken_and_the_token_is_nowhere(
    start: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = start(True)
    monkeypatch.setenv("API_TOKEN", "s3cret-canary")
    code, out, err = harness(capsys, "init", url)
    assert code == 0
    assert "GET /api/me: answers 200" in out
    written = Path("locustfile.py").read_text()
    assert "os.environ['API_TOKEN']" in written
    assert "s3cret-canary" not in out + err + written + Path("plan.yml").read_text()
    assert harness(capsys, "check", "plan.yml")[0] == 0
    monkeypatch.delenv("API_TOKEN")  # the shell of the next day
    code, out, _ = harness(capsys, "check", "plan.yml")
    assert code == 12
    assert f"MISSING locustfile: the locustfile {Path.cwd()}/locustfile.py cannot be loaded: KeyError: " in out


def test_other_methods_are_written_when_asked_for_and_not_tried(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    url, asked = start(True)
    code, out, _ = harness(capsys, "init", url, "--methods", "get,post")
    assert code == 0
    assert "POST /api/items: was not asked" in out
    assert ("POST", "/api/items") not in asked
    assert "json={'name': 'x'}" in Path("locustfile.py").read_text()


def test_a_service_without_a_document(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = start(False)
    code, out, _ = harness(capsys, "init", url, "--name", "small")
    assert code == 0
    assert "no OpenAPI document was found" in out
    assert "  GET /health: answers 200\n" in out
    assert "left out: GET /: it answers 404" in out
    plan = load_plan(Path("plan.yml"), environ={})
    assert (plan.name, plan.target.health_path, plan.target.metrics) == ("small", "/health", (f"{url}/metrics",))
    assert plan.objectives_off == ("db_pool_waiting",), "its metrics tell of no pool: each run would be INCONCLUSIVE"
    code, out, _ = harness(capsys, "check", "plan.yml")
    assert code == 0 and "connection pool" not in out
    assert "not measured: restarts" in out, "nobody named the service's processes"
    assert out.endswith("\na run of this plan can start, and nothing that the plan tells stands against a PASS\n")


def test_paths_that_are_named(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = start(False)
    assert harness(capsys, "init", url, "--path", "/search?q=a%20b", "--header", "X-A: b")[0] == 0
    plan = load_plan(Path("plan.yml"), environ={})
    assert plan.target.expects == {"/search?q=a%20b": 200}
    assert plan.target.headers == {"X-A": "b"}
    assert "name='/search'" in Path("locustfile.py").read_text()


def test_the_base_of_the_document_is_not_set_before_an_address_that_ends_with_it(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    url, asked = start(True)
    code, out, _ = harness(capsys, "init", f"{url}/api", "--openapi", f"{url}/openapi.json", "--json")
    assert code == 0
    assert json.loads(out)["operations"] == ["GET /items", "GET /items/{id}"]
    assert ("GET", "/api/items") in asked and not any(path.startswith("/api/api") for _, path in asked)


def test_what_sends_to_a_login_page_is_no_request_of_the_load(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = start(False)
    code, out, _ = harness(capsys, "init", url, "--path", "/private", "--path", "/health")
    assert code == 0
    assert "left out: GET /private: it answers 302, which sends to another address\n" in out
    assert "/private" not in Path("locustfile.py").read_text().partition("# Left out:")[0]
    code, _, err = harness(capsys, "init", url, "--path", "/private", "--out", "other")
    assert code == 12 and "GET /private: it answers 302" in err


def test_a_secret_that_is_written_into_the_plan_is_told(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = start(False)
    code, out, _ = harness(capsys, "init", url, "--header", "X-Api-Key: s3cret-canary", "--header", "X-A: b")
    assert code == 0 and "s3cret-canary" not in out
    assert (
        "note: the value of X-Api-Key stands in plan.yml as it was given; "
        "'X-Api-Key: ${NAME}' takes it from the environment\n"
    ) in out
    assert out.count("note: ") == 1


def test_nothing_is_written_over(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, asked = start(False)
    Path("plan.yml").write_text("mine\n")
    code, _, err = harness(capsys, "init", url)
    assert (code, err) == (2, "error: plan.yml is there already\n  give another --out, or --force\n")
    assert (Path("plan.yml").read_text(), Path("locustfile.py").exists(), asked) == ("mine\n", False, [])
    assert harness(capsys, "init", url, "--force")[0] == 0
    assert Path("plan.yml").read_text() != "mine\n"
    assert harness(capsys, "init", url)[2].startswith("error: plan.yml and locustfile.py are there already\n")
    Path("other").mkdir()
    Path("other/locustfile.py").symlink_to("/nowhere/at/all")
    assert harness(capsys, "init", url, "--out", "other")[0] == 2


def test_a_service_that_answers_nothing_usable(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    url, _ = start(False)
    code, _, err = harness(capsys, "init", url, "--path", "/none")
    assert code == 12
    assert "nothing that was asked of" in err and "GET /none: it answers 404" in err and "--path" in err
    assert not Path("plan.yml").exists()


def test_a_service_that_does_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = harness(capsys, "init", f"http://127.0.0.1:{servers.free_port()}")
    assert code == 12
    assert "does not answer: connection refused\n  start the service" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ftp://x"], "is no address"),
        (["http://u:s3cret@localhost"], "is no address"),
        (["http://localhost/?a"], "is no address"),
        (["http://prod.example"], "'prod.example' is not this machine\n  if load may really go there: --allow-host"),
        (["http://localhost:1", "--methods", "GET,FETCH"], "--methods: FETCH"),
        (["http://localhost:1", "--timeout", "x"], "--timeout"),
        (["http://localhost:1", "--header", "nonsense"], "a header is"),
        (["http://localhost:1", "--header", "A: ${NOT_SET_HERE}"], "NOT_SET_HERE is not set"),
    ],
)
def test_wrong_words(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    code, _, err = harness(capsys, "init", *words)
    assert code == 2
    assert said in err
    assert "s3cret" not in err
    assert not list(Path().iterdir())
