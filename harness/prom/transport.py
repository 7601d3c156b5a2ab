"""Requests to Prometheus' HTTP API and their answers: whole and successful, or a QueryError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from harness.errors import QueryError
from harness.prom.credentials import Credentials, anonymous

# What servers say where a query asks for too much at once: a shorter range, or fewer series, may pass. Prometheus
# (--query.max-samples), Thanos (--store.limits), Mimir and Cortex (err-mimir-max-...), VictoriaMetrics
# (-search.max...).
_TOO_MANY = re.compile(
    r"too many samples|err-mimir-max-|-search\.max|exceeds? (?:the )?(?:\w+ )?limit|limit exceeded|exceeded \w+ limit"
    r"|the query (?:hit|exceeded) the|max(?:imum)? (?:number of )?(?:chunks|series|samples|bytes)|too large",
    re.IGNORECASE,
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TooManySamplesError(QueryError):
    """The server's --query.max-samples was exceeded; a shorter range may pass."""


class PrometheusTransport:
    """A connection to one Prometheus.

    Every method raises QueryError, which names the query and the cause, when the server cannot be reached, does not
    answer in time, answers anything but success, or warns that its answer is partial.

    Args:
        url: base URL, a path prefix included.
        session: for tests and special TLS set-ups; a new one otherwise.
        credentials: the headers that identify us, asked for at each request.
        timeout: seconds for one request, connecting and each read.
    """

    def __init__(
        self,
        url: str,
        *,
        session: requests.Session | None = None,
        credentials: Credentials = anonymous,
        timeout: float = 30.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._session = session or requests.Session()
        if session is None and urlsplit(url).hostname in _LOOPBACK:
            self._session.trust_env = False  # a proxy of the environment must not come between us and loopback
        self._headers = credentials
        self.timeout = timeout

    def data(self, what: str, expr: str, path: str, parameters: Mapping[str, Any], *, method: str = "POST") -> Any:
        """``data`` of a successful, complete answer."""
        where = f"{what} {expr!r} at {self.url}" if expr else f"{what} at {self.url}"
        answer = self.send(what, expr, method, path, parameters)
        body = _json(answer.content)
        if not isinstance(body, dict) or body.get("status") != "success" or "data" not in body:
            raise QueryError(f"{where}: the answer is not Prometheus' JSON: {answer.text[:200]!r}")
        if body.get("isPartial") is True:  # VictoriaMetrics
            raise QueryError(f"{where}: the answer is partial")
        # "infos" of Prometheus 3 (and their older form) are hints on style; every other warning may mean missing data.
        partial = [str(w) for w in body.get("warnings") or [] if not str(w).startswith("PromQL info:")]
        if partial:
            raise QueryError(f"{where}: the answer may be partial: {'; '.join(partial)}")
        return body["data"]

    def send(
        self,
        what: str,
        expr: str,
        method: str,
        path: str,
        payload: Mapping[str, Any] | bytes,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        where = f"{what} {expr!r} at {self.url}" if expr else f"{what} at {self.url}"
        try:
            answer = self._session.request(
                method,
                self.url + path,
                params=None if method == "POST" else payload,
                data=payload if method == "POST" else None,
                headers={**self._headers(), **(headers or {})},
                timeout=self.timeout,
                allow_redirects=False,  # a redirected POST loses its body
            )
        except requests.Timeout as error:
            raise QueryError(f"{where}: no answer within {self.timeout:g} s") from error
        except requests.ConnectionError as error:
            raise QueryError(
                f"{where}: cannot connect or lost the connection: {error}", remedy="is this Prometheus running?"
            ) from error
        except requests.RequestException as error:
            raise QueryError(f"{where}: {error}") from error
        if 200 <= answer.status_code < 300:
            return answer
        if 300 <= answer.status_code < 400:
            raise QueryError(f"{where}: redirected to {answer.headers.get('Location', '?')}; give the final URL")
        body = _json(answer.content)
        cause = body.get("error") if isinstance(body, dict) else None
        text = f"{where}: HTTP {answer.status_code}: {cause or answer.text[:300].strip() or 'no text'}"
        too_many = answer.status_code == 413 or _TOO_MANY.search(str(cause or answer.text[:300]))
        raise (TooManySamplesError if too_many else QueryError)(text)


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
