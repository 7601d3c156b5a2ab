"""Waiting for Locust processes to come up and to end, with what they said when they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.errors import HarnessError
from harness.load.last_words import telling
from harness.load.processes import Announcement, LocustChild
from harness.load.status import LoadStatus

POLL = 0.05  # seconds between two looks while waiting


def await_announcement(child: LocustChild, deadline: float, *others: LocustChild | None) -> Announcement:
    """What ``child`` announces once it serves.

    Args:
        deadline: on the monotonic clock.
        others: children it cannot do without; one of them that ends ends the wait.

    Raises:
        HarnessError: it, or one of the others, ended; or it did not announce itself in time.
    """
    while (announced := child.announcement()) is None:
        check_alive(child, *others)
        if time.monotonic() > deadline:
            child.kill()
            raise HarnessError(
                f"{child.name} did not come up in time: {telling(child.last_words()) or 'it logged nothing'}",
                remedy=f"all that it said is in {child.log_path}",
            )
        time.sleep(POLL)
    return announced


def check_alive(*children: LocustChild | None) -> None:
    """Raises HarnessError, with its last words, for a child that ended at its start."""
    for child in children:
        if child is not None and not child.alive:
            child.kill()
            raise HarnessError(
                f"{child.name} ended at its start ({child.how_it_ended()}): "
                f"{telling(child.last_words()) or 'it logged nothing'}",
                remedy=f"correct the locustfile; all that it said is in {child.log_path}",
            )


def await_rest(poll: Callable[[], LoadStatus], limit: float) -> None:
    """Returns when no user runs any more on a load that was told to hold.

    Raises:
        HarnessError: its master died, or users were left after ``limit`` seconds.
    """
    deadline = time.monotonic() + limit
    while True:
        status = poll()
        if status.state == "dead":
            raise HarnessError("the Locust master died while the load was being held")
        # A worker that is being replaced has no users, but its master's count may be of before.
        if status.state == "holding" and status.users == 0:
            return
        if time.monotonic() > deadline:
            raise HarnessError(f"{status.users} users were still running after {limit:.0f} s of holding")
        time.sleep(POLL)


def await_end(children: Sequence[LocustChild], deadline: float) -> None:
    """Returns when all have ended, or at the deadline."""
    while any(child.alive for child in children) and time.monotonic() < deadline:
        time.sleep(POLL)
