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
        users: simulated users on it now; more than one only when there are more users than accounts.
        token: its session, shared by those users as by the tabs of a browser: log-ins of their own would push each
            other out of a service that bounds the sessions of a user. Empty: nobody is logged in.
        expires_at: monotonic time at which the service will refuse the token.
    """

    persona: Persona
    registered: bool = False
    tried: bool = False
    users: int = 0
    token: str = ""
    expires_at: float = 0.0


def share_of(max_users: int, worker_index: int, workers: int) -> int:
    """Accounts one Locust worker may register: an even share of the run's, one at least.

    A worker beyond those the run began with (a replacement) gets a tenth of a share: it cannot know its predecessor's
    accounts, and even a worker that dies every hour must not fill the service's tables.
    """
    workers = max(1, workers)
    index = max(0, worker_index)
    if index >= workers:
        return max(1, max_users // workers // 10)
    return max(1, max_users // workers + (1 if index < max_users % workers else 0))


class AccountBook:
    """The accounts of one Locust worker.

    Args:
        source: makes personas.
        limit: most accounts that are made; may be changed, what was made stays.
    """

    def __init__(self, source: PersonaSource, limit: int) -> None:
        self.source = source
        self.limit = limit
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
        if len(self._all) < self.limit:
            account = Account(self.source.next(), users=1)
            self._all.append(account)
            return account
        if self._free:
            account = self._free.popleft()
            account.users = 1
            return account
        # More users than accounts: they share, as people do who are logged in on two devices.
        for position, account in enumerate(self._all):
            if account.registered:
                self._all.append(self._all.pop(position))
                account.users += 1
                return account
        return None

    def give_back(self, account: Account) -> None:
        """One of its users is done with it."""
        account.users -= 1
        if account.users == 0:
            self._free.append(account)
