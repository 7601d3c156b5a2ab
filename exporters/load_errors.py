"""Sorts what went wrong with a request into the fixed kinds: status, timeout, connection, validation, other. Pure.

Exceptions are told by builtin type and by class name, so that nothing of Locust, requests or geventhttpclient has to be
imported (importing Locust patches the process) and a user's own client is sorted too.
"""

from __future__ import annotations

import zlib

from exporters.metric_names import ERROR_KINDS

STATUS, TIMEOUT, CONNECTION, VALIDATION, OTHER = range(len(ERROR_KINDS))

# Names of classes in the exception's ancestry; the first rule that matches decides.
_TIMEOUT_NAMES = frozenset({"Timeout", "TimeoutError"})
_STATUS_NAMES = frozenset({"BadStatusCode", "LocustBadStatusCode", "HTTPStatusError"})
_VALIDATION_NAMES = frozenset({"ResponseInvalid", "JSONDecodeError", "InvalidJSONError", "ContentDecodingError"})
_CONNECTION_NAMES = frozenset(
    {"ConnectionError", "HTTPConnectionClosed", "HTTPParseError", "ChunkedEncodingError", "ProtocolError", "SSLError"}
)
_MANUAL_NAMES = frozenset({"CatchResponseError", "ResponseError"})
_FIRST_ERROR_STATUS = 400


def error_kind(exception: object, response: object = None) -> int:
    """Index into ``ERROR_KINDS`` of a failed request's exception (or text), seen together with its response.

    A failure that the locustfile itself declared (``response.failure(...)``, an assertion) is a matter of the status
    when that was 400 or above, of the transport when there was no answer, and of validation otherwise.
    """
    if isinstance(exception, BaseException):
        kind = _by_type(exception)
        if kind is not None:
            return kind
    elif not isinstance(exception, str):
        return OTHER
    return _declared(response)


def _by_type(exception: BaseException) -> int | None:
    """The kind that the type alone tells; None for a failure that the locustfile declared about a response."""
    # geventhttpclient hides what happened to the one try there was: RetriesExceeded(url, 0, original=TimeoutError()).
    original = getattr(exception, "original", None)
    if isinstance(original, BaseException) and original is not exception:
        exception = original
    names = {base.__name__ for base in type(exception).__mro__}
    if names & _VALIDATION_NAMES:
        return VALIDATION
    if isinstance(exception, TimeoutError) or names & _TIMEOUT_NAMES or _holds_timeout(exception):
        return TIMEOUT
    # urllib3 and httpx call the base of all their errors HTTPError; requests' and urllib's, of a status, are OSErrors.
    if names & _STATUS_NAMES or ("HTTPError" in names and isinstance(exception, OSError)):
        return STATUS
    if names & _MANUAL_NAMES:
        return None
    if isinstance(exception, OSError) or names & _CONNECTION_NAMES:
        return CONNECTION
    if isinstance(exception, zlib.error | UnicodeDecodeError):
        return VALIDATION
    return None


def _holds_timeout(exception: BaseException) -> bool:
    """requests reports a read that timed out within the body as ConnectionError(ReadTimeoutError)."""
    return any(isinstance(arg, BaseException) and "Timeout" in type(arg).__name__ for arg in exception.args[:2])


def _declared(response: object) -> int:
    if response is None:
        return OTHER
    cause = getattr(response, "error", None)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return OTHER
    if status >= _FIRST_ERROR_STATUS:
        return STATUS
    if status > 0:
        return VALIDATION
    known = _by_type(cause) if isinstance(cause, BaseException) else None
    return CONNECTION if known is None else known
