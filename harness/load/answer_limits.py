"""Bounds of time and memory on what a target answers, for both of Locust's HTTP clients. Runs in Locust children only.

A socket's time-out begins anew with each byte: a target that drips holds a user for ever, and a request that never ends
is never counted, so that a service whose answers do not end looks as if it were merely asked less. Nor do the clients
bound what they read: one endless body takes all of the generator's memory. Both become failed requests here. What all
bodies take together is no fault of the target's: ``memory_guard`` ends the worker.

A request that the locustfile gives a time-out of its own has that one alone; a body that it reads as a stream has
neither bound.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

import brotli  # type: ignore[import-untyped]
import requests
from gevent import Timeout, sleep
from geventhttpclient.response import HTTPParseError, HTTPResponse
from geventhttpclient.useragent import CompatResponse
from locust.clients import HttpSession, LocustHttpAdapter
from locust.clients import ResponseContextManager as PlainResponse
from locust.contrib import fasthttp

from harness.load.memory_guard import guard_of_this_process

MOST_HEAD = 256 * 1024  # bytes of status line and headers; servers and proxies allow a tenth of it
MOST_BODY = 64 * 1024 * 1024  # bytes of a body that is read whole, unpacked
_PIECE = 64 * 1024
_UNPACKED = 1024 * 1024  # bytes unpacked at a time: some milliseconds
_TOO_LONG = f"the body has more than {MOST_BODY >> 20} MiB: not read on (read it with stream=True)"


Limit = tuple[float, float]  # seconds, and until when on the monotonic clock
Seen = Callable[[int], None]  # takes how many bytes of a body were read or unpacked


class AnswerTimeout(Timeout):  # type: ignore[misc]
    """The whole answer was not there in time. Its kind of error is told by the name of its base class.

    Args:
        limit: seconds for the whole answer, and until when on the monotonic clock. Past that only what was asked for
            as a stream is still to be read: it has its own time.
    """

    def __init__(self, limit: Limit) -> None:
        left = limit[1] - time.monotonic()
        super().__init__(left if left > 0 else limit[0])
        self._whole = limit[0]

    def __str__(self) -> str:
        return f"no whole answer within {self._whole:g} s"


class BodyTooLong(requests.exceptions.ContentDecodingError):
    """A body that would take the generator's memory."""


def apply_limits(timeout: float) -> None:
    """Patches Locust's client classes in this process; call once, before the locustfile is loaded.

    Args:
        timeout: seconds for the whole answer of a request, from when it is sent.
    """
    seen = guard_of_this_process().read
    _bound_fast_bytes(seen)
    _bound_fast_seconds(timeout)
    _bound_plain(timeout, seen)


def _bound_fast_bytes(seen: Seen) -> None:
    feed, on_body = HTTPResponse.feed, HTTPResponse._on_body

    def bounded_feed(self: Any, data: Any) -> None:
        if not self.headers_complete:
            self._head_bytes = getattr(self, "_head_bytes", 0) + len(data)
            if self._head_bytes > MOST_HEAD:
                raise HTTPParseError(f"more than {MOST_HEAD >> 10} KiB of headers: not read on")
        feed(self, data)

    def bounded_body(self: Any, data: Any) -> None:
        on_body(self, data)
        seen(len(data))
        if len(self._body_buffer) > MOST_BODY:
            _give_up(self._body_buffer)

    def unzipped(self: Any, gzip: bool = True, br: bool = False) -> bytes:
        packed = self._response.read()
        if br:
            return _unbrotli(packed, seen)
        if gzip:
            return _inflated(packed, 16 + zlib.MAX_WBITS, seen)
        try:
            return _inflated(packed, -zlib.MAX_WBITS, seen)  # what many servers call deflate
        except zlib.error:
            return _inflated(packed, zlib.MAX_WBITS, seen)

    HTTPResponse.feed = bounded_feed  # type: ignore[method-assign]
    HTTPResponse._on_body = bounded_body  # type: ignore[method-assign, assignment]
    CompatResponse.unzipped = unzipped  # type: ignore[method-assign]


def _give_up(read: bytearray) -> NoReturn:
    """Of this body nothing is kept: the failure's traceback would hold it until garbage is collected."""
    del read[:]
    raise BodyTooLong(_TOO_LONG)


def _inflated(packed: bytes, window: int, seen: Seen) -> bytes:
    unpacker = zlib.decompressobj(window)
    made = bytearray(unpacker.decompress(packed, _UNPACKED))
    while not unpacker.eof and unpacker.unconsumed_tail:
        _bounded(made, seen)
        made += unpacker.decompress(unpacker.unconsumed_tail, _UNPACKED)
    if len(made) > MOST_BODY:
        _give_up(made)
    if not unpacker.eof:
        raise zlib.error("incomplete or truncated stream")
    return bytes(made)


