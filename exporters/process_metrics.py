"""Process groups as metrics, in process-exporter's names."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.families import Families
from exporters.process import ProcessReading


def expose(families: Families, group: str, reading: ProcessReading | None) -> None:
    """Adds one group. A group without members says ``num_procs`` 0 and keeps its counters; its gauges are absent."""
    if reading is None:
        return
    labels = {"groupname": group}
    families.gauge(names.PROC_NUM, "Processes in the group.", labels, reading.members)
    families.counter(names.PROC_STARTS, "Members that began after the sidecar first looked.", labels, reading.starts)
    for mode, seconds in (("user", reading.user), ("system", reading.system)):
        families.counter(
            names.PROC_CPU,
            "CPU seconds since the sidecar first looked, ended members included.",
            {**labels, "mode": mode},
            seconds,
        )
    for memtype, size in (
        ("resident", reading.resident),
        ("virtual", reading.virtual),
        ("swapped", reading.swapped),
        ("proportionalResident", reading.sizes.proportional),
    ):
        families.gauge(names.PROC_MEMORY, "Memory of all members in bytes.", {**labels, "memtype": memtype}, size)
    families.gauge(names.PROC_USS, "Memory that only single members use, in bytes.", labels, reading.sizes.unique)
    families.gauge(names.PROC_FDS, "Open file descriptors of all members.", labels, reading.fds)
    families.gauge(
        names.PROC_WORST_FD_RATIO, "Open descriptors over soft limit, worst member.", labels, reading.fd_ratio
    )
    families.gauge(names.PROC_THREADS, "Threads of all members.", labels, reading.threads)
    families.gauge(names.PROC_OLDEST_START, "Unix time when the oldest member began.", labels, reading.oldest_start)
