"""Where standing Locust agents are, and what their names stand for."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError


@dataclass(frozen=True)
class Address:
    """``port`` on ``host``, a name or a number."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class StandingLocust:
    """Where the agents are.

    Attributes:
        control: the folder shared with them.
        master: its /metrics and control routes.
        workers: theirs; a name stands for every address that it resolves to.
        bind_port: on which the master waits for workers.
        listen: address on which master and workers listen.
    """

    control: Path
    master: Address
    workers: tuple[Address, ...]
    bind_port: int
    listen: str

    def resolved_workers(self) -> tuple[Address, ...]:
        """Every worker's own address. Raises HarnessError: a name is not known."""
        return tuple(sorted({one for worker in self.workers for one in resolve(worker)}, key=str))


def resolve(address: Address) -> list[Address]:
    """All IPv4 addresses of a name. Raises HarnessError: it has none."""
    try:
        found = socket.getaddrinfo(address.host, address.port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise HarnessError(
            f"the name {address.host} is not known: {error}", remedy="start that service, or correct the services file"
        ) from error
    return [Address(host, address.port) for host in sorted({str(entry[4][0]) for entry in found})]
