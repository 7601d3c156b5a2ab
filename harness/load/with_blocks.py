"""Counts the request of a with-block that an exception left. Runs in Locust children only.

``with client.get(..., catch_response=True) as answer: answer.json()["token"]``: where the answer is none of what the
block expects, Locust lets the exception through and reports no request at all. A target that answers 502 with a page of
HTML would have no errors, for each of them was left out.
"""

from __future__ import annotations

from typing import Any

from locust import clients
from locust.contrib import fasthttp
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    ResponseError,
    StopTest,
    StopUser,
)

# These tell where the user goes on, and nothing of the answer.
_WAYS_ON = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
_FIRST_ERROR_STATUS = 400


def count_left_blocks() -> None:
    """Patches Locust's response classes in this process; call once."""
    for answer in (clients.ResponseContextManager, fasthttp.ResponseContextManager):
        _count_left_blocks_of(answer)


def _count_left_blocks_of(answer: Any) -> None:
    leave = answer.__exit__

    def counted(self: Any, kind: Any, value: Any, traceback: Any) -> Any:
        if kind is None or self._manual_result is not None or isinstance(value, ResponseError):
            return leave(self, kind, value, traceback)
        status = self.status_code or 0
        unexpected = isinstance(value, Exception) and not isinstance(value, _WAYS_ON)
        if unexpected and 0 < status < _FIRST_ERROR_STATUS:
            self._manual_result = value  # as if the block had called failure()
            leave(self, kind, value, traceback)
        else:
            leave(self, None, None, None)  # what its status says
        return False

    answer.__exit__ = counted
