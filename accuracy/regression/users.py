"""Mingus' users in more of a hurry and with more patience, who leave less to chance: short runs hold enough requests to
compare, and as many of each kind.

They do everything in an order that is always the same, each from another place in it. Were it drawn, as for a soak, one
run of two minutes would bring 1 % more requests than the next of the same build, for the log-ins that chance brings.
They wait up to a minute, so that the requests which the fault ``rare_wait`` holds up are slow, not failed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from locust import SequentialTaskSet, between

from harness.load import locustfile
from harness.load.journeys import MingusUser

Task = Callable[["Round"], None]


def step(name: str) -> Task:
    """What ``MingusUser`` does under that name, as a task of a ``Round``."""

    def task(task_set: Round) -> None:
        getattr(task_set.user, name)()

    task.__name__ = name
    return task


def in_order() -> list[Any]:
    """All tasks of ``MingusUser``, as often as their weights say, well mixed."""
    tasks: list[Any] = list(MingusUser.tasks)
    names = [str(task.__name__) for task in tasks]
    random.Random(1).shuffle(names)  # noqa: S311 - an order, no secret
    return [step(name) for name in names]


class Round(SequentialTaskSet):
    """A round that a visitor makes again and again."""

    tasks = in_order()

    def __init__(self, parent: MingusUser) -> None:
        first = random.randrange(len(self.tasks))  # noqa: S311 - a place, no secret
        self.tasks = [*self.tasks[first:], *self.tasks[:first]]
        super().__init__(parent)  # type: ignore[no-untyped-call]


class HastyVisitor(MingusUser):
    """A visitor who thinks half as long."""

    host = locustfile.MingusVisitor.host
    wait_time = between(0.8, 1.2)
    network_timeout = 60.0
    connection_timeout = 60.0


# Assigned, for a class attribute would be added to the tasks that are inherited.
HastyVisitor.tasks = [Round]
