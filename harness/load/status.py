"""How the load of a run stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

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


def status_of(answer: Mapping[str, Any], problems: tuple[str, ...], restarts: int) -> LoadStatus:
    """From what the master answered to ``GET /status``."""
    if answer["exceptions"]:
        problems += (f"the locustfile raised {answer['exceptions']} exceptions, among them: {answer['exception']}",)
    return LoadStatus(
        state=answer["state"],
        started_at=answer["started_at"],
        users=answer["users"],
        users_target=answer["users_target"],
        workers=answer["workers"],
        restarts=restarts,
        total_requests=answer["total_requests"],
        total_failures=answer["total_failures"],
        problems=problems,
        notes=tuple(answer["notes"]),
    )


def unheard(last: LoadStatus, problems: tuple[str, ...], restarts: int) -> LoadStatus:
    """The master did not answer this time: what was known stands."""
    return replace(last, problems=problems, restarts=restarts)


def ended(last: LoadStatus, state: State, problems: tuple[str, ...], restarts: int) -> LoadStatus:
    """Nobody is left to ask: no users, no workers, the counts as last heard."""
    return replace(unheard(last, problems, restarts), state=state, users=0, workers=0)
