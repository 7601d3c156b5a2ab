"""Does this machine have what the whole run will take: disk, memory, descriptors, ports, and a clock that goes on?

What is there comes in as ``Machine``, so that each rule is a function of it; ``look_around`` reads it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.free_memory import memory_free
from harness.plan.footprint import CHUNK_FILE_BYTES, FILES_PER_PROCESS, LOCUST_RAISES_TO, Footprint
from harness.plan.model import Plan
from harness.run.check import Check
from harness.run.ports import LOOPBACK
from harness.units import format_bytes, format_duration

ROOM = 1.5  # less than so many times the estimate is a warning: other things on the disk grow too
SERVERS_PORTS = 12  # the most that a run opens here itself: Prometheus, Locust, sidecar, reference target
CLOCK_MATTERS_SECONDS = 3600.0  # in a shorter run a clock that nobody corrects does not drift by a scrape
_TIME_ERROR = 5  # adjtimex: nobody keeps the clock in step


@dataclass(frozen=True)
class Machine:
    """What there is.

    Attributes:
        disk: free bytes where runs are written; ``temporary`` where temporary files are; None when it cannot be told.
        memory: bytes that may still be taken, the container's limit included.
        files: soft and hard limit of open files.
        ports: of outgoing connections to one address, the first and the last.
        clock_kept: whether something keeps the clock in step; None when it cannot be told.
        unbindable: why a loopback port could not be opened; empty when as many could as a run needs.
    """

    runs: Path
    disk: float | None
    temporary: float | None
    memory: float | None
    files: tuple[int, int]
    ports: tuple[int, int] | None
    clock_kept: bool | None
    unbindable: str = ""


def machine_checks(plan: Plan, needs: Footprint, machine: Machine, *, load_here: bool) -> Iterator[Check]:
    """Each thing against what the run will take. Pure."""
    yield _disk(plan, needs, machine)
    yield _memory(needs, machine)
    if load_here:
        yield _files(needs, machine)
        yield _ports(needs, machine)
    yield _clock(plan, machine)


def _disk(plan: Plan, needs: Footprint, machine: Machine) -> Check:
    what = (
        f"up to {format_bytes(needs.disk)} while it is on, and leaves up to {format_bytes(needs.kept)}: "
        f"{format_duration(plan.load.duration)} of about {needs.series:,} series "
        f"every {format_duration(plan.scrape_interval)}"
    )
    remedy = "make room, give another folder with --out, or scrape less often: --set scrape_interval=15s"
    if machine.disk is None:
        warning = f"how much room {machine.runs} has cannot be told"
        return Check("disk", True, f"the run takes {what}", remedy, warning)
    detail = f"{format_bytes(machine.disk)} free in {machine.runs}; the run takes {what}"
    if machine.disk < needs.disk:
        return Check("disk", False, detail, remedy)
    if machine.temporary is not None and machine.temporary < max(needs.disk / 2, CHUNK_FILE_BYTES):
        # The judge copies what it cannot link, and writes the recorded series, in the folder of temporary files.
        warning = f"only {format_bytes(machine.temporary)} free for temporary files: set TMPDIR to a larger folder"
        return Check("disk", True, detail, warning=warning)
    if machine.disk < ROOM * needs.disk:
        return Check("disk", True, detail, warning=f"that is little room: {remedy}")
    return Check("disk", True, detail)


def _memory(needs: Footprint, machine: Machine) -> Check:
    what = f"the run takes about {format_bytes(needs.memory)}, {needs.users:,} users at the peak included"
    if machine.memory is None:
        return Check("memory", True, what, warning="how much memory is free cannot be told")
    detail = f"{format_bytes(machine.memory)} free; {what}"
    remedy = "fewer users (--users N), a machine with more memory, or Locust workers on others (docs/services.md)"
    if machine.memory < needs.memory:
        return Check("memory", False, detail, remedy)
    return Check("memory", True, detail, warning="that is little" if machine.memory < ROOM * needs.memory else "")


def _files(needs: Footprint, machine: Machine) -> Check:
    soft, hard = machine.files
    limit = max(soft, LOCUST_RAISES_TO) if hard >= LOCUST_RAISES_TO else soft
    detail = f"{limit:,} per process; a Locust worker takes about {needs.files:,}, one for each of its users"
    if needs.files <= limit:
        return Check("open files", True, detail)
    workers = -(-needs.users // max(1, limit - FILES_PER_PROCESS))
    return Check(
        "open files", False, detail, f"raise the limit (ulimit -n {needs.files + FILES_PER_PROCESS}), "
        f"or share the users out: --set load.workers={workers}", key=("load", "stages"),
    )  # fmt: skip


def _ports(needs: Footprint, machine: Machine) -> Check:
    if machine.unbindable:
        remedy = "end what holds the ports of this machine, or widen net.ipv4.ip_local_port_range"
        return Check("ports", False, f"no free port on {LOOPBACK}: {machine.unbindable}", remedy)
    if machine.ports is None:
        return Check("ports", True, f"{SERVERS_PORTS} free on {LOOPBACK}")
    first, last = machine.ports
    there = last - first + 1
    detail = f"{there:,} for connections to one address; {needs.users:,} users take one each"
    if there >= needs.users + SERVERS_PORTS:
        return Check("ports", True, detail)
    remedy = "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or Locust workers on more machines"
    return Check("ports", False, detail, remedy, key=("load", "stages"))


def _clock(plan: Plan, machine: Machine) -> Check:
    if machine.clock_kept is None:
        return Check("clock", True, "whether something keeps it in step cannot be told")
    if machine.clock_kept or plan.load.duration < CLOCK_MATTERS_SECONDS:
        kept = "kept in step" if machine.clock_kept else "nothing keeps it in step, as far as is seen from here"
        return Check("clock", True, kept if machine.clock_kept else f"{kept}; that matters in runs of hours")
    return Check(
        "clock", True, "kept in step by nobody seen from here",
        warning="a clock that is set while the run is on leaves a gap in its series: let chrony or systemd-timesyncd "
        "keep it, or see that the host does",
    )  # fmt: skip


def look_around(runs: Path) -> Machine:
    """Reads what there is; what cannot be read is None."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = tuple(2**31 if one == resource.RLIM_INFINITY else one for one in hard)
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only asked for its room
    return Machine(
        runs.absolute(), _free(runs), _free(temporary), memory_free(), (limits[0], limits[1]), _port_range(),
        _clock_kept(), _unbindable(SERVERS_PORTS),
    )  # fmt: skip


def _free(folder: Path) -> float | None:
    folder = folder.absolute()
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    try:
        return None if there is None else float(shutil.disk_usage(there).free)
    except OSError:
        return None


def _port_range() -> tuple[int, int] | None:
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return None


class _Timex(ctypes.Structure):
    """struct timex begins with ``modes``; 0 asks and sets nothing. The rest is room for what the kernel writes."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))


def _clock_kept() -> bool | None:
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _unbindable(count: int) -> str:
    try:
        with ExitStack() as held:
            for _ in range(count):
                held.enter_context(socket.socket()).bind((LOOPBACK, 0))
    except OSError as error:
        return error.strerror or str(error)
    return ""
