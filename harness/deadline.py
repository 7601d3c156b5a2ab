"""An end to calls that the other side could draw out for ever: with each byte a socket's time-out begins anew.

A leaf: it imports nothing of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` returns or raises, if it does so in time.

    It runs in a thread of its own, which a call that is given up keeps; the end of the process does not wait for that.

    Raises:
        TimeoutError: it was not over after so many seconds.
    """
    returned: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            raised.append(error)

    thread = threading.Thread(target=run, name="within", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not returned:
        raise TimeoutError(f"no whole answer within {seconds:g} s")
    return returned[0]
