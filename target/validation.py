"""Checks of what clients send. Pure; each failure is one sentence the client can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
MAX_TEXT = 100
MAX_INCOME = 10_000_000
MIN_PASSWORD, MAX_PASSWORD = 8, 128


class InvalidInput(ValueError):
    """What the client sent is wrong: answered 400 with this message and the field's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _text(field: str, value: Any) -> str:
    # PostgreSQL's text holds no NUL; whatever else is control is no name either.
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise InvalidInput(field, f"{field} must be a text of 1 to {MAX_TEXT} printable characters")
    return value.strip()


def _email(field: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 254 or not value.isprintable() or not _EMAIL.fullmatch(value):
        raise InvalidInput(field, f"{field} must be an e-mail address")
    return value.lower()


def _password(field: str, value: Any) -> str:
    if not isinstance(value, str) or not MIN_PASSWORD <= len(value) <= MAX_PASSWORD or not _encodable(value):
        raise InvalidInput(field, f"{field} must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write
        return False
    return True


def _income(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INCOME:
        raise InvalidInput(field, f"{field} must be a whole number from 0 to {MAX_INCOME}")
    return value


PROFILE: Mapping[str, Callable[[str, Any], Any]] = {
    "name": _text,
    "metro": _text,
    "industry": _text,
    "title": _text,
    "income": _income,
}
LOGIN: Mapping[str, Callable[[str, Any], Any]] = {"email": _email, "password": _password}
REGISTRATION: Mapping[str, Callable[[str, Any], Any]] = {**LOGIN, **PROFILE}


def check(body: Any, fields: Mapping[str, Callable[[str, Any], Any]], *, partial: bool = False) -> dict[str, Any]:
    """The checked fields of a JSON body.

    Args:
        partial: some of the fields suffice, one at least.

    Raises:
        InvalidInput: not an object, a field unknown, missing or wrong.
    """
    if not isinstance(body, dict):
        raise InvalidInput("", "the body must be a JSON object")
    for name in body:
        if name not in fields:
            raise InvalidInput(str(name)[:MAX_TEXT], f"unknown field; known: {', '.join(fields)}")
    if partial and not body:
        raise InvalidInput("", f"give at least one of {', '.join(fields)}")
    checked = {}
    for name, rule in fields.items():
        if name in body:
            checked[name] = rule(name, body[name])
        elif not partial:
            raise InvalidInput(name, f"{name} is missing")
    return checked
