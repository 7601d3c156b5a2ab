"""Reads a group of processes: memory, CPU, descriptors, threads, starts. Needs the processes' user, no capability.

Without the right to read a member's descriptors or memory map the figure is absent and the reading says so: a sum over
some of the members would be a lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from exporters import procfs
from exporters.process_account import Account
from exporters.process_members import Members
from exporters.procfs import GONE, TICKS, Stat

# smaps_rollup walks the target's page tables under its memory lock: seldom, and the more seldom the longer it takes.
PSS_SECONDS = 10.0
PSS_COST_SHARE = 0.002  # of a core


@dataclass(frozen=True)
class SetSizes:
    """Sums over the members, in bytes; None: not readable."""

    proportional: int | None = None
    unique: int | None = None


@dataclass(frozen=True)
class ProcessReading:
    """One look at a group. None: there is no member, or it could not be read. CPU in seconds, sizes in bytes.

    Attributes:
        fd_ratio: the worst member's open descriptors over its soft limit.
        oldest_start: unix seconds.
    """

    members: int
    starts: int
    user: float | None = None
    system: float | None = None
    resident: int | None = None
    virtual: int | None = None
    swapped: int | None = None
    sizes: SetSizes = SetSizes()
    fds: int | None = None
    fd_ratio: float | None = None
    threads: int | None = None
    oldest_start: float | None = None
    problems: tuple[str, ...] = ()


class ProcessGroup:
    """The source behind one group's metrics; see poller.Source."""

    def __init__(
        self,
        members: Members,
        *,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
        boot_clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._members = members
        self._clock = clock
        self._boot_clock = boot_clock
        self._account: Account | None = None
        self._interval = interval
        self._sizes_every = max(PSS_SECONDS, interval)
        self._sizes_at = float("-inf")
        self._sizes = SetSizes()
        self._sizes_problem = ""
        self._births: dict[tuple[int, int], float] = {}
        self._rollup = procfs.has_rollup()

    def read(self) -> ProcessReading:
        looked_at = self._boot_clock() * TICKS
        found = self._members.look()
        if self._account is None:
            self._account = Account(looked_at)
        account = self._account
        account.update(found)
        living = [stat for stat in found if not stat.dead]
        swapped, living = _swapped(living)
        cpu = (account.user, account.system) if account.seen else (None, None)
        if not living:
            self._sizes, self._sizes_at, self._births = SetSizes(), float("-inf"), {}
            return ProcessReading(0, account.starts, *cpu)
        fds, fd_ratio, fd_problem = _descriptors(living)
        self._refresh_sizes(living)
        return ProcessReading(
            members=len(living),
            starts=account.starts,
            user=cpu[0],
            system=cpu[1],
            resident=sum(stat.resident for stat in living),
            virtual=sum(stat.virtual for stat in living),
            swapped=swapped,
            sizes=self._sizes,
            fds=fds,
            fd_ratio=fd_ratio,
            threads=sum(stat.threads for stat in living),
            oldest_start=self._oldest(living),
            problems=tuple(problem for problem in (fd_problem, self._sizes_problem) if problem),
        )

    def ping(self) -> None:
        """Nothing to probe."""

    def close(self) -> None:
        """Nothing is held open."""

    def _refresh_sizes(self, living: list[Stat]) -> None:
        began = self._clock()
        if not self._rollup or began - self._sizes_at < self._sizes_every:
            return
        self._sizes_at = began
        cost = time.thread_time()  # CPU, not wall time: on a busy machine waiting is no cost
        pss = uss = measured = 0
        for stat in living:
            try:
                rollup = procfs.read_rollup(stat.pid)
            except GONE:
                continue
            except PermissionError:
                if _ended(stat):
                    continue
                self._sizes = SetSizes()
                self._sizes_problem = f"memory map of pid {stat.pid}: permission denied (run as the target's user)"
                return
            pss += rollup.pss
            uss += rollup.uss
            measured += 1
        self._sizes, self._sizes_problem = SetSizes(pss, uss) if measured else SetSizes(), ""
        self._sizes_every = max(PSS_SECONDS, self._interval, (time.thread_time() - cost) / PSS_COST_SHARE)

    def _oldest(self, living: list[Stat]) -> float:
        """Unix seconds. Worked out once per member: both clocks drift apart, and a start time must not move."""
        offset = time.time() - self._boot_clock()
        self._births = {s.identity: self._births.get(s.identity, offset + s.start / TICKS) for s in living}
        return min(self._births.values())


def _swapped(living: list[Stat]) -> tuple[int | None, list[Stat]]:
    """Bytes swapped out, and those members that were still there to be asked."""
    total: int | None = 0
    remaining = []
    for stat in living:
        try:
            swapped = procfs.read_swapped(stat.pid)
        except GONE:
            continue
        remaining.append(stat)
        total = None if swapped is None or total is None else total + swapped
    return total, remaining


def _descriptors(living: list[Stat]) -> tuple[int | None, float | None, str]:
    """Open descriptors, worst ratio to the limit, and what went wrong."""
    total: int | None = None
    worst: float | None = None
    for stat in living:
        try:
            count, limit = procfs.count_fds(stat.pid), procfs.read_fd_limit(stat.pid)
        except GONE:
            continue
        except PermissionError:
            if _ended(stat):
                continue
            return None, None, f"descriptors of pid {stat.pid}: permission denied (run as the target's user)"
        total = (total or 0) + count
        if limit:
            worst = max(worst or 0.0, count / limit)
    return total, worst, ""


def _ended(stat: Stat) -> bool:
    """A process that has just become a zombie answers with permission denied too."""
    try:
        now = procfs.read_stat(stat.pid)
    except GONE:
        return True
    return now.dead or now.start != stat.start
