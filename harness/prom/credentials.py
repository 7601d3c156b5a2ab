"""How we identify ourselves to a Prometheus. Secrets are read from their files at each request, because they rotate."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import QueryError

Credentials = Callable[[], Mapping[str, str]]


def anonymous() -> Mapping[str, str]:
    """No headers."""
    return {}


def bearer(token_file: str | Path) -> Credentials:
    """Headers with a token. They raise QueryError when its file cannot be read."""
    return lambda: {"Authorization": f"Bearer {_secret(token_file, 'bearer token')}"}


def basic(username: str, password_file: str | Path) -> Credentials:
    """Headers of basic authentication. They raise QueryError when the password's file cannot be read."""

    def headers() -> Mapping[str, str]:
        pair = f"{username}:{_secret(password_file, 'password')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    return headers


def _secret(file: str | Path, what: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise QueryError(f"the {what} file {file} cannot be read: {cause}") from error
