"""Pydantic's errors as sentences for a person who reads YAML. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from harness.plan.model import Plan
from harness.plan.problems import Problems, did_you_mean
from harness.plan.secrets import mask_url
from harness.plan.yaml_lines import Node

_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "int_parsing_size": "a number of sane size",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
# Keys whose value may be a secret and must not be repeated in an error.
_SECRET_KEYS = frozenset({"headers", "webhook"})


def add_schema_errors(error: ValidationError, root: Node, problems: Problems, model: type[BaseModel] = Plan) -> None:
    """One problem per error, each on the line of the key it is about.

    Args:
        model: what was validated, for the keys that it knows.
    """
    items = error.errors(include_url=False)
    locs: list[tuple[str | int, ...]] = [tuple(item["loc"]) for item in items]
    for item, loc in zip(items, locs, strict=True):
        # A list whose one item is wrong is also told as too short: only the cause helps.
        if any(len(other) > len(loc) and other[: len(loc)] == loc for other in locs):
            continue
        message, remedy = _sentence(item["type"], loc, item, model)
        problems.add_loc(root, loc, message, remedy)


def _sentence(kind: str, loc: tuple[str | int, ...], item: Mapping[str, Any], root: type[BaseModel]) -> tuple[str, str]:
    key, parent = in_words(loc), in_words(loc[:-1])
    context: Mapping[str, Any] = item.get("ctx") or {}
    if kind == "extra_forbidden":
        known = _known_keys(loc[:-1], root)
        inside = f" in {parent}" if parent else ""
        return f"unknown key {str(loc[-1])!r}{inside}{did_you_mean(str(loc[-1]), known)}", "known: " + ", ".join(known)
    if kind == "missing":
        return f"{key} is missing", f"add {loc[-1]}: below {parent}" if parent else f"add {loc[-1]}:"
    value = _shown(loc, item.get("input"))
    if kind == "value_error":
        return f"{key}: {context.get('error', item['msg'])}", ""
    if kind == "too_short":
        return f"{key} needs at least one item", ""
    if kind in _EXPECTED:
        return f"{key} must be {_EXPECTED[kind]}, not {value}", ""
    if kind == "literal_error":
        return f"{key} must be {context.get('expected')}, not {value}{_near(item, context)}", ""
    if kind == "string_pattern_mismatch":
        return (
            f"{key} {value} is no name",
            "letters, digits, '.', '_' and '-', 63 at most, beginning with a letter or digit",
        )
    message = str(item["msg"])
    return f"{key}: {message[:1].lower()}{message[1:]}, not {value}", ""


def _near(item: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    words = [word.strip("' ") for word in str(context.get("expected", "")).replace(" or ", ",").split(",")]
    return did_you_mean(str(item.get("input")), words)


def _shown(loc: tuple[str | int, ...], value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if _SECRET_KEYS.intersection(map(str, loc)):
        return "what stands here"
    text = mask_url(str(value))
    return repr(text if len(text) <= 80 else text[:77] + "...")


def in_words(loc: tuple[str | int, ...]) -> str:
    """Where a value stands: "target.url", "load.stages, stage 1, users". People count from one."""
    text = ""
    for before, step in zip((None, *loc), loc, strict=False):
        if isinstance(step, int):
            text += f", {'stage' if before == 'stages' else 'item'} {step + 1}"
        elif isinstance(before, int):
            text += f", {step}"
        else:
            text += f".{step}" if text else step
    return text


def _known_keys(loc: tuple[str | int, ...], root: type[BaseModel]) -> list[str]:
    """The keys that the model allows at ``loc``, in the model's order."""
    model: Any = root
    for step in loc:
        if isinstance(step, int):
            continue
        if model is None or step not in model.model_fields:
            return []
        model = _model_in(model.model_fields[step].annotation)
    if model is None:
        return []
    hidden = {"objectives_off"}
    return [name for name in model.model_fields if name not in hidden]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model inside ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next((found for arg in get_args(annotation) if (found := _model_in(arg)) is not None), None)
    return None
