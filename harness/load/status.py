"""How the load of a run stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["starting", "running", "holding", "stopped", "dead"]


@dataclass(frozen=True)
class LoadStatus:
    """The load as the launcher sees it at one moment.

    Attributes:
        state: dead when the master is gone; a run cannot go on then.
        started_at: unix seconds of the first user's start; None before.
        users, users_target: running now, and wanted by the plan now.
        workers: Locust workers that answer their master.
        restarts: workers started again so far.
        total_requests: as the workers reported to the master, three seconds late at most.
        problems: what went wrong, in words for a person; the same problem stands there once.
        notes: what a reader of the report should know, without being wrong.
    """

    state: State
    started_at: float | None = None
    users: int = 0
    users_target: int = 0
    workers: int = 0
    restarts: int = 0
    total_requests: int = 0
    total_failures: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
