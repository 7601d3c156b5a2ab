from __future__ import annotations

import time

import pytest

from harness.plan.secrets import mask_url
from harness.plan.secrets_of import secrets_of
from tests.run.plans import make_plan


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("", ""),
        ("http://localhost:5000/a@b", "http://localhost:5000/a@b"),
        ("postgresql://u:p@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:p@ss:w@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:p/w?x@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://h/db?user=a&password=b", "postgresql://h/db?user=a&password=***"),
        ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
        ("https://token@h/x", "https://***@h/x"),
        ("https://u:p@h/x?a=1&api_key=2#f", "https://***@h/x?a=1&api_key=***#f"),
        (
            "http://h/?access_token=a;X-Amz-Signature=b&monkey=c",
            "http://h/?access_token=***;X-Amz-Signature=***&monkey=c",
        ),
        ("said: http://a:b@h and redis://:c@i", "said: http://***@h and redis://:***@i"),
    ],
)
def test_masking(text: str, masked: str) -> None:
    assert mask_url(text) == masked
    assert mask_url(masked) == masked


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a:" * 50_000, "://" * 30_000, "?token" * 20_000, "x://a:" + "b" * 100_000]
)
def test_masking_takes_linear_time(text: str) -> None:
    began = time.process_time()
    mask_url(text)
    assert time.process_time() - began < 2


def test_whatever_header_lets_in_is_kept_out_of_archives() -> None:
    plan = make_plan()
    let_in = {
        "X-Auth": "canary-1",
        "Api-Key": "canary-2",
        "Cookie": "sid=canary",
        "Authorization": "Bearer canary-4",
    }
    target = plan.target.model_copy(update={"headers": {**let_in, "Accept": "text/html", "X-Tenant": "acme"}})
    assert secrets_of(plan.model_copy(update={"target": target})) == (
        "Bearer canary-4", "canary-1", "canary-2", "canary-4", "sid=canary",
    )  # fmt: skip
