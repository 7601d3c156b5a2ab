"""Reads a PostgreSQL over one kept connection: backends by state, waiting, oldest transaction, size, deadlocks, ping.

The connection names itself ``harness-sidecar`` and is left out of everything it counts. Every statement is bounded
twice: by the server (statement_timeout) and here, because a server that is frozen keeps no time-out of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict

from exporters.latency_histogram import HistogramSnapshot, LatencyHistogram
from exporters.poller import Unreadable
from exporters.redaction import redact, secrets_of

APPLICATION_NAME = "harness-sidecar"
# pg_database_size looks at every file of the database.
SIZE_SECONDS = 30.0
STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
)
HIDDEN_STATE = "unknown"
WAITS = ("Lock", "LWLock", "BufferPin")

# Without pg_read_all_stats other roles' backends show neither state nor type: they are counted, as `unknown`.
_ACTIVITY = """
SELECT datname, coalesce(state, 'unknown'), count(*),
       coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
GROUP BY 1, 2"""
_WAITING = """
SELECT wait_event_type, count(*) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND state = 'active' AND wait_event_type IN ('Lock', 'LWLock', 'BufferPin')
GROUP BY 1"""
_SETTINGS = """
SELECT current_database(), current_setting('max_connections')::int, deadlocks
FROM pg_stat_database WHERE datname = current_database()"""
# Every process but the postmaster is begun anew after a crash, the checkpointer never for any other reason.
_START = """
SELECT extract(epoch FROM pg_postmaster_start_time())::float8, extract(epoch FROM (
    SELECT max(backend_start) FROM pg_stat_activity WHERE backend_type = 'checkpointer'))::float8"""
_SIZE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True)
class DatabaseReading:
    """One look at a PostgreSQL. Sizes in bytes, times in seconds.

    Attributes:
        datname: the database the URL names; backends are counted over all databases, for they share max_connections.
        backends: (datname, state) -> count, 0 included for every state of a database once seen.
        transactions: (datname, state) -> age of the oldest transaction; 0 when there is none.
        waiting: wait event type -> backends of clients that wait for it.
        size: None when not readable.
        started: Unix time when the postmaster began; None where the server does not say.
        checkpointer_started: the same of its checkpointer; None also where this role may not see it.
    """

    datname: str
    backends: dict[tuple[str, str], int]
    transactions: dict[tuple[str, str], float]
    waiting: dict[str, int]
    max_connections: int
    deadlocks: int
    size: int | None
    ping: HistogramSnapshot
    started: float | None = None
    checkpointer_started: float | None = None
    problems: tuple[str, ...] = ()


class _Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose every wait ends at ``deadline`` (time.monotonic)."""

    deadline = float("inf")

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        left = max(0.0, self.deadline - time.monotonic())
        if left != float("inf"):
            timeout = left if timeout is None else min(left, timeout)
        return super().wait(gen, interval, timeout)


def connection_options(url: str, timeout: float) -> dict[str, Any]:
    """Connection parameters of ``url`` with our time-outs and name.

    Raises:
        ValueError: not a PostgreSQL URL; the text holds no secret.
    """
    try:
        options: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.Error as error:
        raise ValueError(redact(error, secrets_of(url))) from None
    limit = f"-c statement_timeout={int(timeout * 1000)}"
    options["options"] = f"{options.get('options') or ''} {limit}".strip()
    options["application_name"] = APPLICATION_NAME
    # psycopg waits whole seconds, two at least.
    options["connect_timeout"] = max(2, round(timeout))
    return options


