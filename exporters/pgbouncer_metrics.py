"""PgBouncer's pools as metrics, in pgbouncer_exporter's names; the label ``database`` is the plan's name of it."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.families import Families
from exporters.pgbouncer import PgBouncerReading


def expose(families: Families, database: str, reading: PgBouncerReading | None) -> None:
    """Adds one PgBouncer. Unread: ``pgbouncer_up`` 0 and nothing else."""
    families.gauge(names.PGBOUNCER_UP, "1 when PgBouncer answered.", {"database": database}, float(reading is not None))
    for pool in reading.pools if reading else ():
        labels = {"database": database, "datname": pool.datname, "user": pool.user}
        for name, text, value in (
            (names.PGBOUNCER_CLIENT_ACTIVE, "Client connections that have a server connection.", pool.client_active),
            (names.PGBOUNCER_CLIENT_WAITING, "Client connections that wait for one.", pool.client_waiting),
            (names.PGBOUNCER_SERVER_ACTIVE, "Server connections given to a client.", pool.server_active),
            (names.PGBOUNCER_MAXWAIT, "Seconds that the first waiting client has waited.", pool.maxwait),
        ):
            families.gauge(name, text, labels, value)
