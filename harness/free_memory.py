"""How much memory may still be taken here, the limit of this container included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import psutil

GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
SURELY = ("inactive_file",)  # cached files that the kernel gives back first
AT_MOST = ("inactive_file", "active_file", "slab_reclaimable")


def memory_free(groups: Sequence[tuple[Path, Path]] = GROUPS, cached: Sequence[str] = SURELY) -> float:
    """Bytes: the least of ``memory_bounds``."""
    return min(free for free, _ in memory_bounds(groups, cached))


def memory_bounds(
    groups: Sequence[tuple[Path, Path]] = GROUPS, cached: Sequence[str] = SURELY
) -> list[tuple[float, float]]:
    """Bytes that may still be taken and bytes in all, of the machine (which is never small: inf) and of each limit.

    Args:
        groups: files with the limit and the use of a control group; those that are not there limit nothing.
        cached: what of the group's memory that the kernel gives back counts as free.
    """
    found = [(float(psutil.virtual_memory().available), math.inf)]
    for limit, used in groups:
        try:
            most, now = limit.read_text().strip(), used.read_text().strip()
        except OSError:
            continue
        if most.isdigit() and now.isdigit():
            # Cached files count as used there and are given back: what is free may be more than this.
            free = max(0.0, float(most) - float(now)) + sum(_cached(limit.parent, one) for one in cached)
            found.append((free, float(most)))
    return found


def _cached(group: Path, which: str) -> float:
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0.0
    found = {name: value for name, _, value in (line.partition(" ") for line in lines)}
    text = found.get(f"total_{which}") or found.get(which) or "0"
    return float(text) if text.isdigit() else 0.0