@dataclass
class Link:
    """One kept connection and its errors, for PostgreSQL and for PgBouncer's console."""

    options: dict[str, Any]
    secrets: tuple[str, ...]
    timeout: float
    connection: _Bounded | None = field(default=None, init=False)

    def begin(self) -> None:
        """Connects unless connected, and gives the work that follows its time. Raises Unreadable."""
        try:
            if self.connection is None:
                self.connection = self._connect()
            self.connection.deadline = time.monotonic() + self.timeout
        except (psycopg.Error, OSError) as error:
            raise self.broken(error) from None

    def _connect(self) -> _Bounded:
        # prepare_threshold None: PgBouncer gives each statement another server, which knows no prepared ones.
        try:
            return _Bounded.connect(autocommit=True, prepare_threshold=None, **self.options)
        except psycopg.OperationalError as error:
            # A postgresql:// URL that leads to a PgBouncer: it passes no start-up options on. Our own deadline stays.
            if "unsupported startup parameter" not in str(error) or "options" not in self.options:
                raise
            del self.options["options"]
            return _Bounded.connect(autocommit=True, prepare_threshold=None, **self.options)

    def rows(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """Raises psycopg.Error."""
        assert self.connection is not None
        return self.connection.execute(statement).fetchall()

    def broken(self, error: BaseException) -> Unreadable:
        """Drops the connection; the next reading makes a new one."""
        self.close()
        text = redact(error, self.secrets)
        return Unreadable(f"{type(error).__name__.lstrip('_')}: {text}" if text else type(error).__name__.lstrip("_"))

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Database:
    """The source behind one PostgreSQL's metrics; see poller.Source."""

    def __init__(self, url: str, *, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Does not connect. Raises ValueError when ``url`` is none."""
        self._link = Link(connection_options(url, timeout), secrets_of(url), timeout)
        self._clock = clock
        self._ping = LatencyHistogram()
        self._known: set[str] = set()
        self._size: int | None = None
        self._size_at = float("-inf")

    def ping(self) -> None:
        self._link.begin()
        began = self._clock()
        try:
            self._link.rows("SELECT 1")
        except psycopg.Error as error:
            took = self._clock() - began
            if took >= self._link.timeout * 0.9:
                # A ping that ran into its time-out took at least that long; left out it would flatter the quantiles.
                self._ping.observe(took)
            raise self._link.broken(error) from None
        self._ping.observe(self._clock() - began)

    def read(self) -> DatabaseReading:
        self.ping()
        try:
            [(datname, max_connections, deadlocks)] = self._link.rows(_SETTINGS)
            activity = self._link.rows(_ACTIVITY)
            waiting = dict(self._link.rows(_WAITING))
            started, checkpointer_started, unsaid = self._starts()
            problems = [one for one in (self._refresh_size(), _hidden(activity, datname), unsaid) if one]
        except psycopg.Error as error:
            raise self._link.broken(error) from None
        self._known |= {datname, *(row[0] for row in activity)}
        keys = {(known, state) for known in self._known for state in STATES}
        return DatabaseReading(
            datname=datname,
            backends={**dict.fromkeys(keys, 0), **{(row[0], row[1]): row[2] for row in activity}},
            transactions={
                **dict.fromkeys(keys, 0.0),
                **{(row[0], row[1]): max(0.0, row[3]) for row in activity if row[1] != HIDDEN_STATE},
            },
            waiting={**dict.fromkeys(WAITS, 0), **waiting},
            max_connections=max_connections,
            deadlocks=deadlocks,
            size=self._size,
            ping=self._ping.snapshot(),
            started=started,
            checkpointer_started=checkpointer_started,
            problems=tuple(problems),
        )

    def close(self) -> None:
        self._link.close()

    def _starts(self) -> tuple[float | None, float | None, str]:
        """When postmaster and checkpointer began, or why that is unknown: what only speaks PostgreSQL has neither."""
        try:
            [(postmaster, checkpointer)] = self._link.rows(_START)
        except (psycopg.errors.UndefinedFunction, psycopg.errors.InsufficientPrivilege) as error:
            return None, None, f"start time: {redact(error, self._link.secrets)}"
        return postmaster, checkpointer, ""

    def _refresh_size(self) -> str:
        """Reads the size when it is due; a size that cannot be read is dropped, and the reason returned."""
        now = self._clock()
        if self._size is not None and now - self._size_at < SIZE_SECONDS:
            return ""
        try:
            [(self._size,)] = self._link.rows(_SIZE)
        except (psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege) as error:
            self._size = None
            return f"database size: {redact(error, self._link.secrets)}"
        self._size_at = now
        return ""


def _hidden(activity: list[tuple[Any, ...]], datname: str) -> str:
    hidden = sum(row[2] for row in activity if row[0] == datname and row[1] == HIDDEN_STATE)
    if not hidden:
        return ""
    return f"{hidden} backends of {datname!r} hide their state from this role: grant it pg_monitor"
