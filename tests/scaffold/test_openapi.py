"""OpenAPI documents to requests: every version, and nothing of a document is trusted."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.plan.loading import load_plan_text
from harness.scaffold.examples import Unusable, example_of
from harness.scaffold.openapi import METHODS, Operation, describe
from harness.scaffold.service import Asked, parse
from harness.scaffold.texts import Draft, locustfile_text, plan_text
from tests.fuzzing import cases

V3: dict[str, Any] = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://prod.example/{v}/", "variables": {"v": {"default": "v1"}}}],
    "security": [{"key": []}],
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}, "example": 9}],
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/limit"},
                    {"name": "skip", "in": "query", "schema": {"type": "integer"}},
                    {"name": "X-Tenant", "in": "header", "required": True, "schema": {"enum": ["acme"]}},
                ]
            },
            "delete": {"security": [{"basic": []}]},
        },
        "/pets": {
            "post": {
                "security": [],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
            }
        },
        "/login": {
            "post": {
                "security": [{"query": []}],
                "requestBody": {"content": {"application/x-www-form-urlencoded": {"example": {"user": "a"}}}},
            }
        },
        "/me": {"get": {"security": [{"bearer": []}]}},
        "/feed": {"get": {"security": [{"cookie": []}]}},
    },
    "components": {
        "parameters": {
            "limit": {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 5}}
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "id": {"type": "integer", "readOnly": True},
                    "name": {"type": "string", "minLength": 10},
                    "born": {"type": "string", "format": "date"},
                    "mother": {"$ref": "#/components/schemas/Pet"},
                },
            }
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "basic": {"type": "http", "scheme": "Basic"},
            "bearer": {"type": "oauth2"},
            "query": {"type": "apiKey", "in": "query", "name": "k"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
        },
    },
}


def test_openapi_3() -> None:
    found = {one.words: one for one in describe(V3, METHODS).operations}
    assert found["GET /v1/pets/{id}"] == Operation(
        "GET", "/v1/pets/{id}", "/v1/pets/9?limit=5", None, False, {"X-Tenant": "acme", "X-Key": "${API_KEY}"}
    )
    assert found["DELETE /v1/pets/{id}"].headers == {"Authorization": "Basic ${API_BASIC}"}
    pet = found["POST /v1/pets"]
    assert pet.body["name"] == "examplexxx"
    assert pet.body["born"] == "2026-01-15"
    assert "id" not in pet.body, "read only"
    whole = {"name": "examplexxx", "born": "2026-01-15"}
    assert pet.body == {**whole, "mother": {**whole, "mother": {**whole, "mother": {"name": "examplexxx"}}}}
    assert (pet.headers, pet.form) == ({}, False)
    login = found["POST /v1/login"]
    assert (login.body, login.form, login.queries) == ({"user": "a"}, True, {"k": "API_KEY"})
    assert found["GET /v1/me"].headers == {"Authorization": "Bearer ${API_TOKEN}"}
    assert found["GET /v1/feed"].headers == {"Cookie": "sid=${API_KEY}"}


def test_only_safe_methods_unless_asked() -> None:
    found = describe(V3)
    assert {one.method for one in found.operations} == {"GET"}
    assert found.left_out == ("DELETE /v1/pets/{id}", "POST /v1/pets", "POST /v1/login")


def test_swagger_2() -> None:
    number = {"properties": {"n": {"type": "number"}}}
    document = {
        "swagger": "2.0",
        "basePath": "/api",
        "paths": {
            "/a/{n}": {"get": {"parameters": [{"name": "n", "in": "path", "type": "string", "enum": ["x y/z"]}]}},
            "/b": {"post": {"parameters": [{"name": "b", "in": "body", "schema": number}]}},
            "/c": {"post": {"parameters": [{"name": "f", "in": "formData", "required": True, "type": "boolean"}]}},
        },
    }
    a, b, c = describe(document, METHODS).operations
    assert (a.name, a.path) == ("/api/a/{n}", "/api/a/x%20y%2Fz")
    assert (b.body, b.form) == ({"n": 1}, False)
    assert (c.body, c.form) == ({"f": "true"}, True)


def test_openapi_3_1_types() -> None:
    schema = {
        "type": ["null", "object"],
        "properties": {
            "a": {"const": 3}, "b": {"type": "integer", "exclusiveMinimum": 4}, "c": {"examples": [None, "z"]},
            "d": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "boolean"}, "minItems": 2}]},
            "e": {"allOf": [{"properties": {"x": {"type": "integer", "maximum": -5}}}, {"properties": {"y": {}}}]},
        },
    }  # fmt: skip
    assert example_of({}, schema) == {
        "a": 3, "b": 5, "c": "z", "d": [True, True], "e": {"x": -5, "y": "example"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"parameters": [{"$ref": "http://evil.example/x.json"}]}, "another document"),
        ({"parameters": [{"$ref": "#/loop"}]}, "round in a circle"),
        ({"parameters": [{"$ref": "#/nowhere"}]}, "is none"),
        ({"security": [{"unknown": []}]}, "is none"),
        ({"parameters": [{"name": "X", "in": "header", "required": True, "example": "a\r\nb"}]}, "cannot be sent"),
    ],
)
def test_what_one_operation_lacks_costs_that_one(operation: dict[str, Any], why: str) -> None:
    document = {"openapi": "3.1.0", "loop": {"$ref": "#/loop"}, "paths": {"/a": {"get": operation}, "/b": {"get": {}}}}
    found = describe(document)
    assert [one.path for one in found.operations] == ["/b"]
    assert why in found.skipped[0][1]


def test_a_path_whose_parameter_nobody_tells_is_left() -> None:
    found = describe({"openapi": "3.0.0", "paths": {"/a/{id}": {"get": {}}}})
    assert (found.operations, len(found.skipped)) == ((), 1)


@pytest.mark.parametrize("document", [None, [], "x", {}, {"openapi": "4.0", "paths": {}}, {"openapi": "3.0"}])
def test_what_is_no_document(document: Any) -> None:
    with pytest.raises(HarnessError, match="no OpenAPI document"):
        describe(document)


def test_a_required_schema_that_refers_to_itself_has_no_value() -> None:
    document = {"s": {"type": "object", "required": ["s"], "properties": {"s": {"$ref": "#/s"}}}}
    with pytest.raises(Unusable, match="refers to itself"):
        example_of(document, {"$ref": "#/s"})


def test_yaml_makes_no_objects() -> None:
    with pytest.raises(HarnessError, match="neither JSON nor YAML"):
        parse(b"!!python/object/apply:os.system ['true']", "d.yml")


EVIL = [
    '"""\nimport os\n"""', "'''", "\\", "\n", "${HOME}", "$${", "{", "%s", '"', "# x", "\x00", "\u2028", "é",
    "__import__('os')", "a: b", "- c", "!!python/object", "../..", "//evil.example/", "?a=b&c", "x" * 5000, "",
]  # fmt: skip
WORDS = st.one_of(st.text(max_size=12), st.sampled_from(EVIL))
KEYS = st.sampled_from([
    "openapi", "swagger", "paths", "get", "post", "parameters", "name", "in", "schema", "type", "$ref", "properties",
    "items", "example", "examples", "enum", "security", "components", "securitySchemes", "requestBody", "content",
    "application/json", "allOf", "anyOf", "oneOf", "required", "minLength", "servers", "url", "basePath", "/a/{id}",
    "/b",
])  # fmt: skip
LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), WORDS,
    st.sampled_from(["3.0.0", "path", "query", "header", "object", "array", "integer", "#/paths", 10**30]),
)  # fmt: skip
JSON = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(KEYS, WORDS), inner, max_size=4),
    ),
    max_leaves=25,
)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A real document in which some values are others, or nonsense that looks like one."""
    if draw(st.booleans()):
        paths = draw(st.dictionaries(st.one_of(WORDS.map(lambda w: "/" + w), WORDS), JSON, max_size=3))
        return {"openapi": "3.0.0", "paths": paths, **draw(st.dictionaries(KEYS, JSON, max_size=3))}
    return _changed(V3, draw)


