"""What should be flat for a day: the end of the range against its beginning.

``$window`` is how much of each end is averaged: an hour on a day's run. The first window begins at the range's start,
so the range should begin with the steady state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboards.queries.select import by, limit, series
from dashboards.template import FROM, TO, WINDOW
from exporters.metric_names import Recorded


@dataclass(frozen=True)
class Flat:
    """One thing that should stay flat: its recorded series, the labels that tell its subjects apart, its objective."""

    name: str
    series: str
    labels: tuple[str, ...] = ()
    objective: str | None = None

    @property
    def first(self) -> str:
        """Mean of the first window."""
        return f"avg_over_time({self.series}[{WINDOW}] @ {FROM} offset -{WINDOW})"

    @property
    def last(self) -> str:
        """Mean of the last window."""
        return f"avg_over_time({self.series}[{WINDOW}] @ {TO})"

    @property
    def course(self) -> str:
        """Growth since the first window, as a share of it, over the range."""
        return f"{self.series} / on {by(*self.labels)} ({self.first} > 0) - 1"

    @property
    def change(self) -> str:
        """Growth from the first to the last window, as a share of the first."""
        return f"{self.last} / on {by(*self.labels)} ({self.first} > 0) - 1"

    @property
    def limit(self) -> str:
        """The plan's limit of it: a share over the plan's horizon, of 24 h where it names none."""
        return limit(self.objective) if self.objective else ""

    @property
    def subject(self) -> str:
        """The label that names one of several."""
        return self.labels[-1] if self.labels else ""


_SUBJECT = ("kind", "subject")
MEMORY = Flat("memory", series(Recorded.MEMORY, 'subject=~"$process"'), _SUBJECT, "memory_growth")
FDS = Flat("descriptors", series(Recorded.FDS, 'subject=~"$process"'), _SUBJECT, "fd_growth")
THREADS = Flat("threads", series(Recorded.THREADS, 'subject=~"$process"'), _SUBJECT, "thread_growth")
CPU_PER_REQUEST = Flat(
    "CPU per request", series(Recorded.CPU_PER_REQUEST, 'subject=~"$process"'), _SUBJECT, "cpu_growth"
)
# A pool in use is near 0 when all is well: it has no share to grow by, so it stands in the tables only.
POOL = Flat("pool connections in use", series(Recorded.POOL_IN_USE, 'pool=~"$pool"'), ("pool",))
DB_CONNECTIONS = Flat("database connections", series(Recorded.DB_CONNECTIONS), ("database",), "connection_growth")
DB_SIZE = Flat("database size", series(Recorded.DB_SIZE), ("database",), "disk_growth")
P95 = Flat("p95 latency", series(Recorded.LATENCY_P95), (), "latency_growth")
REDIS_MEMORY = Flat("Redis memory", series(Recorded.REDIS_MEMORY), ("redis",))
GENERATOR_MEMORY = Flat("generator memory", series(Recorded.GENERATOR_MEMORY), ("instance",))

BYTES = (MEMORY, DB_SIZE, REDIS_MEMORY, GENERATOR_MEMORY)
COUNTS = (FDS, THREADS, POOL, DB_CONNECTIONS)
SECONDS = (P95, CPU_PER_REQUEST)


def rows(things: tuple[Flat, ...], end: Literal["first", "last"]) -> str:
    """One value per thing and subject, told apart by ``what`` and ``subject``, for a table."""
    return " or ".join(_row(thing, thing.first if end == "first" else thing.last) for thing in things)


def _row(thing: Flat, expr: str) -> str:
    if thing.subject and thing.subject != "subject":
        expr = f'label_replace({expr}, "subject", "$1", "{thing.subject}", "(.+)")'
    return f'label_replace(max by {by("subject")} ({expr}), "what", "{thing.name}", "", "")'
