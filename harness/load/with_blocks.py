"""Counts the requests that Locust forgets: with-blocks that an exception left, and ones that were never entered.

``with client.get(..., catch_response=True) as answer: answer.json()["token"]``: where the answer is none of what the
block expects, Locust lets the exception through and reports no request at all. A target that answers 502 with a page of
HTML would have no errors, for each of them was left out. So it is with ``client.get(..., catch_response=True)`` without
a with-block: whatever came of it, Locust reports nothing.

What the locustfile still has it may enter yet, and then the block says what it counts as: fifty requests may be asked
for at once and looked at afterwards. What nobody has any more nobody enters, which CPython's count of references tells
at once. Runs in Locust children only.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from typing import Any

from locust import clients
from locust.contrib import fasthttp
from locust.event import EventHook
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    ResponseError,
    StopTest,
    StopUser,
)
from locust.user.task import TaskSet
from locust.user.users import PytestUser, User

# These tell where the user goes on, and nothing of the answer.
_WAYS_ON = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
_FIRST_ERROR_STATUS = 400
_OPEN = "_harness_not_entered"  # on a user: answers whose with-block was not entered yet
MOST_OPEN = 20  # of one user, that are looked through at each request
_NOBODY = EventHook()  # type: ignore[no-untyped-call]
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
    """Patches Locust's clients, task sets and users in this process; call once.

    What was asked with ``catch_response=True``, and never entered, counts as what its status says: at its user's next
    request or its task's end, whichever comes first after the locustfile let go of it, else at its user's end. Where an
    exception ends the task, its variables are the exception's still: it all counts then.
    """
    blocks = _NotEntered()
    for client in (clients.HttpSession, fasthttp.FastHttpSession):
        _remember_answers_of(client, blocks)
    execute = TaskSet.execute_next_task

    def execute_next_task(self: Any) -> None:
        try:
            execute(self)  # type: ignore[no-untyped-call]
        except Exception as error:
            if not isinstance(error, _WAYS_ON):
                blocks.end(self.user)
            raise
        finally:
            blocks.look(self.user)

    TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]
    for user in (User, PytestUser):
        _count_at_the_end_of(user, blocks)


def _remember_answers_of(client: Any, blocks: _NotEntered) -> None:
    ask = client.request

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = ask(self, *args, **kwargs)
        # Of a request without catch_response one client's answer has no such attribute, the other's is False.
        if getattr(answer, "_catch_response", False):
            blocks.remember(self if self.user is None else self.user, answer)
        return answer

    client.request = request


def _count_at_the_end_of(user: Any, blocks: _NotEntered) -> None:
    run = user.run

    def run_and_count(self: Any) -> None:
        try:
            run(self)
        finally:
            blocks.end(self)

    user.run = run_and_count


@dataclass
class _Open:
    """Of one user, in the order in which they were asked for."""

    answers: list[Any] = field(default_factory=list)
    look_at: int = MOST_OPEN  # how many there may be before all are looked through again

    def let_go(self) -> list[Any]:
        """Takes out those that nobody else has; those that were entered go, too. Nothing here yields."""
        answers = self.answers[::-1]
        still: list[Any] = []
        gone: list[Any] = []
        self.answers.clear()
        while answers:
            alone = _is_alone(answers)
            answer = answers.pop()
            if not answer._entered:
                (gone if alone else still).append(answer)
        self.answers, self.look_at = still, max(MOST_OPEN, 2 * len(still))
        return gone


def _references(answers: list[Any]) -> int:
    return sys.getrefcount(answers[-1])


_OURS = _references([object()])  # what the look itself takes


def _forget_frames(answer: Any) -> None:
    """Takes the tracebacks off what went wrong with it: through their frames it would be the task's for ever."""
    ahead: list[Any] = [getattr(answer, "error", None), answer.request_meta["exception"]]
    seen: list[BaseException] = []
    while ahead:
        error = ahead.pop()
        if isinstance(error, BaseException) and not any(error is one for one in seen):
            seen.append(error)
            error.__traceback__ = None
            ahead += [error.__cause__, error.__context__, *error.args, *getattr(error, "__dict__", {}).values()]


def _is_alone(answers: list[Any]) -> bool:
    """Whether nobody but this list has its last one; an ``HttpSession``'s answer has itself, in ``request_meta``."""
    return _references(answers) - _OURS <= (answers[-1].request_meta["response"] is answers[-1])


class _NotEntered:
    """Answers whose with-block may still come, kept by whom they are for: the user, or a session that is nobody's."""

    def __init__(self) -> None:
        self._told = False

    def remember(self, owner: Any, answer: Any) -> None:
        _forget_frames(answer)
        found: _Open = owner.__dict__.setdefault(_OPEN, _Open())
        while found.answers and found.answers[-1]._entered:
            found.answers.pop()
        # Of very many not at each request, but whenever they have doubled: the time of all is that of one look.
        if not MOST_OPEN <= len(found.answers) < found.look_at:
            self.look(owner)
        found.answers.append(answer)

    def look(self, owner: Any) -> None:
        """Counts those that the locustfile let go of."""
        found: _Open | None = owner.__dict__.get(_OPEN)
        if found is not None and found.answers:
            for answer in found.let_go():
                self._count(answer)

    def end(self, owner: Any) -> None:
        """Counts all."""
        found: _Open | None = owner.__dict__.pop(_OPEN, None)
        for answer in found.answers if found is not None else ():
            if not answer._entered:
                self._count(answer)

    def _count(self, answer: Any) -> None:
        if not self._told:  # the log must not grow with the run
            self._told = True
            logger.warning(
                "%s was asked with catch_response=True and without a with-block: Locust would not count it. It counts "
                "as what its status says, and so do others (told once)",
                answer.request_meta.get("name"),
            )
        answer.__exit__(None, None, None)
        _forget_frames(answer)
        answer._request_event = _NOBODY  # who enters it all the same does not report it again
