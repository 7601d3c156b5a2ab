"""Which processes belong to a group: by command line, pid or pid file, with all their children.

Looking at every command line each time would cost more than everything else together: after the first look only new
pids are read, those that are still young (a fork that has not yet become its program), and all of them now and then.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from exporters.poller import Unreadable
from exporters.procfs import GONE, TICKS, Stat, read_command_line, read_stat

# Between fork and exec a process shows its parent's command line; after this age it has become what it will be.
SETTLED_SECONDS = 10.0
# A long-lived process may still exec another program; found at the latest after this.
RESCAN_SECONDS = 30.0
# A pid file is written by the process it names: one older than the process names a former owner of that pid.
PIDFILE_SLACK_SECONDS = 2.0


@dataclass(frozen=True)
class Selector:
    """One of the three is set."""

    match: re.Pattern[str] | None = None
    pid: int | None = None
    pidfile: Path | None = None


def own_processes() -> frozenset[int]:
    """The sidecar and its ancestors: harness, shell. They quote the plan's patterns on their own command lines."""
    me = psutil.Process(os.getpid())
    return frozenset({me.pid, *(parent.pid for parent in me.parents())})


class Members:
    """Finds the members of one group. A process once a member stays one until it ends, also when its parent ends."""

    def __init__(
        self,
        selector: Selector,
        *,
        excluded: frozenset[int],
        pids: Callable[[], Iterable[int]] = psutil.pids,
        boot_clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._selector = selector
        self._excluded = excluded
        self._pids = pids
        self._clock = boot_clock
        self._members: dict[int, int] = {}  # pid -> start
        self._settled: set[int] = set()
        self._rescan_at = 0.0
        self._locked: tuple[int, int] | None = None  # identity of the configured pid, once seen

    def look(self) -> list[Stat]:
        """The members now, zombies included (their CPU time still counts).

        Raises:
            Unreadable: the pid file is there and cannot be read or holds no pid.
        """
        now = self._clock()
        if now >= self._rescan_at:
            self._settled.clear()
            self._rescan_at = now + RESCAN_SECONDS
        alive = set(self._pids()) - self._excluded
        self._settled &= alive
        members = self._confirm(alive)
        candidates = self._candidates(alive - members.keys(), now)
        for root in self._roots(candidates, now):
            members[root.pid] = root
        self._adopt(members, candidates)
        self._members = {stat.pid: stat.start for stat in members.values()}
        return list(members.values())

    def _confirm(self, alive: set[int]) -> dict[int, Stat]:
        """Members of the last look that are still there; a pid with another start time is another process."""
        confirmed = {}
        for pid, start in self._members.items():
            if pid in alive and (stat := _stat(pid)) is not None and stat.start == start:
                confirmed[pid] = stat
        return confirmed

    def _candidates(self, pids: set[int], now: float) -> dict[int, Stat]:
        """Processes not yet judged for good. Those that will not change are not looked at until the next full look.

        Zombies too: a child that began and ended between two looks, and is not yet reaped, has begun all the same.
        """
        candidates = {}
        for pid in pids - self._settled:
            stat = _stat(pid)
            if stat is None:
                continue
            candidates[pid] = stat
            if now - stat.start / TICKS > SETTLED_SECONDS:
                self._settled.add(pid)
        return candidates

    def _roots(self, candidates: dict[int, Stat], now: float) -> list[Stat]:
        if self._selector.match is not None:
            return [s for s in candidates.values() if self._selector.match.search(_command_line(s.pid))]
        pid, written = self._named_pid()
        if pid is None or pid in self._excluded or (stat := _named_stat(pid)) is None or stat.dead:
            return []
        if written is not None:
            born = time.time() - (now - stat.start / TICKS)
            return [stat] if born <= written + PIDFILE_SLACK_SECONDS else []
        if self._locked is None:
            self._locked = stat.identity
        return [stat] if stat.identity == self._locked else []

    def _named_pid(self) -> tuple[int | None, float | None]:
        """The pid, and for a pid file the unix time it was written."""
        path = self._selector.pidfile
        if path is None:
            return self._selector.pid, None
        try:
            text, written = path.read_text(encoding="ascii"), path.stat().st_mtime
        except FileNotFoundError:
            return None, None  # no pid file: nothing runs, which is an answer
        except (OSError, UnicodeDecodeError) as error:
            raise Unreadable(f"pid file {path}: {getattr(error, 'strerror', None) or 'not a text'}") from None
        words = text.split()
        if not words:
            return None, None  # being written
        if not words[0].isdigit():
            raise Unreadable(f"pid file {path} holds no pid")
        return int(words[0]), written

    @staticmethod
    def _adopt(members: dict[int, Stat], candidates: dict[int, Stat]) -> None:
        """Adds children of members, and theirs."""
        waiting = {pid: stat for pid, stat in candidates.items() if pid not in members}
        found = True
        while found:
            children = {pid: stat for pid, stat in waiting.items() if stat.parent in members}
            found = bool(children)
            members.update(children)
            for pid in children:
                del waiting[pid]


def _stat(pid: int) -> Stat | None:
    try:
        return read_stat(pid)
    except (*GONE, PermissionError):
        return None  # /proc mounted with hidepid shows others' pids and nothing else


def _named_stat(pid: int) -> Stat | None:
    try:
        return read_stat(pid)
    except GONE:
        return None
    except PermissionError:
        raise Unreadable(f"/proc/{pid}: permission denied (is /proc mounted with hidepid?)") from None


def _command_line(pid: int) -> str:
    try:
        return read_command_line(pid)
    except (*GONE, PermissionError):
        return ""