def _unbrotli(packed: bytes, seen: Seen) -> bytes:
    unpacker = brotli.Decompressor()
    made = bytearray(unpacker.process(packed, output_buffer_limit=_UNPACKED))
    while not unpacker.is_finished():
        _bounded(made, seen)
        more = unpacker.process(b"", output_buffer_limit=_UNPACKED)
        if not more:
            break
        made += more
    if len(made) > MOST_BODY:
        _give_up(made)
    if not unpacker.is_finished():
        raise zlib.error("incomplete or truncated stream")
    return bytes(made)


def _bounded(made: bytearray, seen: Seen) -> None:
    """Between two pieces of what is unpacked: the other users have their turn, or a bomb would stop them all."""
    if len(made) > MOST_BODY:
        _give_up(made)
    seen(_UNPACKED)
    sleep(0)


def _bound_fast_seconds(timeout: float) -> None:
    agent = fasthttp.LocustUserAgent
    make, urlopen, content = agent.__init__, agent._urlopen, fasthttp.FastResponse._content
    conversation = agent._conversation_str

    def init(self: Any, client_pool: Any = None, **kwargs: Any) -> None:
        make(self, client_pool=client_pool, **kwargs)
        own = client_pool is not None or kwargs.get("network_timeout", timeout) != timeout
        self.answer_seconds = None if own else timeout

    def bounded_urlopen(self: Any, request: Any) -> Any:
        seconds = self.answer_seconds
        if seconds is None:
            return urlopen(self, request)  # type: ignore[no-untyped-call]
        limit = seconds, time.monotonic() + seconds
        with AnswerTimeout(limit):
            answer = urlopen(self, request)  # type: ignore[no-untyped-call]
        answer.limit = limit
        return answer

    def bounded_content(self: Any) -> Any:
        limit = getattr(self, "limit", None)
        if limit is None or self._response is None or self._response.message_complete:
            return content(self)  # type: ignore[no-untyped-call]
        with AnswerTimeout(limit):
            return content(self)  # type: ignore[no-untyped-call]

    def said(self: Any, *args: Any, **kwargs: Any) -> str:
        try:
            return conversation(self, *args, **kwargs)
        except (
            ValueError,
            LookupError,
        ):  # of a status like 500 with a body that is no UTF-8: the status is what counts
            return ""

    agent.__init__ = init  # type: ignore[method-assign]
    agent._urlopen = bounded_urlopen  # type: ignore[method-assign]
    fasthttp.FastResponse._content = bounded_content  # type: ignore[method-assign]
    # What else an answer's bytes may raise (an unknown encoding, a broken number): a request that failed. Without
    # this it would be one that nobody counts.
    fasthttp.FAILURE_EXCEPTIONS += (ValueError, LookupError, brotli.error)  # type: ignore[assignment]
    agent._conversation_str = staticmethod(said)  # type: ignore[assignment]


class _Bounded(requests.Response):
    """An answer whose body is read whole, within its bounds."""

    limit: Limit | None
    seen: Seen

    @property
    def content(self) -> bytes:
        if not self._content_consumed and self._content is False:  # type: ignore[has-type, comparison-overlap]
            self._content = self._read() if self.limit is None else _in_time(self.limit, self._read)
            self._content_consumed = True
        return super().content

    def _read(self) -> bytes:
        body = bytearray()
        for piece in self.iter_content(_PIECE):
            body += piece
            self.seen(len(piece))
            if len(body) > MOST_BODY:
                self.close()
                _give_up(body)
        return bytes(body)


def _in_time(limit: Limit, read: Callable[[], Any]) -> Any:
    try:
        with AnswerTimeout(limit):
            return read()
    except AnswerTimeout as passed:
        raise requests.exceptions.ReadTimeout(str(passed)) from None


def _bound_plain(timeout: float, seen: Seen) -> None:
    send, safe = LocustHttpAdapter.send, HttpSession._send_request_safe_mode

    def bounded_send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        limit = None
        # requests.Session passes timeout and stream by name.
        if kwargs.get("timeout") is None:
            limit = timeout, time.monotonic() + timeout
            answer = _in_time(limit, lambda: send(self, request, *args, **kwargs))
        else:
            answer = send(self, request, *args, **kwargs)
        if not kwargs.get("stream") and type(answer) is requests.Response:
            answer.__class__ = _Bounded
            answer.limit = limit  # type: ignore[attr-defined]
            answer.seen = seen  # type: ignore[attr-defined]
        return answer

    def safe_mode(self: Any, method: Any, url: Any, **kwargs: Any) -> Any:
        try:
            return safe(self, method, url, **kwargs)
        except requests.exceptions.RequestException:
            raise  # of an address that is none: Locust's own choice
        except (ValueError, LookupError) as error:  # what else an answer's bytes may raise
            return PlainResponse(requests.exceptions.ContentDecodingError(f"{type(error).__name__}: {error}"))

    LocustHttpAdapter.send = bounded_send  # type: ignore[method-assign]
    HttpSession._send_request_safe_mode = safe_mode  # type: ignore[method-assign]
