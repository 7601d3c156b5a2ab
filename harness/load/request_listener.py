"""One listener of Locust's ``request`` event in place of two: Locust's own statistics and our record.

A listener is called with nine named arguments, and Locust's own collects five of them in a dictionary that nobody
reads: that costs about as much as recording the request. Called by ours with what it needs, it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[..., None]


def listen(hook: Any, record: Listener) -> Listener:
    """Has ``record`` called with each request, after Locust's own listener where that is found; else by itself.

    Args:
        hook: ``environment.events.request``, when the runner has been made.
        record: takes request_type, name, response_time, response_length, exception and response, in this order.

    Returns:
        What was added to the hook.
    """
    own = next((one for one in hook._handlers if _is_locusts(one)), None)
    if own is not None:
        hook.remove_listener(own)
    listener: Listener = hook.add_listener(_both(own or _nothing, record))
    return listener


def _both(locusts: Listener, record: Listener) -> Listener:
    # All of Locust's arguments are named, so that **_ stays empty.
    def listener(
        request_type: Any = "",
        name: Any = "",
        response_time: Any = None,
        response_length: Any = 0,
        exception: Any = None,
        response: Any = None,
        context: Any = None,
        start_time: Any = None,
        url: Any = None,
        **_: Any,
    ) -> None:
        # As with two listeners, neither's failure keeps the other from its count.
        try:
            locusts(request_type, name, response_time, response_length, exception)
        finally:
            record(request_type, name, response_time, response_length, exception, response)

    return listener


def _nothing(*_: Any) -> None:
    """A later Locust may count elsewhere."""


def _is_locusts(listener: Any) -> bool:
    return (
        getattr(listener, "__module__", "") == "locust.runners"
        and getattr(listener, "__qualname__", "") == "Runner.__init__.<locals>.on_request"
    )
