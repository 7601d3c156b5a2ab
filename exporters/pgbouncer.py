"""Reads PgBouncer's ``SHOW POOLS`` over its console, which speaks the simple query protocol only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from exporters.database import Link, connection_options
from exporters.poller import Unreadable
from exporters.redaction import secrets_of

SCHEME = "pgbouncer"
CONSOLE = "pgbouncer"  # the console is a database of this name


@dataclass(frozen=True)
class Pool:
    """One row of SHOW POOLS; ``maxwait``: seconds that the first waiting client has waited."""

    datname: str
    user: str
    client_active: int
    client_waiting: int
    server_active: int
    maxwait: float


@dataclass(frozen=True)
class PgBouncerReading:
    pools: tuple[Pool, ...]
    problems: tuple[str, ...] = ()


def console_options(url: str, timeout: float) -> dict[str, Any]:
    """pgbouncer://user:password@host:port to connection parameters of its console. Raises ValueError."""
    parts = urlsplit(url)
    options = connection_options(urlunsplit(parts._replace(scheme="postgresql")), timeout)
    options["dbname"] = CONSOLE
    # The console takes no statement_timeout; older versions refuse the parameter.
    del options["options"]
    return options


class PgBouncer:
    """The source behind one PgBouncer's metrics; see poller.Source."""

    def __init__(self, url: str, *, timeout: float) -> None:
        """Does not connect. Raises ValueError when ``url`` is none."""
        self._link = Link(console_options(url, timeout), secrets_of(url), timeout)

    def read(self) -> PgBouncerReading:
        self._link.begin()
        connection = self._link.connection
        assert connection is not None
        try:
            cursor = connection.execute("SHOW POOLS")
            columns = [column.name for column in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        except psycopg.Error as error:
            raise self._link.broken(error) from None
        try:
            return PgBouncerReading(tuple(_pool(row) for row in rows if row["database"] != CONSOLE))
        except KeyError as error:
            raise Unreadable(f"SHOW POOLS has no column {error}") from None

    def ping(self) -> None:
        """The console's answer time says nothing about the databases behind it."""

    def close(self) -> None:
        self._link.close()


def _pool(row: dict[str, Any]) -> Pool:
    return Pool(
        datname=row["database"],
        user=row["user"],
        client_active=int(row["cl_active"]),
        client_waiting=int(row["cl_waiting"]),
        server_active=int(row["sv_active"]),
        maxwait=int(row["maxwait"]) + int(row["maxwait_us"]) / 1e6,
    )
