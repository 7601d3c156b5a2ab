"""Asks a running service: for its OpenAPI document, and for what its safe paths answer. Bounded in size and time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
import yaml

from harness.deadline import within
from harness.errors import HarnessError, UsageError
from harness.plan.secrets import mask_url
from harness.scaffold.openapi import SAFE, Operation

DOCUMENTS = (
    "/openapi.json", "/openapi.yaml", "/openapi.yml", "/v3/api-docs", "/swagger.json", "/swagger/v1/swagger.json",
    "/v2/api-docs", "/api-docs", "/api/openapi.json", "/api/v1/openapi.json", "/apispec_1.json", "/docs/openapi.json",
)  # fmt: skip
PATHS = ("/", "/health", "/healthz", "/status", "/ready", "/api", "/api/v1")
MAX_BYTES = 8 * 1024 * 1024
MAX_SECONDS = 15.0
_PIECE = 65_536
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Asked:
    """What one operation answered; ``status`` is None when nothing came, and ``trouble`` says why."""

    operation: Operation
    status: int | None
    trouble: str = ""

    @property
    def usable(self) -> bool:
        return self.status is not None and not self.trouble


class Service:
    """The service at a base URL.

    Args:
        headers: sent with each request, their variables filled in.
        environ: for the variables in an operation's own headers.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], environ: Mapping[str, str], timeout: float, ca_file: str | None
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._environ = environ
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(headers)
        self._session.verify = ca_file or True

    def close(self) -> None:
        self._session.close()

    def document(self) -> tuple[Any, str] | None:
        """Its OpenAPI document and the path where it stands; None when it has none where they use to stand.

        Raises:
            HarnessError: it does not answer at all.
        """
        for path in DOCUMENTS:
            try:
                status, body = self._get("GET", path, {}, read=True)
            except (requests.RequestException, OSError) as error:
                if path == DOCUMENTS[0]:
                    raise HarnessError(
                        f"{mask_url(self.url)} does not answer: {_cause(error)}",
                        remedy="start the service, or correct the address; --ca-file for a certificate of your own",
                    ) from error
                continue
            if status == requests.codes.ok:
                try:
                    found = parse(body, path)
                except HarnessError:
                    continue
                if isinstance(found, dict) and ("openapi" in found or "swagger" in found):
                    return found, path
        return None

    def ask(self, operations: Sequence[Operation], look: Callable[[Asked], None] = lambda _: None) -> Iterator[Asked]:
        """What each answers, asked once each; those that may change something are not asked, and count as usable."""
        for operation in operations:
            if operation.method not in SAFE:
                yield Asked(operation, 0)
                continue
            asked = self._ask(operation)
            look(asked)
            yield asked

    def metrics(self) -> bytes:
        """Its /metrics where that is an exposition of Prometheus; empty where it is none."""
        try:
            status, body = self._get("GET", "/metrics", {}, read=True)
        except (requests.RequestException, OSError, HarnessError):
            return b""
        return body if status == requests.codes.ok and (b"# TYPE " in body or b"# HELP " in body) else b""

    def _ask(self, operation: Operation) -> Asked:
        headers: dict[str, str] = {}
        for name, value in operation.headers.items():
            variable = value.partition("${")[2].rstrip("}")
            if variable and not self._environ.get(variable):
                return Asked(operation, None, f"it needs ${variable}, which is not set")
            headers[name] = value.replace(f"${{{variable}}}", self._environ.get(variable, "")) if variable else value
        query = {}
        for name, variable in operation.queries.items():
            if not self._environ.get(variable):
                return Asked(operation, None, f"it needs ${variable}, which is not set")
            query[name] = self._environ[variable]
        path = operation.path + (("&" if "?" in operation.path else "?") + urlencode(query) if query else "")
        try:
            status, _ = self._get(operation.method, path, headers, read=False)
        except (requests.RequestException, OSError, ValueError) as error:
            return Asked(operation, None, f"it does not answer: {_cause(error)}")
        if status in _ELSEWHERE:  # often a login page: a load on it would test nothing, and pass
            return Asked(operation, status, f"it answers {status}, which sends to another address")
        return Asked(operation, status, "" if status < 400 else f"it answers {status}")

    def _get(self, method: str, path: str, headers: Mapping[str, str], *, read: bool) -> tuple[int, bytes]:
        return within(self._timeout + MAX_SECONDS, lambda: self._read(method, path, headers, read=read))

    def _read(self, method: str, path: str, headers: Mapping[str, str], *, read: bool) -> tuple[int, bytes]:
        deadline = time.monotonic() + MAX_SECONDS
        with self._session.request(
            method, self.url + path, headers=dict(headers), timeout=self._timeout, allow_redirects=False, stream=True
        ) as answer:
            if not read:
                return answer.status_code, b""
            pieces: list[bytes] = []
            size = 0
            for piece in answer.iter_content(_PIECE):
                size += len(piece)
                if size > MAX_BYTES or time.monotonic() > deadline:
                    return answer.status_code, b""
                pieces.append(piece)
            return answer.status_code, b"".join(pieces)


def read_document(name: str, timeout: float, ca_file: str | None) -> Any:
    """The document in a file or at an http(s) URL.

    Raises:
        HarnessError: it cannot be read, or is neither JSON nor YAML.
    """
    if name.startswith(("http://", "https://")):
        try:
            status, body = within(timeout + MAX_SECONDS, lambda: _fetch(name, timeout, ca_file))
        except (requests.RequestException, OSError) as error:
            raise HarnessError(f"{mask_url(name)} does not answer: {_cause(error)}") from error
        if status != requests.codes.ok:
            raise HarnessError(f"{mask_url(name)} answers {status}", remedy="correct --openapi")
    else:
        try:
            with Path(name).open("rb") as file:
                body = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise UsageError(f"--openapi: {name[:200]!r} cannot be read: {error}") from error
    return parse(body, name)


def _fetch(url: str, timeout: float, ca_file: str | None) -> tuple[int, bytes]:
    with requests.get(url, timeout=timeout, verify=ca_file or True, stream=True) as answer:
        body = bytearray()
        for piece in answer.iter_content(_PIECE):  # not the raw body, whose errors are another library's
            body += piece
            if len(body) > MAX_BYTES:
                break
        return answer.status_code, bytes(body)


def parse(body: bytes, where: str) -> Any:
    """JSON or YAML, without any tag that makes objects.

    Raises:
        HarnessError: too large, or neither.
    """
    if len(body) > MAX_BYTES:
        raise HarnessError(f"{mask_url(where)} is larger than {MAX_BYTES // 2**20} MiB", remedy="is it the document?")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, RecursionError, UnicodeDecodeError, TypeError) as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise HarnessError(f"{mask_url(where)} is neither JSON nor YAML: {first}") from error


def _cause(error: Exception) -> str:
    text = str(error)
    for word in ("Connection refused", "Name or service not known", "timed out", "certificate verify failed"):
        if word in text:
            return word.lower()
    return mask_url(text)[:300]
