"""What a run of a plan will take of the machine that makes it: disk, memory, descriptors, connections. Pure.

The figures were measured with Locust 2.47 and Prometheus 2.42 and stand here with how; estimates lean to the high side,
since they decide whether a night is begun.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.plan.model import Plan
from harness.plan.shape import peak_users

# Blocks of runs of one to three minutes have 2.2 to 5.7 bytes per sample, labels included; of 24 hours 1.4.
BLOCK_BYTES_PER_SAMPLE = 3.0
# Of a run of three minutes 6.3 bytes per sample. Prometheus keeps the write-ahead log of the newest hours only.
WAL_BYTES_PER_SAMPLE = 7.0
WAL_SECONDS = 3 * 3600.0
# The newest samples stand in Prometheus' memory and are written once more as a block of their own at the end.
ARCHIVE_COPIES = 2.0
# Prometheus sets a whole file of chunks aside (fallocate) before it writes a block, and gives back what it did not
# fill: with less room no archive is written, however short the run was.
CHUNK_FILE_BYTES = float(512 * 2**20)
LOG_BYTES_PER_HOUR = 20e6
REPORT_BYTES = 3e6  # 60 reports of short runs have 2.0 to 2.7 MB, their scripts included
LEAST_BYTES = 150e6  # PostgreSQL's and Redis' data, the report, first segments of 32 MB

# A request name has two outcomes with their buckets, sum and count, five kinds of errors and its bytes.
ERROR_SERIES = 8
LIKELY_NAMES = 20  # of a locustfile that nobody has run; the shipped journeys have 9
OTHER_SERIES = 1400  # Prometheus' own 756, recorded 258, target 191, sidecar 134, run 33 in a run of smoke
RECORDED_PER_NAME = 12

# 500 to 1,500 HttpUsers with a connection each: 82 to 137 MB, the server's side of the connections in it.
BYTES_PER_USER = 60e3
BYTES_PER_LOCUST = 90e6  # a Locust process with the exporter
BYTES_OF_HARNESS = 150e6  # the harness 90 MB, the sidecar 50 MB
BYTES_PER_SERIES = 60e3  # Prometheus with a day's 2,000 series: 232 MB
BYTES_OF_REFERENCE = 500e6  # PostgreSQL, Redis and four workers of Mingus
FILES_PER_PROCESS = 100
LOCUST_RAISES_TO = 10_000  # locust.main: its own soft limit of open files, where the hard one allows it


@dataclass(frozen=True)
class Footprint:
    """What a run takes.

    Attributes:
        series: scraped and recorded.
        samples: of all series over the load's length.
        disk: bytes in the folder of runs at the most, while the run is on: Prometheus' data with its log of writes, the
            archive's copy, the reference target's databases.
        kept: bytes that stay there when it is over.
        memory: bytes of all that the harness starts.
        users: at the peak; of the open model its slots.
        files: descriptors of the fullest Locust worker.
    """

    series: int
    samples: float
    disk: float
    kept: float
    memory: float
    users: int
    files: int


def footprint(plan: Plan, edges: int, *, target_series: int | None = None, load_here: bool = True) -> Footprint:
    """Estimates a run.

    Args:
        edges: finite bucket edges of the request histogram.
        target_series: series that the target's own metrics have, where somebody looked.
        load_here: the harness starts Locust itself; else its users are other machines'.
    """
    load = plan.load
    names = max(LIKELY_NAMES, len({o.endpoint for o in plan.objectives if o.endpoint}))
    per_name = 2 * (edges + 3) + ERROR_SERIES
    series = OTHER_SERIES + names * (load.workers * per_name + RECORDED_PER_NAME) + (target_series or 0)
    samples = series * load.duration / plan.scrape_interval
    wal = series * min(load.duration, WAL_SECONDS) / plan.scrape_interval * WAL_BYTES_PER_SAMPLE
    blocks, logs = samples * BLOCK_BYTES_PER_SAMPLE, load.duration / 3600 * LOG_BYTES_PER_HOUR
    disk = blocks * ARCHIVE_COPIES + wal + logs + LEAST_BYTES + CHUNK_FILE_BYTES
    kept = blocks + logs + REPORT_BYTES
    users = load.arrival_slots if load.model == "open" else peak_users(load.stages)
    memory = BYTES_OF_HARNESS + series * BYTES_PER_SERIES
    if load_here:
        memory += (load.workers + 1) * BYTES_PER_LOCUST + users * BYTES_PER_USER
    if plan.target.reference:
        memory += BYTES_OF_REFERENCE
    return Footprint(series, samples, disk, kept, memory, users, math.ceil(users / load.workers) + FILES_PER_PROCESS)
