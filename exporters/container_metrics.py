"""Containers as metrics, in cAdvisor's names; the label ``name`` is the container's."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.container import ContainerReading
from exporters.families import Families


def expose(families: Families, container: str, reading: ContainerReading | None) -> None:
    """Adds one container. While it does not run only its counters of events and its last start are there."""
    if reading is None:
        return
    labels = {"name": container}
    state, use = reading.state, reading.use
    families.counter(
        names.CONTAINER_OOM, "Out-of-memory kills inside since the sidecar began.", labels, reading.oom_events
    )
    families.counter(names.CONTAINER_STARTS, "Starts since the sidecar began.", labels, reading.starts)
    families.gauge(names.CONTAINER_START, "Unix time of the last start.", labels, state.started)
    if use is None:
        return
    families.gauge(names.CONTAINER_LAST_SEEN, "Unix time of the last look.", labels, reading.seen)
    families.gauge(
        names.CONTAINER_WORKING_SET, "Memory in use less inactive page cache, in bytes.", labels, use.working_set
    )
    families.gauge(names.CONTAINER_MEMORY_LIMIT, "Memory limit in bytes; 0 is no limit.", labels, state.limit)
    families.counter(names.CONTAINER_CPU, "CPU seconds used.", labels, use.cpu)
    families.counter(names.CONTAINER_CPU_PERIODS, "Periods of the CPU quota.", labels, use.periods)
    families.counter(
        names.CONTAINER_CPU_THROTTLED_PERIODS, "Periods held back by the CPU quota.", labels, use.throttled_periods
    )
    families.counter(names.CONTAINER_CPU_THROTTLED, "Seconds held back by the CPU quota.", labels, use.throttled)
