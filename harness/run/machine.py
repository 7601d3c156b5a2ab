"""What a run was made on and with, for ``versions`` of run.json: runs on unlike machines are not compared."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from harness.run.record import LOAD_LIBRARIES
from harness.units import format_bytes

UNKNOWN = "unknown"


def versions(locustfile: str) -> dict[str, str]:
    """Names and values of this machine and of the load's program.

    Args:
        locustfile: path of the plan's locustfile; its digest is kept, since another file is another load.
    """
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = {
        "python": python_version(),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu_model(Path("/proc/cpuinfo")),
        "cpus": str(usable_cpus()),
        "memory": format_bytes(float(pages)),
        "locustfile": _digest(Path(locustfile)),
    }
    for name in ("endurance-harness", "locust", *LOAD_LIBRARIES):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def cpu_model(cpuinfo: Path) -> str:
    """The processor's model as Linux tells it; "unknown" where it does not."""
    with suppress(OSError, UnicodeDecodeError):
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "Hardware") and value.strip():
                return " ".join(value.split())
    return platform.processor() or UNKNOWN


def usable_cpus() -> int:
    """Cores that this process may use: a container's share of a machine is another machine class."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def _digest(path: Path) -> str:
    try:
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return UNKNOWN