def _changed(value: Any, draw: st.DrawFn) -> Any:
    dice = draw(st.integers(0, 19))
    if dice == 0:
        return draw(JSON)
    if isinstance(value, dict):
        return {(draw(WORDS) if dice == 1 else key): _changed(one, draw) for key, one in value.items()}
    return [_changed(one, draw) for one in value] if isinstance(value, list) else value


@cases(150)
@given(documents(), WORDS, WORDS)
def test_whatever_a_document_holds_becomes_no_code(document: Any, name: str, why: str) -> None:
    try:
        found = describe(document, METHODS)
    except HarnessError as error:
        assert str(error)
        return
    chosen = [Asked(one, 200) for one in found.operations] or [Asked(Operation("GET", "/", "/"), 200)]
    draft = Draft("t", "http://localhost:5000", "l.py", chosen, [*found.skipped, (name, why)], source=name)
    tree = ast.parse(locustfile_text(draft))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            said = ast.unparse(node.func)
            assert said.startswith("self.client.") or said == "between", said
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) in ("import os", "from locust import HttpUser, between, task")
    plan = load_plan_text(plan_text(draft), where="plan.yml", environ={})
    assert plan.target.url == "http://localhost:5000"
    assert plan.target.allow_hosts == ("localhost", "127.0.0.1", "::1")
    paths = {one.path for one in found.operations if one.method == "GET"} or {"/"}
    assert set(plan.target.expects) <= paths


@cases(100)
@given(st.one_of(st.binary(max_size=200), JSON.map(lambda v: yaml.safe_dump(v).encode("utf-8", "replace"))))
def test_whatever_stands_in_a_document_is_read_or_refused(body: bytes) -> None:
    try:
        parse(body, "x")
    except HarnessError as error:
        assert len(str(error)) < 1000
