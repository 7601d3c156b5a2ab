"""The plan's headers, CA file and time-out for the HTTP clients of any locustfile. Runs in Locust children only.

They act in the transports of both client families, so a session that the locustfile makes itself has them too, and they
are defaults: what the locustfile sets wins. Headers (often a token) go to the plan's target only, never to another
origin that a journey or a redirect leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import gevent.ssl
from locust import FastHttpUser
from locust.clients import LocustHttpAdapter
from locust.contrib.fasthttp import LocustUserAgent

from harness.load.answer_limits import apply_limits

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> Origin:
    """Scheme, host and port of a URL, the port filled in."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)


def apply_defaults(url: str, headers: Mapping[str, str], timeout: float, ca_file: str | None) -> None:
    """Patches Locust's client classes in this process; call once, before the locustfile is loaded.

    Args:
        timeout: seconds for the whole answer of a request (``answer_limits``), so also to connect and to wait for data.
        ca_file: PEM file that server certificates are verified against; None leaves Locust's own behaviour.
    """
    _fast_http(origin(url), headers, timeout, ca_file)
    _requests(origin(url), headers, timeout, ca_file)
    apply_limits(timeout)  # last, so that it sees whether the locustfile itself gave a time-out


def _fast_http(target: Origin, headers: Mapping[str, str], timeout: float, ca_file: str | None) -> None:
    FastHttpUser.network_timeout = timeout
    FastHttpUser.connection_timeout = timeout
    if ca_file:
        FastHttpUser.insecure = False
        FastHttpUser.ssl_context_factory = staticmethod(lambda: gevent.ssl.create_default_context(cafile=ca_file))
    if not headers:
        return
    original = LocustUserAgent._urlopen

    def _urlopen(self: Any, request: Any) -> Any:
        where = request.url_split
        if (where.scheme, where.host.strip("[]").lower(), where.port) == target:
            for name, value in headers.items():
                if name not in request.headers:
                    request.headers[name] = value
        return original(self, request)  # type: ignore[no-untyped-call]

    LocustUserAgent._urlopen = _urlopen  # type: ignore[method-assign]


def _requests(target: Origin, headers: Mapping[str, str], timeout: float, ca_file: str | None) -> None:
    original = LocustHttpAdapter.send

    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        # requests.Session passes timeout and verify by name, None and True where the caller gave none.
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = timeout
        if ca_file and kwargs.get("verify", True) is True:
            kwargs["verify"] = ca_file
        if headers and origin(request.url) == target:
            for name, value in headers.items():
                request.headers.setdefault(name, value)
        return original(self, request, *args, **kwargs)

    LocustHttpAdapter.send = send  # type: ignore[method-assign]
