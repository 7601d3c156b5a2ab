"""What a cell needs of this machine and this user, told before it is run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

CAP_NET_ADMIN = 12
CAP_SYS_ADMIN = 21
_NAMES = {CAP_NET_ADMIN: "CAP_NET_ADMIN", CAP_SYS_ADMIN: "CAP_SYS_ADMIN"}


def lacking(capabilities: Sequence[int], programs: Sequence[str], status: Path = Path("/proc/self/status")) -> str:
    """In words; empty when nothing is.

    Args:
        capabilities: numbers of Linux' capabilities(7).
        status: file with this process' capabilities.
    """
    held = held_capabilities(status.read_text(encoding="utf-8"))
    needed = [_NAMES[one] for one in capabilities if not held >> one & 1]
    gone = [name for name in programs if shutil.which(name) is None]
    words = [f"it needs root ({', '.join(needed)})"] if needed else []
    return "; ".join([*words, *(f"the program {name!r} is not installed" for name in gone)])


def held_capabilities(status: str) -> int:
    """The effective set as a number, from the text of /proc/PID/status; 0 where it is not told. Pure."""
    found = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return int(found[0], 16) if found else 0
