"""A process group of real children that obey, and what /proc says of them."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from exporters import process_metrics
from exporters.families import Families
from exporters.process import ProcessGroup, ProcessReading
from exporters.process_members import Members, Selector, own_processes

# A master that obeys lines on its input: each grows it, or starts, recycles or ends a child that burns some CPU.
MASTER = """
import os, subprocess, sys, time
BURN = '''
import sys, time
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
print("x", flush=True)
time.sleep(1000)
'''
children, keep = [], []
print("ready", flush=True)
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    if word == "memory":
        keep.append(bytearray(os.urandom(1024)) * (int(argument) * 1024))
    elif word == "files":
        keep += [open(os.devnull) for _ in range(int(argument))]
    elif word == "child":
        children.append(subprocess.Popen([sys.executable, "-c", BURN, argument], stdout=subprocess.PIPE))
        children[-1].stdout.read(1)
    elif word == "kill":
        child = children.pop(0)
        child.kill()
        child.wait()
    elif word == "zombie":
        children[0].kill()
        os.waitid(os.P_PID, children[0].pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped
    elif word == "crash":
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.15)"])
    elif word == "burn":
        end = time.process_time() + float(argument)
        while time.process_time() < end: pass
    print("done", flush=True)
"""


class Master:
    """A master process with a command line of its own, to match."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.process = subprocess.Popen(
            [sys.executable, "-c", MASTER, tag], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.say()

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, command: str = "") -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        if command:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        assert self.process.stdout.readline()

    def end(self) -> None:
        for child in psutil.Process(self.pid).children(recursive=True) if psutil.pid_exists(self.pid) else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_master() -> Iterator[Master]:
    process = Master(f"tag-{uuid.uuid4().hex}")
    try:
        yield process
    finally:
        process.end()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def group_of(clock: Callable[[], float] = time.monotonic, **selector: object) -> ProcessGroup:
    members = Members(Selector(**selector), excluded=own_processes())  # type: ignore[arg-type]
    return ProcessGroup(members, interval=0.1, clock=clock)


def matching(tag: str, clock: Callable[[], float] = time.monotonic) -> ProcessGroup:
    return group_of(clock, match=re.compile(tag))


def status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(key)


def cpu(reading: ProcessReading) -> float:
    assert reading.user is not None and reading.system is not None
    return reading.user + reading.system


def fd_count(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def exposed(reading: ProcessReading | None) -> dict[tuple[str, ...], float]:
    families = Families()
    process_metrics.expose(families, "web", reading)
    found: dict[tuple[str, ...], float] = {}
    for family in families:
        for sample in family.samples:
            assert sample.labels.pop("groupname") == "web"
            found[sample.name, *sample.labels.values()] = sample.value
    return found
