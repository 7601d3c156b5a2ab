"""The secrets that a plan holds, as texts, so that they can be kept out of what is written. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from harness.plan.model import Plan
from harness.plan.secrets import MASK, names_a_secret


def secrets_of(plan: Plan) -> tuple[str, ...]:
    """Passwords of its URLs (as they are written and unescaped), and the credentials in its headers."""
    return tuple(sorted({one for one in _texts(plan) if one and MASK not in one}))


def _texts(plan: Plan) -> Iterator[str]:
    target = plan.target
    urls = [target.url, *target.metrics, *(db.url for db in target.databases), *(one.url for one in target.redis)]
    if plan.prometheus is not None:
        urls.append(plan.prometheus.url)
    for url in urls:
        password = urlsplit(url).password
        if password:
            yield password
            yield unquote(password)
    for name, value in target.headers.items():
        if names_a_secret(name):
            yield value.strip()
            yield value.strip().rpartition(" ")[2]
