"""Which account a simulated user takes: a new one until the run has enough of them, then one that exists. Pure.

The number of accounts is bounded for the whole run: a healthy service's tables stop growing, however long it lasts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from harness.load.personas import Persona, PersonaSource


@dataclass(eq=False)
class Account:
    """A persona's account.

    Attributes:
        registered: the service confirmed it.
        tried: the service was asked to register it, whatever came back.
        free: nobody uses it now.
    """

    persona: Persona
    registered: bool = False
    tried: bool = False
    free: bool = False


def share_of(max_users: int, worker_index: int, workers: int) -> int:
    """Accounts one Locust worker may register: an even share of the run's, one at least.

    A worker beyond the expected number (a replacement) gets one as well: it could do nothing without.
    """
    workers = max(1, workers)
    index = max(0, worker_index)
    if index >= workers:
        return 1
    return max(1, max_users // workers + (1 if index < max_users % workers else 0))


class AccountBook:
    """The accounts of one Locust worker.

    Args:
        source: makes personas.
        limit: most accounts that are ever made.
    """

    def __init__(self, source: PersonaSource, limit: int) -> None:
        self.source = source
        self._limit = limit
        self._free: deque[Account] = deque()
        self._all: list[Account] = []

    @property
    def made(self) -> int:
        """Accounts made so far."""
        return len(self._all)

    def take(self) -> Account | None:
        """A new account while the limit allows, else the one that has been free longest, else one that is in use.

        None while there are only accounts that others are registering just now.
        """
        if len(self._all) < self._limit:
            account = Account(self.source.next())
            self._all.append(account)
            return account
        if self._free:
            account = self._free.popleft()
            account.free = False
            return account
        # More users than accounts: they share, as people do who are logged in on two devices.
        for position, account in enumerate(self._all):
            if account.registered:
                self._all.append(self._all.pop(position))
                return account
        return None

    def give_back(self, account: Account) -> None:
        """The user is done with it."""
        if not account.free:
            account.free = True
            self._free.append(account)
