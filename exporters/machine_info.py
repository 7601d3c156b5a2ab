"""Which machine a process runs on: its CPU time tells of the target's machine only where it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.registry import Collector

from exporters import metric_names as names

# New at each boot, and the same in all containers of one kernel, which share its CPU.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_id(boot_id: Path = BOOT_ID) -> str | None:
    """Of the running kernel, hashed so that nothing of it is told; None where it tells none."""
    try:
        found = boot_id.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return hashlib.sha256(found.encode()).hexdigest()[:12] if found else None


class MachineCollector(Collector):
    """Adds ``harness_machine_info``. Where the machine is not known there is no series, which is never "the same"."""

    def __init__(self, machine: str | None) -> None:
        self._machine = machine

    def collect(self) -> Iterable[Metric]:
        family = Metric(names.MACHINE_INFO, "The machine that this process runs on.", "gauge")
        if self._machine is not None:
            family.add_sample(names.MACHINE_INFO, {"machine": self._machine}, 1.0)
        return [family]
