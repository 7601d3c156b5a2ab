"""Faults of the database: connections, transactions, a missing index, a lock that everybody wants."""

from __future__ import annotations

import logging
import time
import zlib

from flask import request
from sqlalchemy import PoolProxiedConnection, QueuePool, exc, text

from target.fault_effects.base import ActiveFault, Leak, World
from target.faults import FaultSpec
from target.schema import ACTIVITY_INDEX, activity, lock_schema

_log = logging.getLogger("mingus.faults")
LOCKED_FLAG = "dark_mode"  # any row that nothing of Mingus itself updates


def _full(world: World) -> bool:
    """Whether the pool has nothing left to take; waiting for it would look like a request that waits."""
    pool = world.engine.pool
    return isinstance(pool, QueuePool) and pool.checkedout() >= pool.size() + pool._max_overflow


def _begun(world: World) -> PoolProxiedConnection | None:
    """A connection of the application's pool with a transaction begun; None: not now."""
    if _full(world):
        return None
    try:
        connection = world.engine.raw_connection()
        connection.cursor().execute("SELECT 1")
    except (exc.TimeoutError, exc.DBAPIError):
        return None
    return connection


class ConnectionLeak(Leak):
    """Checks connections out of the application's pool, begins a transaction and forgets them: a handler that leaks."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._held: list[PoolProxiedConnection] = []

    def take(self) -> bool:
        connection = _begun(self.world)
        if connection is None:
            return False
        self._held.append(connection)
        return True

    def stop(self) -> None:
        while self._held:
            self._held.pop().close()


class LongTransactions(ActiveFault):
    """Transactions that begin and then wait for something else: they hold a connection and hold back the vacuum."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        count = int(spec["count"])
        self._share = count // world.slots + (world.slot < count % world.slots)
        self._open: list[tuple[float, PoolProxiedConnection]] = []

    def tick(self, elapsed: float) -> None:
        if not self.on(elapsed):
            return
        for begun, connection in list(self._open):
            if elapsed - begun >= self.spec["hold"]:
                self._open.remove((begun, connection))
                connection.close()
        while len(self._open) < self._share and (fresh := _begun(self.world)) is not None:
            self._open.append((elapsed, fresh))

    def stop(self) -> None:
        while self._open:
            self._open.pop()[1].close()


class MissingIndex(ActiveFault):
    """The index of a table that grows with every request is gone: GET /dashboard scans the table, longer each time.

    Switched off, the index comes back and the rows go. Should that fail, the next start of Mingus makes the index.
    """

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, joined)
        self._dropped = False

    def tick(self, elapsed: float) -> None:
        if self.on(elapsed) and not self._dropped:
            with self.world.engine.begin() as connection:
                lock_schema(connection)
                connection.execute(text(f"DROP INDEX IF EXISTS {ACTIVITY_INDEX.name}"))
            self._dropped = True
        elif self._dropped and not self.on(elapsed):
            self.stop()

    def before_request(self, elapsed: float) -> None:
        if not self._dropped or not self.on(elapsed):
            return
        owner = {"owner": zlib.crc32(request.headers.get("Authorization", "").encode())}
        with self.world.engine.begin() as connection:
            connection.execute(
                text(
                    f"INSERT INTO {activity.name} (owner, note) "  # noqa: S608 - a name of our own schema
                    "SELECT :owner, md5(n::text) FROM generate_series(1, :rows) n"
                ),
                {**owner, "rows": int(self.spec["rows"])},
            )
            if request.path == "/dashboard":
                connection.execute(
                    text(f"SELECT count(*), max(happened_at) FROM {activity.name} WHERE owner = :owner"),  # noqa: S608
                    owner,
                )

    def stop(self) -> None:
        self._dropped = False
        try:
            with self.world.engine.begin() as connection:
                lock_schema(connection)
                connection.execute(text(f"TRUNCATE {activity.name}"))
                ACTIVITY_INDEX.create(connection, checkfirst=True)
        except (exc.TimeoutError, exc.DBAPIError) as error:
            _log.warning("the index %s is still missing; restart Mingus to make it: %s", ACTIVITY_INDEX.name, error)


class LockContention(ActiveFault):
    """Every request wants the same row for itself and holds it for a while: they queue in the database."""

    def before_request(self, elapsed: float) -> None:
        if not self.on(elapsed):
            return
        with self.world.engine.begin() as connection:
            connection.execute(
                text("SELECT name FROM feature_flags WHERE name = :name FOR UPDATE"), {"name": LOCKED_FLAG}
            )
            time.sleep(self.spec["ms"] / 1000)
