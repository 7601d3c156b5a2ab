"""A value that fits a JSON schema of an OpenAPI document, the same one each time. Pure.

What the document itself gives comes first: ``example``, ``examples``, ``default``, ``const``, ``enum``. References stay
within the document (a document from elsewhere must not have us fetch others), and everything is bounded: a schema may
refer to itself.

Not hypothesis-jsonschema or schemathesis: they draw many odd values to find faults; a load wants one plain value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 12
MAX_PROPERTIES = 50
NEAR_THE_TOP = 2
MAX_TEXT = 200
_TEXTS = {
    "date": "2026-01-15", "date-time": "2026-01-15T12:00:00Z", "time": "12:00:00Z", "duration": "PT1H",
    "email": "user@example.com", "idn-email": "user@example.com", "uuid": "00000000-0000-4000-8000-000000000001",
    "uri": "https://example.com/", "url": "https://example.com/", "uri-reference": "/", "hostname": "example.com",
    "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "byte": "ZXhhbXBsZQ==", "binary": "example", "password": "example-1A!",
}  # fmt: skip


class Unusable(ValueError):
    """The document does not tell a usable value; the text says why."""


def resolved(document: Mapping[str, Any], node: Any) -> dict[str, Any]:
    """The object that ``node`` is or refers to within the document.

    Raises:
        Unusable: it leads elsewhere, to nothing, or round in a circle.
    """
    for _ in range(MAX_DEPTH):
        if not isinstance(node, dict):
            raise Unusable("what should be an object is none")
        reference = node.get("$ref")
        if reference is None:
            return node
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise Unusable(f"it refers to another document: {str(reference)[:MAX_TEXT]!r}")
        found: Any = document
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, dict) else None
        node = found
    raise Unusable("its references lead round in a circle")


def example_of(document: Mapping[str, Any], schema: Any, depth: int = 0) -> Any:
    """A plain JSON value that fits the schema.

    Raises:
        Unusable: nested too deep, or no value can be told.
    """
    if depth > MAX_DEPTH:
        raise Unusable("its schema is nested too deep, or refers to itself")
    if not isinstance(schema, dict):
        return "example"
    schema = resolved(document, schema)
    given = _given(schema)
    if given is not None:
        return given
    for key in ("oneOf", "anyOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _first(document, schema[key], depth)
    if isinstance(schema.get("allOf"), list):
        return _merged(document, schema, depth)
    return _typed(document, schema, _type(schema), depth)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON knows it.

    Raises:
        Unusable: it is nothing that can be sent.
    """
    if depth > 2 * MAX_DEPTH:
        raise Unusable("its example is nested too deep")
    if value is None or isinstance(value, bool | str):
        return value[: 100 * MAX_TEXT] if isinstance(value, str) else value
    if isinstance(value, int | float) and abs(value) < 1e300 and (isinstance(value, int) or math.isfinite(value)):
        return value
    if isinstance(value, list):
        return [plain(one, depth + 1) for one in value[:MAX_PROPERTIES]]
    if isinstance(value, dict):
        return {str(key): plain(one, depth + 1) for key, one in list(value.items())[:MAX_PROPERTIES]}
    return plain(str(value))  # YAML's dates


def _given(schema: Mapping[str, Any]) -> Any:
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return plain(schema[key])
    for key in ("examples", "enum"):
        several = schema.get(key)
        if isinstance(several, list) and several:
            return plain(next((one for one in several if one is not None), None))
    return None


def _first(document: Mapping[str, Any], several: list[Any], depth: int) -> Any:
    """Of the first alternative that works; ``null`` only when nothing else is there."""
    for one in sorted(several, key=lambda s: isinstance(s, dict) and s.get("type") == "null"):
        try:
            return example_of(document, one, depth + 1)
        except Unusable:
            continue
    raise Unusable("none of its alternatives tells a value")


def _merged(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:
    values = [example_of(document, part, depth + 1) for part in schema["allOf"]]
    if schema.get("properties"):
        values.append(_object(document, schema, depth))
    if all(isinstance(value, dict) for value in values):
        return {key: one for value in values for key, one in value.items()}
    return values[-1] if values else {}


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):  # OpenAPI 3.1
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _typed(document: Mapping[str, Any], schema: Mapping[str, Any], kind: str, depth: int) -> Any:
    if kind == "object":
        return _object(document, schema, depth)
    if kind == "array":
        count = min(max(1, int(_number(schema.get("minItems"), 1))), 3)
        return [example_of(document, schema.get("items", {}), depth + 1)] * count
    if kind in ("integer", "number"):
        return _in_range(schema, whole=kind == "integer")
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = _TEXTS.get(str(schema.get("format")), "example")
    least, most = int(_number(schema.get("minLength"), 0)), int(_number(schema.get("maxLength"), MAX_TEXT))
    return text.ljust(min(least, MAX_TEXT), "x")[: max(0, most)]


def _object(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """All properties near the top; deeper only those that are required: optional ones may go on for ever."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    needed = schema.get("required")
    required = {one for one in needed if isinstance(one, str)} if isinstance(needed, list) else set()
    made: dict[str, Any] = {}
    for name, one in list(properties.items())[:MAX_PROPERTIES]:
        if (depth > NEAR_THE_TOP and name not in required) or (isinstance(one, dict) and one.get("readOnly") is True):
            continue
        try:
            made[str(name)] = example_of(document, one, depth + 1)
        except Unusable:
            if name in required:
                raise
    return made


def _in_range(schema: Mapping[str, Any], *, whole: bool) -> float:
    low, high = _number(schema.get("minimum"), 1), _number(schema.get("maximum"), math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = 1.0 if whole else 0.5
    if above is True:  # OpenAPI 3.0
        low += step
    elif above is not None and above is not False:  # 3.1
        low = max(low if "minimum" in schema else -math.inf, _number(above, 0) + step)
    if below is True:
        high -= step
    elif below is not None and below is not False:
        high = min(high, _number(below, math.inf) - step)
    value = high if low > high and "minimum" not in schema else low
    return math.ceil(value) if whole else value


def _number(value: Any, default: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return default
