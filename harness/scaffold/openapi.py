"""An OpenAPI document (Swagger 2.0, OpenAPI 3.0, 3.1) to the requests that a load can make. Pure.

Whatever one operation of the document is lacking costs that operation only, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from harness.errors import HarnessError
from harness.scaffold.examples import Unusable, example_of, plain, resolved

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
SAFE = frozenset({"GET", "HEAD"})
MAX_OPERATIONS = 200
TOKEN, BASIC, KEY = "API_TOKEN", "API_BASIC", "API_KEY"


@dataclass(frozen=True)
class Operation:
    """One request.

    Attributes:
        name: the path's template, by which Locust counts: ``/items/{id}``.
        path: what is asked, its query included.
        body: JSON value, or form fields with ``form``; None for none.
        headers: of this operation alone; a value ``${NAME}`` is an environment variable.
        queries: query parameters that are secrets: name to environment variable.
    """

    method: str
    name: str
    path: str
    body: Any = None
    form: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return f"{self.method} {self.name}"


@dataclass(frozen=True)
class Described:
    """What a document tells.

    Attributes:
        skipped: (operation, why) of those that cannot be made.
        left_out: operations of methods that nobody asked for.
    """

    version: str
    operations: tuple[Operation, ...]
    skipped: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


def describe(document: Any, methods: Iterable[str] = SAFE, where: str = "the document", at: str = "") -> Described:
    """The operations of a document, in its order.

    Args:
        at: path of the service's address, before which the document's own base is not set a second time.

    Raises:
        HarnessError: it is no OpenAPI document.
    """
    wanted = {method.upper() for method in methods}
    if not isinstance(document, dict):
        raise HarnessError(f"{where} is no OpenAPI document: it is no mapping")
    version = str(document.get("openapi") or document.get("swagger") or "")
    paths = document.get("paths")
    if not version.startswith(("3.", "2.0")) or not isinstance(paths, dict):
        raise HarnessError(
            f"{where} is no OpenAPI document: it has no version 3.x or 2.0, or no paths",
            remedy="give another with --openapi FILE or URL, or leave it: then paths are looked for",
        )
    base = _base(document, version)
    if at and f"{base}/".startswith(f"{at}/"):
        base = base[len(at) :]
    operations: list[Operation] = []
    skipped: list[tuple[str, str]] = []
    left_out: list[str] = []
    for path, method, item, operation in _each(document, paths, skipped):
        words = f"{method} {base}{path}"
        if len(operations) + len(skipped) >= MAX_OPERATIONS or method not in wanted:
            left_out.append(words)
        else:
            try:
                operations.append(_operation(document, base, path, method, item, operation))
            except Unusable as error:
                skipped.append((words, str(error)))
            except RecursionError:
                skipped.append((words, "it is nested too deep"))
    return Described(version, tuple(operations), tuple(skipped), tuple(left_out))


def _each(
    document: Mapping[str, Any], paths: Mapping[Any, Any], skipped: list[tuple[str, str]]
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for path, item in paths.items():
        if str(path).startswith("x-"):
            continue
        try:
            item = resolved(document, item)
        except Unusable as error:
            skipped.append((str(path), str(error)))
            continue
        for method in METHODS:
            operation = item.get(method.lower())
            if isinstance(operation, dict):
                yield str(path), method, item, operation


def _base(document: Mapping[str, Any], version: str) -> str:
    """The path before all paths; the host is the one that init was given, whatever the document says."""
    if version.startswith("2"):
        base = document.get("basePath")
    else:
        servers = document.get("servers")
        first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
        base = str(first.get("url") or "")
        variables = first.get("variables")
        for name, variable in variables.items() if isinstance(variables, dict) else ():
            if isinstance(variable, dict):
                base = base.replace(f"{{{name}}}", str(variable.get("default", "")))
        try:
            base = urlsplit(base).path
        except ValueError:
            base = ""
    text = base.rstrip("/") if isinstance(base, str) else ""
    return text if text.startswith("/") and _sendable(text) else ""


def _sendable(text: str) -> bool:
    return text.isprintable() and not any(c.isspace() for c in text)


def _operation(
    document: Mapping[str, Any], base: str, path: str, method: str, item: Mapping[str, Any], told: Mapping[str, Any]
) -> Operation:
    if not path.startswith("/") or not _sendable(path) or "?" in path or "#" in path:
        raise Unusable("its path is none")
    filled, query, headers, form, body = path, [], {}, {}, None
    for parameter in _parameters(document, item, told):
        name, place = str(parameter.get("name", "")), parameter.get("in")
        if place == "path":
            filled = filled.replace(f"{{{name}}}", quote(_in_text(_value(document, parameter)), safe=""))
        elif place == "body":
            body = example_of(document, parameter.get("schema", {}))
        elif parameter.get("required") is not True:
            continue
        elif place == "query":
            query.append((name, _in_text(_value(document, parameter))))
        elif place == "header" and name.lower() not in ("accept", "content-type", "authorization"):
            headers[name] = _header(name, _in_text(_value(document, parameter)))
        elif place == "formData":
            form[name] = _in_text(_value(document, parameter))
    if "{" in filled:
        raise Unusable(f"its path has a parameter that the document does not tell: {filled[:120]}")
    if form:
        body = form
    is_form = bool(form)
    if "requestBody" in told and method not in SAFE:
        body, is_form = _body(document, told["requestBody"])
    secrets, queries = _security(document, told)
    headers |= secrets
    target = base + filled + (f"?{urlencode(query)}" if query else "")
    return Operation(method, base + path, target, body, is_form, headers, queries)


def _parameters(document: Mapping[str, Any], item: Mapping[str, Any], told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operation's own win over the path's."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for several in (item.get("parameters"), told.get("parameters")):
        for one in several if isinstance(several, list) else ():
            parameter = resolved(document, one)
            found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
    return list(found.values())


def _value(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Any:
    if parameter.get("example") is not None:
        return plain(parameter["example"])
    examples = parameter.get("examples")
    for one in examples.values() if isinstance(examples, dict) else ():
        value = resolved(document, one).get("value")
        if value is not None:
            return plain(value)
    # Swagger 2 has the schema's keys in the parameter itself.
    return example_of(document, parameter.get("schema", {k: v for k, v in parameter.items() if k != "required"}))


def _in_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_in_text(one) for one in value)
    text = "" if value is None else str(value)
    if not text:
        raise Unusable("a parameter has no value")
    return text.encode("utf-8", "replace").decode()


def _header(name: str, value: str) -> str:
    if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()) or not value.isprintable():
        raise Unusable("a header of it cannot be sent")
    if not value.isascii() or "${" in value:
        raise Unusable(f"the value of the header {name} cannot be sent")
    return value


def _body(document: Mapping[str, Any], told: Any) -> tuple[Any, bool]:
    content = resolved(document, told).get("content")
    kinds = content if isinstance(content, dict) else {}
    for kind, media in kinds.items():
        form = str(kind).startswith("application/x-www-form-urlencoded")
        if not form and "json" not in str(kind):
            continue
        media = media if isinstance(media, dict) else {}
        examples = media.get("examples")
        given = media.get("example")
        for one in examples.values() if given is None and isinstance(examples, dict) else ():
            given = resolved(document, one).get("value") if given is None else given
        value = plain(given) if given is not None else example_of(document, media.get("schema", {}))
        if form and not isinstance(value, dict):
            raise Unusable("its form has no fields")
        return value, form
    if kinds:
        raise Unusable(f"its body is neither JSON nor a form: {', '.join(map(str, kinds))[:120]}")
    return None, False


def _security(document: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query parameters that let in, as environment variables: of the first way that the operation names."""
    ways = told.get("security", document.get("security"))
    if not isinstance(ways, list) or not ways or any(way == {} for way in ways):
        return {}, {}
    components = document.get("components")
    known = (components.get("securitySchemes") if isinstance(components, dict) else None) or document.get(
        "securityDefinitions"
    )
    headers: dict[str, str] = {}
    queries: dict[str, str] = {}
    for name in ways[0] if isinstance(ways[0], dict) else ():
        scheme = resolved(document, (known if isinstance(known, dict) else {}).get(name))
        kind, how = str(scheme.get("type")), str(scheme.get("scheme", "")).lower()
        key, place = str(scheme.get("name", "")), scheme.get("in")
        if kind == "basic" or (kind == "http" and how == "basic"):
            headers["Authorization"] = f"Basic ${{{BASIC}}}"
        elif kind in ("oauth2", "openIdConnect") or (kind == "http" and how == "bearer"):
            headers["Authorization"] = f"Bearer ${{{TOKEN}}}"
        elif kind == "apiKey" and place == "header":
            headers[key] = _header(key, "x") and f"${{{KEY}}}"
        elif kind == "apiKey" and place == "cookie":
            headers["Cookie"] = _header("Cookie", key) + f"=${{{KEY}}}"
        elif kind == "apiKey" and place == "query":
            queries[key] = KEY
        else:
            raise Unusable(f"who may ask it cannot be told ({kind or 'no type'})")
    return headers, queries
