"""No secret in a text that is logged."""

from __future__ import annotations

import pytest

from exporters.redaction import redact, secrets_of


@pytest.mark.parametrize(
    "text",
    [
        'could not parse "postgresql://app:hunter2@db:5432/main": bad port',
        "connection to redis://:hunter2@cache failed",
        "host=db password=hunter2 user=app",
        "host=db password = 'hunter2' user=app",
        "bad option in postgresql://db/main?sslpassword=hunter2&user=app",
    ],
)
def test_redacts_what_looks_like_a_secret(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "***" in redact(text)


def test_redacts_the_known_secret_in_any_form() -> None:
    secrets = secrets_of("postgresql://app:p%40ss%2Fw0rd@db/main?sslpassword=inner")
    text = redact("auth failed for p@ss/w0rd or p%40ss%2Fw0rd with inner", secrets)
    assert text == "auth failed for *** or *** with ***"


def test_an_unparsable_url_is_a_secret_as_a_whole() -> None:
    url = "postgresql://app:hunter2@[::1/main"
    assert secrets_of(url) == (url,)
    assert "hunter2" not in redact(f"invalid: {url}", secrets_of(url))


def test_one_line_and_otherwise_unchanged() -> None:
    assert redact("connection refused\n\tIs the server running?") == "connection refused Is the server running?"
    assert secrets_of("redis://cache:6379/0") == ("redis://cache:6379/0",)
