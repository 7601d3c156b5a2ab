"""What /proc says of one process (proc(5)). Each call reads one file; a process that has gone raises ``GONE``.

One read of ``stat`` gives what psutil needs three files for: at a 5 s interval that is the difference in cost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# A process that ended: its directory is missing, or it vanished between open and read (ESRCH).
GONE = (FileNotFoundError, ProcessLookupError)
DEAD_STATES = frozenset("ZXx")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024


@dataclass(frozen=True)
class Stat:
    """/proc/PID/stat. CPU in seconds, memory in bytes, ``start`` in clock ticks since boot."""

    pid: int
    state: str
    parent: int
    user: float
    system: float
    threads: int
    start: int
    virtual: int
    resident: int

    @property
    def identity(self) -> tuple[int, int]:
        return self.pid, self.start

    @property
    def dead(self) -> bool:
        """A zombie: its CPU time can still be read, it has no memory and no descriptors any more."""
        return self.state in DEAD_STATES


@dataclass(frozen=True)
class Rollup:
    """Proportional and unique set size in bytes (/proc/PID/smaps_rollup)."""

    pss: int
    uss: int


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - hot path, pathlib costs as much as the read
        return file.read()


def read_stat(pid: int) -> Stat:
    """Raises GONE."""
    # The name in parentheses may hold blanks and parentheses itself: fields are counted from the last one.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return Stat(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        user=int(fields[11]) / TICKS,
        system=int(fields[12]) / TICKS,
        threads=int(fields[17]),
        start=int(fields[19]),
        virtual=int(fields[20]),
        resident=int(fields[21]) * PAGE,
    )


def read_command_line(pid: int) -> str:
    """Arguments joined by blanks; empty for kernel threads and zombies. Raises GONE, PermissionError."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def read_swapped(pid: int) -> int | None:
    """Bytes in swap (VmSwap); None where the kernel does not say. Raises GONE."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"VmSwap:"):
            return int(line.split()[1]) * _KIB
    return None


def has_rollup() -> bool:
    """False before Linux 4.14."""
    return Path("/proc/self/smaps_rollup").exists()


def read_rollup(pid: int) -> Rollup:
    """Raises GONE, and PermissionError unless the reader has the same user or may trace the process."""
    pss = uss = 0
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            pss = int(line.split()[1]) * _KIB
        elif line.startswith((b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:")):
            uss += int(line.split()[1]) * _KIB
    return Rollup(pss, uss)


def count_fds(pid: int) -> int:
    """Open descriptors. Raises GONE, PermissionError (see read_rollup)."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - only counted


def read_fd_limit(pid: int) -> int | None:
    """The soft limit of open descriptors; None when unlimited. Raises GONE."""
    for line in _read(pid, "limits").splitlines():
        if line.startswith(b"Max open files"):
            soft = line.split()[3]
            return None if soft == b"unlimited" else int(soft)
    return None
