"""PostgreSQL as metrics, in postgres_exporter's names; the label ``database`` is the plan's name of it."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.database import DatabaseReading
from exporters.families import Families


def expose(families: Families, database: str, reading: DatabaseReading | None) -> None:
    """Adds one database. Unread: ``pg_up`` 0 and nothing else."""
    labels = {"database": database}
    families.gauge(names.PG_UP, "1 when PostgreSQL answered.", labels, float(reading is not None))
    if reading is None:
        return
    own = {**labels, "datname": reading.datname}
    for (datname, state), count in sorted(reading.backends.items()):
        families.gauge(
            names.PG_ACTIVITY,
            "Client backends by state, the sidecar's own left out.",
            {**labels, "datname": datname, "state": state},
            count,
        )
    for (datname, state), seconds in sorted(reading.transactions.items()):
        families.gauge(
            names.PG_MAX_TX_DURATION,
            "Age of the oldest transaction in seconds.",
            {**labels, "datname": datname, "state": state},
            seconds,
        )
    for kind, count in sorted(reading.waiting.items()):
        families.gauge(
            names.PG_WAITING, "Active backends that wait for a lock.", {**labels, "wait_event_type": kind}, count
        )
    families.gauge(names.PG_MAX_CONNECTIONS, "The setting max_connections.", labels, reading.max_connections)
    families.gauge(names.PG_DATABASE_SIZE, "Size of the database in bytes.", own, reading.size)
    families.untyped(names.PG_DEADLOCKS, "Deadlocks in this database.", own, reading.deadlocks)
    families.gauge(
        names.PG_START,
        "Unix time when the postmaster began.",
        {**labels, "process_name": "postmaster"},
        reading.started,
    )
    families.gauge(
        names.PG_CHECKPOINTER_START,
        "Unix time when the checkpointer began: with the postmaster, and anew after a crash.",
        labels,
        reading.checkpointer_started,
    )
    families.histogram(names.DB_PING, "Seconds that SELECT 1 took on a kept connection.", labels, reading.ping)
