"""Counts the requests that Locust forgets: with-blocks that an exception left, and ones that were never entered.

``with client.get(..., catch_response=True) as answer: answer.json()["token"]``: where the answer is none of what the
block expects, Locust lets the exception through and reports no request at all. A target that answers 502 with a page of
HTML would have no errors, for each of them was left out. So it is with ``client.get(..., catch_response=True)`` without
a with-block: whatever came of it, Locust reports nothing. Runs in Locust children only.
"""

from __future__ import annotations

import logging
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
from locust.user.task import TaskSet

# These tell where the user goes on, and nothing of the answer.
_WAYS_ON = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
_FIRST_ERROR_STATUS = 400
_OPEN = "_harness_not_entered"  # on a user: answers whose with-block was not entered yet
MOST_OPEN = 20  # of one user; a task that never ends must not keep them all
logger = logging.getLogger(__name__)


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


def count_blocks_not_entered() -> None:
    """Patches Locust's clients and task sets in this process; call once.

    At a task's end what it asked with ``catch_response=True``, and never entered, counts as what its status says.
    """
    blocks = _NotEntered()
    for client in (clients.HttpSession, fasthttp.FastHttpSession):
        _remember_answers_of(client, blocks)
    execute = TaskSet.execute_next_task

    def execute_next_task(self: Any) -> None:
        try:
            execute(self)  # type: ignore[no-untyped-call]
        finally:
            for answer in self.user.__dict__.pop(_OPEN, ()):
                blocks.count(answer)

    TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]


def _remember_answers_of(client: Any, blocks: _NotEntered) -> None:
    ask = client.request

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = ask(self, *args, **kwargs)
        # Of a request without catch_response one client's answer has no such attribute, the other's is False.
        if getattr(answer, "_catch_response", False):
            blocks.remember(self if self.user is None else self.user, answer)
        return answer

    client.request = request


class _NotEntered:
    """Answers whose with-block may still come, kept by whom they are for: the user, or a session that is nobody's."""

    def __init__(self) -> None:
        self._told = False

    def remember(self, owner: Any, answer: Any) -> None:
        still_open = [one for one in owner.__dict__.get(_OPEN, ()) if not one._entered]
        if len(still_open) >= MOST_OPEN:
            self.count(still_open.pop(0))
        owner.__dict__[_OPEN] = [*still_open, answer]

    def count(self, answer: Any) -> None:
        if answer._entered:
            return
        if not self._told:  # the log must not grow with the run
            self._told = True
            logger.warning(
                "%s was asked with catch_response=True and without a with-block: Locust would not count it. It counts "
                "as what its status says, and so do others (told once)",
                answer.request_meta.get("name"),
            )
        answer.__exit__(None, None, None)
