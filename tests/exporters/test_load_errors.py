from __future__ import annotations

import json
import socket
import ssl
import urllib.error
import zlib
from email.message import Message
from types import SimpleNamespace

import gevent
import pytest
import requests
import urllib3
from geventhttpclient.response import HTTPConnectionClosed
from geventhttpclient.useragent import BadStatusCode, EmptyResponse, RetriesExceeded
from geventhttpclient.useragent import ConnectionError as GeventConnectionError

from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS


class CatchResponseError(Exception):
    """Locust's own class by name: importing Locust would patch the test process."""


class ResponseInvalid(Exception):
    """What a journey raises on a wrong body."""


class ReadTimeoutError(Exception):
    """urllib3's, inside requests' ConnectionError."""


def kind(exception: object, status: int | None = None, error: Exception | None = None) -> str:
    response = None if status is None else SimpleNamespace(status_code=status, error=error)
    return ERROR_KINDS[error_kind(exception, response)]


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (BadStatusCode("http://x", code=500), "status"),
        (requests.HTTPError("500"), "status"),
        (urllib.error.HTTPError("http://x", 500, "no", Message(), None), "status"),
        (urllib3.exceptions.SSLError("refused"), "connection"),
        (urllib3.exceptions.ProtocolError("cut"), "connection"),
        (urllib3.exceptions.ReadTimeoutError(None, "/", "late"), "timeout"),
        (TimeoutError(), "timeout"),
        (TimeoutError("timed out"), "timeout"),
        (gevent.Timeout(1), "timeout"),
        (requests.ConnectTimeout(), "timeout"),
        (requests.ReadTimeout(), "timeout"),
        (requests.ConnectionError(ReadTimeoutError()), "timeout"),
        (RetriesExceeded("http://x", 0, original=TimeoutError("timed out")), "timeout"),
        (RetriesExceeded("http://x", 0, original=EmptyResponse("http://x")), "connection"),
        (RetriesExceeded("http://x", 0, original=BrokenPipeError()), "connection"),
        (RetriesExceeded("http://x", 0), "connection"),
        (requests.ConnectionError(), "connection"),
        (ConnectionRefusedError(), "connection"),
        (ConnectionResetError(), "connection"),
        (socket.gaierror(), "connection"),
        (ssl.SSLError(), "connection"),
        (GeventConnectionError("http://x"), "connection"),
        (HTTPConnectionClosed(), "connection"),
        (requests.exceptions.ChunkedEncodingError(), "connection"),
        (ResponseInvalid("no token"), "validation"),
        (json.JSONDecodeError("x", "y", 0), "validation"),
        (zlib.error(), "validation"),
        (RuntimeError("of a client of its own"), "other"),
        (CatchResponseError("no response known"), "other"),
        (None, "other"),
        (7, "other"),
    ],
)
def test_by_type(exception: object, expected: str) -> None:
    assert kind(exception) == expected


@pytest.mark.parametrize(
    ("exception", "status", "error", "expected"),
    [
        (CatchResponseError("empty page"), 200, None, "validation"),
        ("empty page", 200, None, "validation"),
        (AssertionError(), 200, None, "validation"),
        (ValueError("no such key"), 200, None, "validation"),
        (CatchResponseError("wrong"), 503, None, "status"),
        (CatchResponseError("no answer"), 0, ConnectionRefusedError(), "connection"),
        (CatchResponseError("no answer"), 0, TimeoutError(), "timeout"),
        (CatchResponseError("no answer"), 0, None, "connection"),
        (ResponseInvalid("body"), 500, None, "validation"),
    ],
)
def test_a_declared_failure_is_seen_with_its_response(
    exception: object, status: int, error: Exception | None, expected: str
) -> None:
    assert kind(exception, status, error) == expected
