"""Which processes a group of the plan would watch, told so that a wrong one is seen before the run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.plan.secrets import mask_command

_MOST_SHOWN = 5
_LONGEST = 80  # characters of a command line


@dataclass(frozen=True)
class Found:
    """A process. ``program`` is its executable, by the kernel's word where we may know it, else as it was called."""

    pid: int
    command: tuple[str, ...]
    program: str


def matching_processes(pattern: str) -> list[Found]:
    """As the sidecar will choose them, but for their children: all whose command line matches, except ourselves and
    our ancestors, who may quote the pattern on theirs."""
    me = psutil.Process()
    own = {me.pid, *(parent.pid for parent in me.parents())}
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = tuple(process.info["cmdline"] or ())
        if process.pid not in own and re.search(pattern, " ".join(command)):
            found.append(Found(process.pid, command, _program(process, command)))
    return sorted(found, key=lambda one: one.pid)


def named_process(pid: int) -> Found:
    """The process of that id; without a command line where it may not be read."""
    command: tuple[str, ...] = ()
    with suppress(psutil.Error):
        command = tuple(psutil.Process(pid).cmdline())
    return Found(pid, command, "")


def members_in_words(found: Sequence[Found]) -> str:
    """ "2 processes: pid 7 (gunicorn app), pid 8 (gunicorn app)", without secrets. Pure."""
    shown = [f"pid {one.pid}" + (f" ({_shortened(one.command)})" if one.command else "") for one in found[:_MOST_SHOWN]]
    more = [f"{len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
    count = f"{len(found)} processes: " if len(found) > 1 else ""
    return count + ", ".join(shown + more)


def several_programs(group: str, found: Sequence[Found]) -> str:
    """A warning where one pattern found different programs: an editor or a shell may have the same words. Pure."""
    programs = sorted({one.program for one in found if one.program})
    if len(programs) < 2:
        return ""
    held = ", ".join(programs)
    return f"the process group {group!r} holds different programs: {held}; narrow its match if not all are meant"


def _shortened(command: Sequence[str]) -> str:
    line = mask_command(command)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _program(process: psutil.Process, command: Sequence[str]) -> str:
    try:
        return Path(process.exe()).name or Path(command[0]).name
    except (psutil.Error, OSError):
        return Path(command[0]).name if command else ""
