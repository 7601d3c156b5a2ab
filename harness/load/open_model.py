"""Makes Locust users take arrivals in place of waiting between tasks. Locust workers only.

A leaf task is one arrival; ``on_start`` is none. ``wait`` between tasks is no wait any more; within a task it is what
it was. Users keep writing plain Locust users and tasks.

The first request of a task counts from the task's intended start: what a stalled target or a late loop kept waiting is
latency (Tene's "coordinated omission"). So it is for ``constant_pacing`` and ``constant_throughput`` of the closed
model: the pace is kept from the first task on, and a task that begins late counts from when it should have begun.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from gevent import getcurrent
from locust import User
from locust.exception import StopUser
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    DefaultTaskSet,
    TaskSet,
)
from locust.user.wait_time import constant_pacing

from harness.load.arrivals import Arrivals

_LATE = "_harness_late_ms"  # on a greenlet: how late its task began, until its first request took it
_BETWEEN = "_harness_between_tasks"  # on a task set
_NEXT = "_harness_next_start"  # on a user: when its next task should begin
_PACED = constant_pacing(1.0).__code__

Record = Callable[..., None]


def from_intended_start(record: Record) -> Record:
    """A listener that adds to the first request of a task how late the task began."""

    def listener(request_type: Any, name: Any, response_time: Any, *others: Any) -> None:
        late = getcurrent().__dict__.pop(_LATE, None)
        if late is not None:
            with contextlib.suppress(TypeError):  # no number: the recorder counts it as what it is
                response_time = response_time + late
        record(request_type, name, response_time, *others)

    return listener


def any_paced(user_classes: Iterable[type[User]]) -> bool:
    """Whether one of these, or of their task sets, has a constant pace."""
    seen: set[Any] = set()
    ahead: list[Any] = list(user_classes)
    while ahead:
        one = ahead.pop()
        if one not in seen and isinstance(one, type):
            seen.add(one)
            if _period(getattr(one, "wait_time", None)) is not None:
                return True
            ahead += getattr(one, "tasks", None) or []
    return False


def take_arrivals(arrivals: Arrivals) -> None:
    """Open model: from now on every task of this process waits for an arrival."""
    for owner in (TaskSet, DefaultTaskSet):
        owner.execute_task = _one_arrival_each(owner.execute_task, arrivals)  # type: ignore[method-assign]
    TaskSet.wait = _no_wait_between(TaskSet.wait)  # type: ignore[method-assign]


def keep_pace() -> None:
    """Closed model: users of a constant pace keep it after a stall, and count from when they should have begun."""
    for owner in (TaskSet, DefaultTaskSet):
        owner.execute_task = _paced_from_the_first(owner.execute_task)  # type: ignore[method-assign]
    TaskSet.wait = _paced(TaskSet.wait)  # type: ignore[method-assign]


def _one_arrival_each(execute: Callable[[Any, Any], None], arrivals: Arrivals) -> Callable[[Any, Any], None]:
    def execute_task(self: Any, task: Any) -> None:
        if isinstance(task, type) and issubclass(task, TaskSet):
            execute(self, task)  # its own tasks are the arrivals
            return
        user = self.user
        user._state = LOCUST_STATE_WAITING
        due = arrivals.take()
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser()
        user._state = LOCUST_STATE_RUNNING
        _begin_late(time.perf_counter() - due)
        setattr(self, _BETWEEN, False)
        try:
            execute(self, task)
        finally:
            setattr(self, _BETWEEN, True)

    return execute_task


def _no_wait_between(wait: Callable[[Any], None]) -> Callable[[Any], None]:
    def no_wait(self: Any) -> None:
        if not getattr(self, _BETWEEN, True):
            wait(self)  # called by a task
        elif self.user._state == LOCUST_STATE_STOPPING:
            raise StopUser()

    return no_wait


def _paced_from_the_first(execute: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def execute_task(self: Any, task: Any) -> None:
        # What on_start took is no part of the pace.
        if not hasattr(self.user, _NEXT) and not (isinstance(task, type) and issubclass(task, TaskSet)):
            setattr(self.user, _NEXT, time.perf_counter())
        execute(self, task)

    return execute_task


def _paced(wait: Callable[[Any], None]) -> Callable[[Any], None]:
    def paced(self: Any) -> None:
        user = self.user
        period = _period(getattr(type(self), "wait_time", None)) or _period(getattr(type(user), "wait_time", None))
        if period is None:
            wait(self)
            return
        now = time.perf_counter()
        due = getattr(user, _NEXT, now) + period
        setattr(user, _NEXT, due)
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser()
        user._state = LOCUST_STATE_WAITING
        self._sleep(max(0.0, due - now))
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser()
        user._state = LOCUST_STATE_RUNNING
        _begin_late(time.perf_counter() - due)

    return paced


def _period(wait_time: Any) -> float | None:
    """Seconds of a ``constant_pacing`` or ``constant_throughput``; None for anything else."""
    if getattr(wait_time, "__code__", None) is not _PACED:
        return None
    (cell,) = wait_time.__closure__
    return float(cell.cell_contents)


def _begin_late(seconds: float) -> None:
    getcurrent().__dict__[_LATE] = max(0.0, seconds) * 1000
